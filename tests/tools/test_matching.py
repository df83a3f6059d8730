"""Words of scripts without blanks are found within runs, and all other text is matched as it is written."""

import json
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.tools.corpus import Corpus
from citerefine.tools.indexing import update_corpus
from citerefine.tools.matching import MAX_TERMS, expression, searchable

TEXTS = {
    "biwa": "琵琶湖の表層水温は1980年から約1.5度上昇した。",
    "suwa": "諏訪湖では御神渡りの出現が減っている。",
    "salmon": "サケの漁獲量は北海道で減少した。",
    "apple": "りんごの栽培適地は温暖化により北へ移動する。",
    "cells": "京都大学はiPS細胞をMouseの皮膚からDNA導入で作製した。",
    "taihu": "太湖的蓝藻水华在夏季频繁发生。",
    "beijing": "北京大学的研究者调查了地下水污染。",
    "thai": "ปริมาณน้ำในทะเลสาบลดลงเพราะอากาศร้อน",
    "lao": "ລະດັບນ້ຳໃນແມ່ນ້ຳຂອງຫຼຸດລົງ",
    "khmer": "ទន្លេសាបមានត្រីច្រើនប្រភេទ",
    "burmese": "အင်းလေးကန်ရေအနက်လျော့နည်းလာသည်",
    "korean": "호수의 수온이 상승했다.",
    "english": "Perch doubled in Lake Orven.",
}


def corpus_of(folder: Path, texts: dict[str, str]) -> Corpus:
    rows = (json.dumps({"id": id, "text": text}) for id, text in texts.items())
    (folder / "rows.jsonl").write_text("\n".join(rows))
    corpus = Corpus.in_memory()
    update_corpus(corpus, [folder / "rows.jsonl"])
    return corpus


def found(corpus: Corpus, query: str) -> list[str]:
    return [str(hit.snippet.source).partition("#")[2] for hit in corpus.search(query)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    with corpus_of(tmp_path_factory.mktemp("rows"), TEXTS) as corpus:
        yield corpus


@pytest.mark.parametrize(
    ("query", "id"),
    [
        ("水温", "biwa"), ("琵琶湖の水温は上昇しましたか", "biwa"), ("御神渡り", "suwa"), ("漁獲量", "salmon"),
        ("サケ", "salmon"), ("サケはなぜ減ったのですか？", "salmon"), ("りんご", "apple"), ("温暖化", "apple"),
        ("蓝藻", "taihu"), ("太湖的水华什么时候发生？", "taihu"), ("地下水", "beijing"), ("污染", "beijing"),
        ("ทะเลสาบ", "thai"), ("น้ำ", "thai"), ("ອງຫຼຸດ", "lao"), ("ត្រី", "khmer"), ("ရေအနက်", "burmese"),
        ("ips", "cells"), ("iPS細胞", "cells"), ("皮膚 mice mouse", "cells"), ("DNA", "cells"),
        ("수온이", "korean"), ("perch", "english"),
    ],
)  # fmt: skip
def test_a_word_is_found_inside_a_run(corpus: Corpus, query: str, id: str) -> None:
    assert found(corpus, query)[0] == id


@pytest.mark.parametrize("query", ["東京", "温水", "湖琵", "ケサ", "ごん", "กาแฟ", "수온", "온이", "これはなぜですか"])
def test_what_stands_nowhere_is_not_found(corpus: Corpus, query: str) -> None:
    assert found(corpus, query) == []


@pytest.mark.parametrize(
    ("character", "ids"),
    [("湖", {"biwa", "suwa", "taihu"}), ("琵", {"biwa"}), ("生", {"taihu"}), ("鮭", set()), ("华", {"taihu"})],
)
def test_one_character_is_found_wherever_it_stands(corpus: Corpus, character: str, ids: set[str]) -> None:
    assert set(found(corpus, character)) == ids


@pytest.mark.parametrize("query", ["ｻｹ", "サケ", "ぱんだ", "ﾊﾟﾝﾀﾞ", "\uf9ac"])
def test_forms_of_one_character_are_the_same(tmp_path: Path, query: str) -> None:
    text = {"ｻｹ": "白ザケとサケの卵", "サケ": "白ｻﾞｹとｻｹの卵", "ぱんだ": unicodedata.normalize("NFD", "大ぱんだの子"),
            "ﾊﾟﾝﾀﾞ": "大パンダの子", "\uf9ac": "大怜の子"}[query]  # fmt: skip
    with corpus_of(tmp_path, {"text": text, "other": "白鳥の湖"}) as corpus:
        hit = corpus.search(query)[0].snippet
        assert (hit.text, hit.start, hit.end) == (text, 0, len(text))


def test_the_passage_with_the_whole_word_comes_first(tmp_path: Path) -> None:
    texts = {
        "scattered": "湖琵琶と琶湖の水",
        "pairs twice": "琵琶と琶湖、琵琶と琶湖",
        "whole": "琵琶湖は滋賀県にあり、日本でもっとも大きい湖である",
        "none": "諏訪の山",
    }
    with corpus_of(tmp_path, texts) as corpus:
        assert found(corpus, "琵琶湖")[0] == "whole"
        assert found(corpus, "滋賀県の琵琶湖")[0] == "whole"


@pytest.mark.parametrize(
    "query",
    [
        '"水温', '水温" OR "', "水温*", "^水温", "-水温", "NEAR(水温 湖)", "text:水温", "(水温", "水温 AND",
        "{text}:水温", "水温'); DROP TABLE passages; --", "水\x00温 水温", "水温\ud800", "水温\u3099\u3099", "水温ー゛",
        "水温 " + "湖" * 5000, "水温 " + "漢字仮名" * 5000, "水温" + "น้ำ" * 3000,
        "水温 " + " ".join(map(chr, range(0x4E00, 0x5400))),
    ],
)  # fmt: skip
def test_no_query_without_blanks_is_syntax(corpus: Corpus, query: str) -> None:
    assert "biwa" in found(corpus, query)
    assert len(corpus) == len(TEXTS)


UNSPACED = st.text(st.sampled_from("水温湖のがサケｻﾞ々〇น้ำทលေ \"*():^-aOR1。\u3099\U00020000"), max_size=30)


@given(UNSPACED)
def test_any_text_is_found_by_itself_or_refused_quietly(text: str) -> None:
    with Corpus.in_memory() as corpus:
        insert = "INSERT INTO passages (document_id, start, end, heading, text) VALUES (1, 0, 1, '', ?)"
        corpus.connection.execute("PRAGMA foreign_keys = OFF")
        corpus.connection.execute(insert, (text,))
        corpus.search(text)
        corpus.connection.execute("INSERT INTO passages_fts (passages_fts, rank) VALUES ('integrity-check', 1)")
        corpus.connection.execute("DELETE FROM passages")
        corpus.connection.execute("INSERT INTO passages_fts (passages_fts, rank) VALUES ('integrity-check', 1)")


def test_a_passage_that_goes_leaves_nothing_in_the_index(tmp_path: Path) -> None:
    with corpus_of(tmp_path, TEXTS) as corpus:
        (tmp_path / "rows.jsonl").write_text(json.dumps({"id": "new", "text": "摩周湖の透明度"}))
        update_corpus(corpus, [tmp_path / "rows.jsonl"])
        assert found(corpus, "湖") == ["new"]
        assert found(corpus, "水温") == found(corpus, "ทะเลสาบ") == []


def test_headings_are_searched_too(tmp_path: Path) -> None:
    row = {"id": "a", "title": "湖沼の水質調査報告", "text": "数値は表の通り。"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    with Corpus.in_memory() as corpus:
        update_corpus(corpus, [tmp_path / "rows.jsonl"])
        assert found(corpus, "水質") == ["a"]


@pytest.mark.parametrize(
    "text",
    ["", "Perch doubled.", "naïve Füße ﬁne", "호수의 수온", "вода в озере", "الماء", "पानी", "…。", "Ｌａｔｉｎ １"],
)
def test_text_with_blanks_between_words_is_given_as_it_is(text: str) -> None:
    assert searchable(text) == text


def test_a_query_with_blanks_between_words_is_its_content_words() -> None:
    assert expression("Did the Perch double? 호수의 물") == '"perch" OR "double" OR "호수의" OR "물"'
    assert expression("of the") is None


def test_a_run_is_given_as_its_pairs() -> None:
    assert searchable("iPS細胞は、Aで") == "iPS 細胞 胞は は 、A で "


def test_long_texts_take_linear_time() -> None:
    for run in ("漢", "しかし", "น้ำ", "か\u3099", "ก\u0e38\u0e48", "ﾊﾟ", "漢a"):
        started = time.process_time()
        assert len(searchable(run * 20_000)) > 20_000
        assert (expression(run * 20_000) or "").count(" OR ") < MAX_TERMS
        assert time.process_time() - started < 10  # quadratic: minutes

"""Scripts without blanks: pieces of runs, and what carries no meaning in them."""

import time

import pytest

from citerefine.refiner.language import unspaced
from citerefine.refiner.language.unspaced import RUN, content_pieces, content_stretches, has_run, joined, pieces


@pytest.mark.parametrize(
    ("run", "stretches"),
    [
        ("琵琶湖の水温は上昇しましたか", ["琵琶湖", "水温", "上昇"]),
        ("北海道のりんごの生産量", ["北海道", "りんご", "生産量"]),
        ("りんごはどこへ移動しますか", ["りんご", "移動"]),
        ("サケはなぜ減ったのですか", ["サケ", "減"]),
        ("水温が上がった", ["水温", "上"]),
        ("これはなぜですか", []),
        ("太湖的水华怎么发生了吗", ["太湖", "水华", "发生"]),
        ("น้ำในทะเลสาบ", ["น้ำในทะเลสาบ"]),
    ],
)
def test_particles_and_endings_carry_no_meaning(run: str, stretches: list[str]) -> None:
    assert [*content_stretches(run)] == stretches


BLOCKS = [0x0E00, 0x1000, 0x1700, 0x3000, 0x4DB0, 0x9FF0, 0xAA00, 0xF8F0, 0xFF00, 0x1FFF0, 0x3FFF0]


@pytest.mark.parametrize("first", BLOCKS)
def test_a_text_has_a_run_where_one_can_be_cut(first: int) -> None:
    for character in map(chr, range(first, first + 0x100)):
        assert has_run(f"a {character}") == (RUN.search(character) is not None)


def test_pieces_are_neighbours_and_han_characters_alone() -> None:
    assert [*pieces("ｻﾞｹの卵焼")] == ["ザケ", "の", "卵", "卵焼", "焼"]
    assert [*pieces("น้ำใ")] == ["น้ำ", "้ำใ"]
    assert [*content_pieces("サンマの卵")] == ["サン", "ンマ", "卵"]


def test_pieces_are_put_together_for_people() -> None:
    apart = ["perch", *pieces("琵琶湖"), *pieces("サンマ"), "a", "ab"]
    assert joined(apart) == ["perch", "琵琶湖", "サンマ", "a", "ab"]
    assert joined(pieces("ทะเลสาบ")) == ["ทะเลสาบ"]


def test_the_longest_word_of_the_grammar_is_looked_for() -> None:
    assert max(map(len, unspaced._grammar())) <= unspaced._LONGEST_GRAMMAR


def test_long_runs_take_linear_time() -> None:
    for run in ("漢", "しかし", "の", "น้ำ", "か\u3099", "ก\u0e38\u0e48", "漢しかして"):
        started = time.process_time()
        assert sum(1 for _ in content_pieces(run * 20_000)) >= 0
        assert time.process_time() - started < 10  # quadratic: minutes

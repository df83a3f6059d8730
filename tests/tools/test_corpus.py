"""Searching: any text is a query, hits know their place, files that are no corpus are refused."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.refiner.records import Snippet
from citerefine.tools import database
from citerefine.tools.corpus import Corpus, Hit, find_evidence
from citerefine.tools.errors import CorpusError, CorpusWriteError
from citerefine.tools.indexing import update_corpus

ROWS = [
    {
        "id": "orven",
        "title": "Lake Orven survey",
        "year": 2012,
        "authors": ["Ada Lind", "Bo Ek"],
        "doi": "10.1000/orven",
        "sections": [
            {"label": "Objective", "text": "To find out whether perch doubled in Lake Orven."},
            {"label": "Methods", "text": "Nets were set each August."},
            {"label": "Results", "text": "Biomass rose from 4 to 8 kg per net."},
        ],
    },
    {"id": "saima", "title": "Lake Saima ice", "text": "Ice on Lake Saima broke up earlier every decade."},
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in ROWS))
    with Corpus.in_memory() as corpus:
        update_corpus(corpus, [path])
        yield corpus


def test_a_hit_knows_its_work_and_its_place(corpus: Corpus) -> None:
    snippet = corpus.search("Did perch double?")[0].snippet
    assert snippet.text == "To find out whether perch doubled in Lake Orven."
    assert (snippet.title, snippet.year, snippet.authors) == ("Lake Orven survey", 2012, ("Ada Lind", "Bo Ek"))
    assert (snippet.doi, snippet.section, snippet.source) == ("10.1000/orven", "Objective", "rows.jsonl#orven")
    assert (snippet.start, snippet.end) == (0, len(snippet.text))


def test_better_matches_come_first_and_limit_holds(corpus: Corpus) -> None:
    hits = corpus.search("ice on Lake Saima", limit=2)
    assert len(hits) == 2
    assert hits[0].snippet.title == "Lake Saima ice"
    assert hits[0].score > hits[1].score > 0


def test_words_match_by_their_stem_and_without_accents(corpus: Corpus) -> None:
    assert corpus.search("doubling")[0].snippet.source == "rows.jsonl#orven"
    assert corpus.search("Sáima")[0].snippet.source == "rows.jsonl#saima"


def test_evidence_is_read_on_around_the_hits(corpus: Corpus) -> None:
    texts = [snippet.text for snippet in find_evidence([corpus], "Did perch double?", limit=1)]
    assert texts == [
        "To find out whether perch doubled in Lake Orven.",
        "Nets were set each August.",
        "Biomass rose from 4 to 8 kg per net.",
    ]


def test_evidence_of_several_corpora_is_fused_and_each_passage_comes_once(corpus: Corpus) -> None:
    alone = find_evidence([corpus], "lake")
    assert find_evidence([corpus, corpus], "lake") == alone


def test_files_with_one_name_in_two_corpora_stay_two_sources(tmp_path: Path) -> None:
    corpora = []
    for person, finding in (("alice", "lowered"), ("bob", "raised")):
        (tmp_path / person / "notes").mkdir(parents=True)
        (tmp_path / person / "notes" / "trial.txt").write_text(f"Drug Kappa {finding} blood pressure.")
        corpora.append(Corpus.in_memory())
        update_corpus(corpora[-1], [tmp_path / person / "notes"])
    found = find_evidence(corpora, "Did drug Kappa lower blood pressure?")
    assert [snippet.source for snippet in found] == ["notes/trial.txt", "notes/trial.txt (2)"]
    assert len({snippet.id for snippet in found}) == 2
    assert [snippet.source for snippet in find_evidence(corpora, "raised?", 1)] == ["notes/trial.txt (2)"]
    for corpus in corpora:
        corpus.close()


@pytest.mark.parametrize(
    "query",
    [
        "", " ", '"', '""', "perch AND", "NEAR(perch lake)", "text:perch", "-perch", "perch*", "^perch", "(perch",
        "perch OR OR", "{text}:perch", "😀🎉", "\x00", "perch\x00lake", "'; DROP TABLE passages; --", "a of the",
        "perch " * 2000, " ".join(f"word{n}" for n in range(1500)), "世界", "\ud800", "ﬁ ﬀ", "İ", "x" * 10_000,
    ],
)  # fmt: skip
def test_no_query_is_syntax(corpus: Corpus, query: str) -> None:
    hits = corpus.search(query)
    assert len(corpus) == 4
    if "perch" in query:
        assert hits[0].snippet.source == "rows.jsonl#orven"


@given(st.text(max_size=60))
def test_no_text_breaks_the_search(query: str) -> None:
    with Corpus.in_memory() as corpus:
        assert corpus.search(query) == []


def test_a_missing_corpus_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no corpus at .*nothing\.db; make one with: citerefine index"):
        Corpus.open(tmp_path / "nothing.db")


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear reader, this is no database. " * 50)
    before = path.read_bytes()
    for opening in (Corpus.open, Corpus.create):
        with pytest.raises(CorpusError, match="is no corpus"):
            opening(path)
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE photos (id)")
    other.commit()
    other.close()
    for opening in (Corpus.open, Corpus.create):
        with pytest.raises(CorpusError, match="an SQLite file but no corpus"):
            opening(path)


@pytest.mark.parametrize("version", [1, 99])
def test_a_corpus_of_another_format_is_refused(tmp_path: Path, version: int) -> None:
    path = tmp_path / "old.db"
    with Corpus.create(path) as corpus:
        corpus.connection.execute(f"PRAGMA user_version = {version}")
    message = f"has corpus format {version}, this version reads 2; index the files anew"
    for opening in (Corpus.open, Corpus.create):
        with pytest.raises(CorpusError, match=message):
            opening(path)


def test_a_truncated_corpus_is_an_error_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("perch " * 50_000)
    path = tmp_path / "corpus.db"
    with Corpus.create(path) as corpus:
        update_corpus(corpus, [tmp_path / "a.txt"])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CorpusError, match=r"corpus\.db is damaged"), Corpus.open(path) as corpus:
        corpus.search("perch")


def make_corpus(folder: Path) -> Path:
    (folder / "a.txt").write_text("Perch doubled. " * 2000)
    with Corpus.create(folder / "corpus.db") as corpus:
        update_corpus(corpus, [folder / "a.txt"])
    return folder / "corpus.db"


READS: dict[str, Callable[[Corpus], object]] = {
    "search": lambda corpus: corpus.search("perch"),
    "read_around": lambda corpus: corpus.read_around(Hit(Snippet(text="perch"), 1.0, 1, 2)),
    "len": len,
    "count_documents": Corpus.count_documents,
    "count_unread": Corpus.count_unread,
    "update_corpus": lambda corpus: update_corpus(corpus, [Path(__file__).parent / "notes"]),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_damaged_pages_are_an_error_that_says_what_to_do(tmp_path: Path, read: Callable[[Corpus], object]) -> None:
    path = make_corpus(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))  # all pages but the first
    with Corpus.open(path) as corpus, pytest.raises(CorpusError) as caught:
        read(corpus)
    assert str(caught.value).startswith(f"{path} is damaged (")
    assert "index the files anew: delete it, then citerefine index" in str(caught.value)


@pytest.mark.parametrize("damage", ["text = CAST(x'ff' AS TEXT)", "start = 'here'"])
def test_a_damaged_value_is_an_error_too(tmp_path: Path, damage: str) -> None:
    path = make_corpus(tmp_path)
    with Corpus.open(path) as corpus:
        hit = corpus.search("perch")[0]
        corpus.connection.execute(f"UPDATE passages SET {damage}")
        with pytest.raises(CorpusError, match="is damaged"):
            corpus.read_around(hit)


def test_use_after_close_is_the_callers_mistake_and_no_damage() -> None:
    corpus = Corpus.in_memory()
    corpus.close()
    with pytest.raises(sqlite3.ProgrammingError):
        len(corpus)


def test_a_locked_corpus_is_busy_and_not_taken_for_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    path = make_corpus(tmp_path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    message = r"corpus\.db is being written by another process; try again when it has finished"
    with pytest.raises(CorpusError, match=message):
        Corpus.open(path)
    other.close()


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has every file taken for one that may not be written; root may write also what has mode 0400."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)


@pytest.mark.usefixtures("read_only")
def test_a_corpus_that_may_not_be_written_can_be_searched(tmp_path: Path) -> None:
    path = make_corpus(tmp_path)
    path.chmod(0o400)
    with Corpus.open(path) as corpus:
        assert corpus.search("perch")
        with pytest.raises(CorpusWriteError, match=r"corpus\.db cannot be written: .*readonly.* run it again"):
            update_corpus(corpus, [tmp_path])


@pytest.mark.usefixtures("read_only")
def test_what_a_killed_writer_left_can_be_read_without_writing(tmp_path: Path) -> None:
    path, left = make_corpus(tmp_path), tmp_path / "left.db"
    with Corpus.create(path) as corpus:
        corpus.connection.execute("PRAGMA journal_mode = WAL").fetchall()
        corpus.connection.execute("UPDATE documents SET title = 'in the wal'")
        for ending in ("", "-wal"):  # as they lie there when the process ends now
            shutil.copy(f"{path}{ending}", f"{left}{ending}")
    left.chmod(0o400)
    with Corpus.open(left) as corpus:
        assert corpus.search("perch")[0].snippet.title == "in the wal"


def test_a_corpus_is_new_only_when_it_was_made(tmp_path: Path) -> None:
    with Corpus.create(tmp_path / "corpus.db") as made:
        assert made.is_new
    with Corpus.create(tmp_path / "corpus.db") as found:
        assert not found.is_new
    with Corpus.open(tmp_path / "corpus.db") as opened:
        assert not opened.is_new


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"the folder .*/nowhere does not exist"):
        Corpus.create(tmp_path / "nowhere" / "corpus.db")

"""A local corpus as a search tool."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from citerefine.refiner.errors import InputError
from citerefine.refiner.graph import build_graph
from citerefine.refiner.protocols import Outcome, SearchTool
from citerefine.tools.corpus import Corpus, find_evidence
from citerefine.tools.errors import CorpusError
from citerefine.tools.indexing import update_corpus
from citerefine.tools.local import LocalSearch

QUESTION = "Did perch double in Lake Orven?"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index of three files."""
    (tmp_path / "papers").mkdir()
    for name, text in {
        "perch": "Perch in Lake Orven doubled between 1990 and 2010.\n\nGill nets showed it.",
        "pike": "Pike in Lake Orven vanished.",
        "ice": "Ice came later on Lake Saima.",
    }.items():
        (tmp_path / "papers" / f"{name}.txt").write_text(text)
    with Corpus.create(tmp_path / "corpus.db") as corpus:
        update_corpus(corpus, [tmp_path / "papers"])
    return tmp_path / "corpus.db"


def test_it_finds_what_find_evidence_finds(index: Path) -> None:
    with LocalSearch(index) as search, Corpus.open(index) as corpus:
        assert isinstance(search, SearchTool)
        for query in (QUESTION, "ice", "lake", "x" * 100_000, "", '" OR NEAR(*'):
            for k in (1, 10):
                page = asyncio.run(search.search(query, k))
                assert [*page.snippets] == find_evidence([corpus], query, k)
                assert page.outcome is (Outcome.OK if page.snippets else Outcome.EMPTY)


def test_one_object_serves_several_questions_at_once_and_any_thread(index: Path) -> None:
    with Corpus.open(index) as corpus, LocalSearch([corpus, str(index)], name="lakes") as search:

        async def at_once() -> set[int]:
            pages = await asyncio.gather(*(search.search(QUESTION, 5) for _ in range(50)))
            return {len(page.snippets) for page in pages}

        assert len(asyncio.run(at_once())) == 1
        answer = build_graph([search]).invoke({"question": QUESTION})["answer"]  # in a thread of its own
        assert answer["text"].startswith("Perch in Lake Orven doubled")
        assert search.name == "lakes"


def test_it_closes_what_it_opened_and_nothing_else(index: Path) -> None:
    with Corpus.open(index) as corpus:
        with LocalSearch([corpus, index]) as search:
            own = search.corpora[1]
        assert len(corpus)
        with pytest.raises(sqlite3.ProgrammingError):
            len(own)


def test_a_corpus_that_is_not_there_is_named_at_once(tmp_path: Path, index: Path) -> None:
    with pytest.raises(CorpusError, match=r"there is no corpus at .*none\.db"):
        LocalSearch([index, tmp_path / "none.db"])
    with pytest.raises(InputError, match="was given no corpus"):
        LocalSearch([])


def test_a_corpus_that_cannot_be_read_is_a_failed_page_that_says_why(index: Path) -> None:
    with LocalSearch(index) as search:
        size = index.stat().st_size
        with index.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (size - 4096))
        page = asyncio.run(search.search(QUESTION, 5))
    assert page.outcome is Outcome.FAILED
    assert "corpus.db is damaged" in page.warnings[0]

"""A local corpus: documents cut into passages, in one SQLite file, searched with FTS5 and BM25.

In: queries of any text. Out: `Hit`s whose snippets keep document, section, page and offsets. The file is written
by tools/indexing.py; while that happens it can be searched. Not here: reading files (readers/), what is looked for in
the index (matching.py), what SQLite's errors mean (database.py), choosing what to answer (refiner/).
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from citerefine.refiner.records import Snippet
from citerefine.tools.database import connect, errors_of_writing, reading
from citerefine.tools.errors import CorpusError, UnusableCorpusError
from citerefine.tools.matching import expression, searchable

APPLICATION_ID: Final = 0x63697465  # "cite"
FORMAT: Final = 2
"""Version of the tables; another one cannot be read. Since 2 words are found within runs without blanks."""
HEADING_WEIGHT: Final = 0.5
"""Weight of a word in title or section heading against one in the passage."""
FUSION_CONSTANT: Final = 60
"""k of reciprocal rank fusion, 1 / (k + rank) (Cormack, Clarke, Büttcher 2009, section 2)."""

READ_DOCUMENTS: Final = 3
"""Of how many of the best documents `find_evidence` reads on around the hits."""
READ_PASSAGES: Final = 4
"""How many passages before and behind a hit it reads: an abstract as a whole, a section of a paper."""

_COLUMNS = """
SELECT d.id, p.id, {score}, p.text, p.section, p.page, p.start, p.end, f.name, d.key, d.title,
       d.authors, d.year, d.venue, d.doi, d.url, d.licence
FROM {table} JOIN documents d ON d.id = p.document_id JOIN files f ON f.id = d.file_id
"""
_SEARCH = (
    _COLUMNS.format(
        score="-bm25(passages_fts, 1.0, ?)", table="passages_fts JOIN passages p ON p.id = passages_fts.rowid"
    )
    + "WHERE passages_fts MATCH ? ORDER BY 3 DESC, 2 LIMIT ?"
)
_AROUND = (
    _COLUMNS.format(score="0.0", table="passages p")
    + "WHERE p.document_id = ? AND p.id BETWEEN ? AND ? AND p.id <> ? ORDER BY p.id"
)
_COUNT_UNREAD = """
SELECT count(*) FROM files
WHERE EXISTS (SELECT 1 FROM json_each(files.problems) WHERE json_extract(json_each.value, '$[2]'))
"""


class Hit(NamedTuple):
    """A passage that matches a query."""

    snippet: Snippet
    score: float
    """Higher is better; comparable within one query and one corpus only."""
    document: int
    """Number of its document in the corpus."""
    passage: int
    """Its own number; passages of a document are numbered in reading order."""


class Corpus:
    """An open corpus. Use it as a context manager, or `close` it.

    >>> with Corpus.in_memory() as corpus:
    ...     corpus.search("anything")
    []
    """

    def __init__(self, connection: sqlite3.Connection, name: str, path: Path | None = None) -> None:
        self.connection = connection
        self.name = name
        self.path = path
        """The file; None if it is in memory."""
        self._is_new = False
        connection.execute("PRAGMA foreign_keys = ON")
        connection.create_function("searchable", 1, searchable, deterministic=True)  # the tables are filled with it

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """An existing corpus. Raises CorpusError if there is none, or the file is something else."""
        path = Path(path)
        if not path.is_file():
            raise CorpusError(f"there is no corpus at {path}; make one with: citerefine index FOLDER --out {path}")
        corpus = cls(connect(path, "rw"), path.name, path)
        try:
            corpus._check_format()
        except BaseException:
            corpus.close()
            raise
        return corpus

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Self:
        """The corpus at `path`, which is made if there is none. Raises CorpusError."""
        path = Path(path)
        if not path.parent.is_dir():
            raise CorpusError(f"the folder {path.parent} does not exist; make it, or name another --out")
        if path.exists() and not path.is_file():
            raise CorpusError(f"{path} is no file; name a file such as corpus.db")
        corpus = cls(connect(path, "rwc"), path.name, path)
        try:
            if corpus._is_empty():
                corpus._make_tables()
            corpus._check_format()
        except BaseException:
            corpus.close()
            raise
        return corpus

    @classmethod
    def in_memory(cls, name: str = "memory") -> Self:
        """An empty corpus that goes when it is closed."""
        corpus = cls(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False), name)
        corpus._make_tables()
        return corpus

    @property
    def where(self) -> str:
        """How messages name it."""
        return str(self.path) if self.path is not None else f"the corpus in memory ({self.name})"

    @property
    def is_new(self) -> bool:
        """Whether its tables were made when it was opened, so that it holds nothing but what was written since."""
        return self._is_new

    def _is_empty(self) -> bool:
        return self._number("SELECT count(*) FROM sqlite_master") == 0

    def _make_tables(self) -> None:
        with errors_of_writing(self.where):
            self.connection.execute("BEGIN IMMEDIATE")
            if self._is_empty():  # else another process was faster
                for statement in _statements(_schema()):
                    self.connection.execute(statement)
                self.connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self.connection.execute(f"PRAGMA user_version = {FORMAT}")
                self._is_new = True
            self.connection.execute("COMMIT")

    def _check_format(self) -> None:
        application, version = self._number("PRAGMA application_id"), self._number("PRAGMA user_version")
        if application != APPLICATION_ID:
            raise UnusableCorpusError(
                f"{self.where} is an SQLite file but no corpus; a corpus is made by: citerefine index FOLDER --out FILE"
            )
        if version != FORMAT:
            raise UnusableCorpusError(
                f"{self.where} has corpus format {version}, this version reads {FORMAT}; index the files anew: "
                f"citerefine index FOLDER --out ANOTHER.db"
            )

    def close(self) -> None:
        """Closes the file; what was committed stays."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """Number of passages. Raises CorpusError, as every method that reads, if the file cannot be read."""
        return self._number("SELECT count(*) FROM passages")

    def count_documents(self) -> int:
        """Number of documents."""
        return self._number("SELECT count(*) FROM documents")

    def is_unfinished(self) -> bool:
        """Whether it is being updated now, or its last update was interrupted: files may be missing."""
        return bool(self._number("SELECT unfinished FROM updates"))

    def count_unread(self) -> int:
        """Number of files of which something could not be read: nothing at all, some rows, or what it is now."""
        return self._number(_COUNT_UNREAD)

    def state(self) -> str:
        """Changes whenever a file in it does: SHA-256 of the names and contents of all files, in hex."""
        digest = hashlib.sha256()
        with reading(self.where):
            for name, sha256 in self.connection.execute("SELECT name, sha256 FROM files ORDER BY name"):
                digest.update(f"{name}\0{sha256}\0".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def has_file(self, name: str) -> bool:
        """Whether a file of this name is in it."""
        return bool(self._number("SELECT count(*) FROM files WHERE name = ?", name))

    def search(self, query: str, limit: int = 10) -> list[Hit]:
        """The passages that match best, best first; equal scores in the order of indexing.

        Args:
            query: any text; passages that hold any of its content words are found.
            limit: how many to return at most.

        Raises:
            CorpusError: if the file is damaged, or cannot be read.
        """
        wanted = expression(query)
        return [] if wanted is None else self._hits(_SEARCH, (HEADING_WEIGHT, wanted, limit))

    def read_around(self, hit: Hit) -> list[Hit]:
        """The passages before and behind a hit in its document, in reading order, without the hit; score 0."""
        span = (hit.document, hit.passage - READ_PASSAGES, hit.passage + READ_PASSAGES, hit.passage)
        return self._hits(_AROUND, span)

    def _hits(self, statement: str, values: tuple[object, ...]) -> list[Hit]:
        with reading(self.where):
            return [_hit(row) for row in self.connection.execute(statement, values).fetchall()]

    def _number(self, statement: str, *values: str) -> int:
        with reading(self.where):
            (number,) = self.connection.execute(statement, values).fetchone()
            return int(number)


def _schema() -> str:
    return files("citerefine.tools").joinpath("corpus_schema.sql").read_text("utf-8")


def _statements(script: str) -> Iterator[str]:
    """The statements of an SQL script; `executescript` would end the transaction that they belong to."""
    waiting = ""
    for line in script.splitlines(keepends=True):
        waiting += line
        if sqlite3.complete_statement(waiting):
            yield waiting
            waiting = ""


def _hit(row: Sequence[Any]) -> Hit:
    document, passage, score, text, section, page, start, end, name, key, *work = row
    title, authors, year, venue, doi, url, licence = work
    snippet = Snippet.model_validate(
        {
            "text": text,
            "title": title,
            "authors": json.loads(authors),
            "year": year,
            "venue": venue,
            "doi": doi,
            "url": url,
            "source": f"{name}#{key}" if key else name,
            "section": section,
            "page": page,
            "start": start,
            "end": end,
            "licence": licence,
        }
    )
    return Hit(snippet, score, document, passage)


def find_evidence(corpora: Sequence[Corpus], question: str, limit: int = 10) -> list[Snippet]:
    """The passages of all corpora that a question should be answered from, best first, each once.

    The `limit` best hits, fused by reciprocal rank since scores of different corpora cannot be compared; behind
    the first hit of each of the best documents the passages around it, since the sentence that answers is often
    not the one that repeats the question.
    """
    fused: dict[str, float] = {}
    found: dict[str, tuple[Corpus, Hit]] = {}
    corpora = list(dict.fromkeys(corpora))
    for corpus in corpora:
        for rank, hit in enumerate(corpus.search(question, limit), 1):
            found.setdefault(hit.snippet.id, (corpus, hit))
            fused[hit.snippet.id] = fused.get(hit.snippet.id, 0.0) + 1 / (FUSION_CONSTANT + rank)
    best = sorted(fused, key=lambda id: -fused[id])[:limit]
    read = list(_read_on(found[id] for id in best))
    return list({snippet.id: snippet for snippet in _told_apart(read, corpora)}.values())


def _told_apart(hits: Iterable[tuple[Corpus, Hit]], corpora: Sequence[Corpus]) -> Iterator[Snippet]:
    """The snippets; a file whose name an earlier corpus has too gets a number, the same for every question."""
    for corpus, hit in hits:
        name, mark, key = (hit.snippet.source or "").partition("#")
        namesakes = sum(other.has_file(name) for other in corpora[: corpora.index(corpus)])
        if not namesakes:
            yield hit.snippet
        else:
            renamed = {"source": f"{name} ({namesakes + 1}){mark}{key}"}
            yield Snippet.model_validate(hit.snippet.model_dump(exclude={"id"}) | renamed)


def _read_on(hits: Iterable[tuple[Corpus, Hit]]) -> Iterator[tuple[Corpus, Hit]]:
    read: set[tuple[int, int]] = set()
    for corpus, hit in hits:
        yield corpus, hit
        document = (id(corpus), hit.document)
        if document not in read and len(read) < READ_DOCUMENTS:
            read.add(document)
            yield from ((corpus, around) for around in corpus.read_around(hit))

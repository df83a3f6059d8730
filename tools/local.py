"""A local corpus as a search tool: what agents and graphs are handed.

In: paths of indexes, or open corpora. Out: `LocalSearch`, whose pages hold what `find_evidence` finds: the best
passages of all corpora and what stands around the best of them. SQLite works in a thread, so that a search does not
hold up the event loop. Not here: making an index (indexing.py), searching one (corpus.py).
"""

import asyncio
import os
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from citerefine.refiner.errors import InputError
from citerefine.refiner.protocols import Outcome, SearchPage
from citerefine.tools.corpus import Corpus, find_evidence
from citerefine.tools.errors import CorpusError

CorpusLike = str | os.PathLike[str] | Corpus


class LocalSearch:
    """Searches local corpora: a `SearchTool`. Use it as a context manager, or `close` it.

    >>> import asyncio
    >>> with Corpus.in_memory() as corpus:
    ...     asyncio.run(LocalSearch(corpus).search("perch", 10)).outcome.value
    'empty'
    """

    def __init__(self, corpus: CorpusLike | Iterable[CorpusLike], *, name: str = "local") -> None:
        """Opens the corpora.

        Args:
            corpus: the path of an index, an open corpus, or several of them.
            name: how messages name it.

        Raises:
            CorpusError: if there is no corpus at a path.
            InputError: if none is named.
        """
        named = [corpus] if isinstance(corpus, str | os.PathLike | Corpus) else [*corpus]
        if not named:
            raise InputError("LocalSearch was given no corpus; name an index made by: citerefine index")
        self._name = name
        self._lock = threading.Lock()
        self._own = list[Corpus]()
        self.corpora = tuple(self._opened(one) for one in named)

    def _opened(self, corpus: CorpusLike) -> Corpus:
        if isinstance(corpus, Corpus):
            return corpus
        try:
            self._own.append(Corpus.open(corpus))
        except BaseException:
            self.close()
            raise
        return self._own[-1]

    @property
    def name(self) -> str:
        """How messages name it."""
        return self._name

    async def search(self, query: str, k: int) -> SearchPage:
        """The `k` best passages and those around the best of them; a failed page if a corpus cannot be read."""
        return await asyncio.to_thread(self._search, query, k)

    def _search(self, query: str, k: int) -> SearchPage:
        try:
            with self._lock:  # a connection serves one thread at a time
                snippets = find_evidence(self.corpora, query, k)
        except CorpusError as error:
            return SearchPage(outcome=Outcome.FAILED, warnings=(str(error),))
        return SearchPage(snippets=tuple(snippets), outcome=Outcome.OK if snippets else Outcome.EMPTY)

    def close(self) -> None:
        """Closes the corpora that it opened; those that it was handed stay open."""
        for corpus in self._own:
            corpus.close()
        self._own.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

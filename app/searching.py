"""What `ask` searches: corpora, sources of the web, or both, as the command line names them.

In: paths of corpora, specifications of sources, how they are asked. Out: one search tool with notes on what is
searched; what was named and cannot be used is said before anything is searched. Not here: corpora (corpora.py), sources
(tools/), answering (ask.py).
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from citerefine.app.corpora import cache_folder, open_corpora
from citerefine.app.messages import say
from citerefine.refiner.errors import InputError
from citerefine.refiner.protocols import Outcome, SearchPage, SearchTool
from citerefine.tools.closing import close_all
from citerefine.tools.filters import Filters
from citerefine.tools.local import LocalSearch

if TYPE_CHECKING:  # httpx2 takes longer to import than a question takes that needs no network
    from citerefine.tools.web.client import WebClient
    from citerefine.tools.web.store import WebStore

CORPUS: Final = "corpus"
"""What messages call all that `--corpus` names."""
READ_HOSTS: Final = "CITEREFINE_READ_HOSTS"
"""The variable that names hosts and networks of one's own whose pages may be read: `wiki.intern:8080 10.0.0.0/8`."""
_LOCAL: Final = "local:"
_CACHE: Final = "services.db"


class Sources(NamedTuple):
    """What is searched beside corpora, and how."""

    specs: tuple[str, ...] = ()
    filters: Filters = Filters()
    record: Path | None = None
    """Store that takes all that services answer."""
    replay: Path | None = None
    """Store that answers in their stead."""
    cached: bool = True
    """Whether what they answered within a day is used again."""
    pages: int = 0
    """Pages that are read behind the hits of each search."""
    reranker: str | None = None

    @property
    def state(self) -> list[str]:
        """What tells one way of searching from another."""
        values = (self.filters.named, self.record, self.replay, self.cached, self.pages, self.reranker)
        return [*self.specs, *map(str, values)] if self.specs else []


NO_SOURCES: Final = Sources()


class Searched:
    """What one run searches: a `SearchTool` that remembers how its searches ended."""

    def __init__(self, search: SearchTool, notes: Sequence[str], state: Sequence[str], web: "WebClient | None") -> None:
        """`notes`: what the reader of an answer should know; `state`: what must not change while a run goes on."""
        self.notes, self.state = tuple(notes), tuple(state)
        self._search, self._web = search, web
        self._replayed = web is not None and web.store is not None and web.store.mode == "replay"
        self._ended = list[tuple[Outcome, bool]]()

    @property
    def tool(self) -> SearchTool:
        """What is searched, without what is remembered: for a program that runs for long."""
        return self._search

    @property
    def name(self) -> str:
        """The name of what is searched."""
        return self._search.name

    async def search(self, query: str, k: int) -> SearchPage:
        """The page of what is searched. Raises what that raises."""
        try:
            page = await self._search.search(query, k)
        except BaseException:  # also where nobody waited for it any more
            self._ended.append((Outcome.FAILED, False))
            raise
        self._ended.append((page.outcome, page.cached))
        return page

    @property
    def failed(self) -> bool:
        """Whether there were searches, and every one failed."""
        return bool(self._ended) and all(outcome not in (Outcome.OK, Outcome.EMPTY) for outcome, _ in self._ended)

    @property
    def was_kept(self) -> bool:
        """Whether there were searches, and none asked anybody, although that was not said before."""
        return not self._replayed and bool(self._ended) and all(cached for _, cached in self._ended)

    async def aclose(self) -> None:
        """Closes connections; to be awaited in the event loop in which it was searched."""
        await close_all((self._search, self._web))


@contextmanager
def open_searched(paths: Sequence[Path], sources: Sources) -> Iterator[Searched]:
    """Everything that is named, or else the built-in notes.

    Raises:
        CorpusError: if there is no corpus at a path.
        InputError: if a source cannot be used, or a store cannot be opened.
    """
    local = [spec for spec in sources.specs if spec.startswith(_LOCAL)]
    paths = [*paths, *(Path(spec.removeprefix(_LOCAL)).expanduser() for spec in local)]
    sources = sources._replace(specs=tuple(spec for spec in sources.specs if spec not in local))
    with ExitStack() as stack:
        if not sources.specs:
            _refuse_without_sources(sources)
            opened = stack.enter_context(open_corpora(paths))
            search = stack.enter_context(LocalSearch(opened.corpora, name=CORPUS))
            yield Searched(search, opened.notes, [corpus.state() for corpus in opened.corpora], None)
            return
        yield _open_sources(paths, sources, stack)


def _open_sources(paths: Sequence[Path], sources: Sources, stack: ExitStack) -> Searched:
    from citerefine.tools.opening import open_search
    from citerefine.tools.web.client import WebClient

    web = WebClient(_open_store(sources, stack))
    local, notes, state = list[SearchTool](), list[str](), sources.state
    if paths:
        opened = stack.enter_context(open_corpora(paths))
        local.append(stack.enter_context(LocalSearch(opened.corpora, name=CORPUS)))
        notes += opened.notes
        state += [corpus.state() for corpus in opened.corpora]
    reranker = None
    if sources.reranker is not None:
        from citerefine.tools.fusing.reranking import open_reranker

        reranker = open_reranker(sources.reranker, web)
    search = open_search(sources.specs, web, sources.filters, local=local, reranker=reranker)
    if sources.pages:
        search = _reading(search, sources.pages, web.store)
    return Searched(search, [*notes, _searched(sources)], state, web)


def _reading(search: SearchTool, pages: int, store: "WebStore | None") -> SearchTool:
    """The search, with pages that are read behind its hits. Raises InputError."""
    from pydantic import ValidationError

    from citerefine.tools.fetching.addresses import Access
    from citerefine.tools.fetching.fetcher import PageFetcher
    from citerefine.tools.fetching.reading import PageReading

    try:
        access = Access(allow=tuple(os.environ.get(READ_HOSTS, "").replace(",", " ").split()))
    except ValidationError as error:
        raise InputError(f"{READ_HOSTS}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None
    return PageReading(search, PageFetcher(store=store, access=access), pages)


def _searched(sources: Sources) -> str:
    named = sources.filters.named
    only = f" with {', '.join(f'{name}={_shown(value)}' for name, value in named.items())}" if named else ""
    again = f", replayed from {sources.replay.name}" if sources.replay else ""
    return f"Searched {', '.join(sources.specs)}{only}{again}."


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _open_store(sources: Sources, stack: ExitStack) -> "WebStore | None":
    from citerefine.tools.web.store import StoreMode, WebStore

    if sources.replay is not None:
        return stack.enter_context(WebStore(sources.replay, StoreMode.REPLAY))
    if sources.record is not None:
        return stack.enter_context(WebStore(sources.record, StoreMode.RECORD))
    if not sources.cached:
        return None
    path = cache_folder() / _CACHE
    try:
        return stack.enter_context(WebStore(path, StoreMode.CACHE))
    except InputError as error:
        say(f"nothing is kept of what services answer: {error}")
        return None


def _refuse_without_sources(sources: Sources) -> None:
    """Raises InputError for what only makes sense where a service is asked."""
    given = {
        "--filter": sources.filters.named,
        "--record": sources.record,
        "--replay with a file of --record": sources.replay,
        "--read-pages": sources.pages,
        "--rerank": sources.reranker,
    }
    useless = [name for name, value in given.items() if value]
    if useless:
        raise InputError(f"{', '.join(useless)} needs a source of the web; name it, as in --source europepmc")


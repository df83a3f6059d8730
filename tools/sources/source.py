"""What all sources have in common: from a query to a page that says how the search ended.

In: a query, filters; the settings of the source. Out: a `SearchPage`: hits as snippets, or which failure it was, and a
warning for each filter that the source cannot honour. A subclass says what is asked and how a reply is read (`find`).
A source keeps no state of any question; one object serves any number at once. Not here: the wire (web/client.py), which
sources there are (registry.py).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

from citerefine.refiner.errors import InputError, ReplayError
from citerefine.refiner.protocols import Outcome, SearchPage
from citerefine.refiner.records import Snippet
from citerefine.refiner.tags.markup import scrub
from citerefine.tools import retractions
from citerefine.tools.filters import Filters
from citerefine.tools.passages import cut_passages
from citerefine.tools.readers.document import Block
from citerefine.tools.sources.settings import SourceSettings, base_url_variable
from citerefine.tools.web.client import WebClient
from citerefine.tools.web.failures import WebFailure
from citerefine.tools.web.pacing import Pace
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import NOBODY, Auth, WebRequest

T = TypeVar("T")

LONGEST_QUERY: Final = 1_000
"""Code points of a query that are sent; addresses have bounds."""
_OUTSIDE: Final = "a year outside since and until"


class Hits(NamedTuple):
    """What a source found."""

    snippets: Sequence[Snippet]
    """Best first."""
    warnings: Sequence[str] = ()
    cost: float | None = None
    """US dollars, where the service says so."""


class Asking:
    """One search's way to the service: it remembers whether anybody had to be asked."""

    def __init__(self, source: "Source", web: WebClient) -> None:
        self._source, self._web = source, web
        self._asked: list[bool] = []
        self.fetched_at: datetime | None = None
        """When the last reply was fetched: `retrieved_at` of what it holds."""

    @property
    def cached(self) -> bool:
        """Whether there was an answer, and nobody had to be asked for any."""
        return bool(self._asked) and all(self._asked)

    async def __call__(self, request: WebRequest, read: Callable[[WebReply], T]) -> T:
        """What `read` makes of the reply; it raises ValueError for a body that is not what the service documents.

        Raises:
            WebFailure: if there is no such reply.
        """
        asked = await self._web.ask(request, read, pace=self._source.pace, auth=self._source.auth())
        self._asked.append(asked.cached)
        self.fetched_at = asked.fetched_at
        value: T = asked.value
        return value


class Source(ABC):
    """One service: a `SearchTool` that also takes filters."""

    source_name: ClassVar[str]
    """As in `--source`; lower case letters and digits."""
    title: ClassVar[str]
    """What people call the service."""
    address: ClassVar[str | None]
    """Base URL; None where everybody runs a server of their own."""
    version: ClassVar[int] = 1
    """To be raised when what is asked or how it is read changes: what was cached before is then no longer used."""
    key_variable: ClassVar[str | None] = None
    needs_key: ClassVar[bool] = False
    honours: ClassVar[frozenset[str]] = frozenset()
    """Names of the filters that the service is told of."""
    most: ClassVar[int] = 100
    """Hits that one request can ask for."""
    arguments: ClassVar[Mapping[str, str]] = {}
    """What may stand behind the name, as in `europepmc:fulltext`: argument → what it does."""

    def __init__(
        self,
        web: WebClient,
        settings: SourceSettings | None = None,
        filters: Filters | None = None,
        argument: str | None = None,
    ) -> None:
        """Asks nobody yet.

        Args:
            web: what all requests go through; it stays open.
            settings: address and key.
            filters: hold for every search that is not given others.
            argument: one of `arguments`.

        Raises:
            InputError: for an argument that there is not.
        """
        if argument is not None and argument not in self.arguments:
            known = "; it takes " + ", ".join(self.arguments) if self.arguments else "; it takes none"
            raise InputError(f"{self.source_name}:{argument} has an argument that this source does not know{known}")
        self.argument = argument
        self._web = web
        self.settings = settings or SourceSettings()
        self.filters = filters or Filters()

    @property
    def name(self) -> str:
        """How messages name it."""
        return self.source_name

    @property
    def base_url(self) -> str:
        """Where the service is asked, without a slash at its end."""
        return self.settings.base_url or self.address or ""

    @property
    def pace(self) -> Pace:
        """What the service bears, by what it documents."""
        return Pace()

    def auth(self) -> Auth:
        """What goes along with each request; by default nothing."""
        return NOBODY

    @property
    def key(self) -> str | None:
        """The key as it is sent."""
        return self.settings.key.get_secret_value() if self.settings.key else None

    def disabled(self) -> str | None:
        """Why it cannot be asked, and what to do; None if it can."""
        if self.needs_key and self.settings.key is None:
            return f"{self.title} needs a key; set {self.key_variable}"
        if not self.base_url:
            return f"{self.title} is a server of your own; set {base_url_variable(self.source_name)} to its address"
        return None

    async def search(self, query: str, k: int, filters: Filters | None = None) -> SearchPage:
        """At most about `k` hits, best first. Never raises for what the service does.

        Args:
            query: what to look for; white space is tidied, and what is beyond LONGEST_QUERY is left out.
            k: about how many hits.
            filters: None stands for those of the source.

        Raises:
            ReplayError: where it is replayed, and this search was not recorded.
            InputError: if it is recorded, and the file cannot be written.
        """
        filters = self.filters if filters is None else filters
        if not self._web.replays and (why := self.disabled()) is not None:
            return SearchPage(outcome=Outcome.DISABLED, warnings=(why,))
        undone = [name for name in filters.named if not self.filters_by(name)]
        asking = Asking(self, self._web)
        said = [f"it cannot filter by {name}: not done" for name in undone]
        try:
            hits = await self.find(" ".join(scrub(query).split())[:LONGEST_QUERY], max(1, k), filters, asking)
        except (ReplayError, InputError):
            raise
        except (ValueError, OverflowError) as error:  # a value of the service that nothing of ours can hold
            why = f"its reply holds what cannot be read ({type(error).__name__})"
            return SearchPage(outcome=Outcome.FAILED, warnings=(why, *said))
        except WebFailure as failure:
            return SearchPage(outcome=failure.outcome, warnings=(self._advised(failure), *said))
        kept = _within(hits.snippets, filters, undone)
        outside = left_out(len(hits.snippets) - len(kept), _OUTSIDE)
        retracted = retractions.warned(snippet.title for snippet in kept)
        return SearchPage(
            snippets=tuple(kept),
            outcome=Outcome.OK if kept else Outcome.EMPTY,
            warnings=(*said, *outside, *hits.warnings, *retracted),
            cost=hits.cost,
            cached=asking.cached,
        )

    def filters_by(self, name: str) -> bool:
        """Whether the service is told of the filter of that name."""
        return name in self.honours

    def _advised(self, failure: WebFailure) -> str:
        """What went wrong, and what to do about the key, where the service takes one."""
        if self.key_variable is None:
            return str(failure)
        if failure.code == "unauthorized":
            look = "whether it is right, and what its account may still do" if self.key else "it holds no key"
            return f"{failure}; check {self.key_variable}: {look}"
        if failure.code == "rate_limited" and self.key is None:
            return f"{failure}; a key of your own in {self.key_variable} lets you ask more"
        return str(failure)

    @abstractmethod
    async def find(self, query: str, k: int, filters: Filters, ask: Asking) -> Hits:
        """The hits of a query. Raises WebFailure."""

    def request(self, path: str, **values: Any) -> WebRequest:
        """A request of this source, to `path` below its base URL."""
        url = f"{self.base_url}/{path}"
        return WebRequest(source=self.source_name, version=self.version, url=url, path=path, **values)


def _within(snippets: Sequence[Snippet], filters: Filters, undone: Sequence[str]) -> list[Snippet]:
    """The hits without those whose year is known to lie outside `since` and `until`, where these are `undone`."""
    first = filters.since.year if filters.since and "since" in undone else MINYEAR
    last = filters.until.year if filters.until and "until" in undone else MAXYEAR
    return [snippet for snippet in snippets if snippet.year is None or first <= snippet.year <= last]


def passages_of(text: str, **fields: Any) -> list[Snippet]:
    """A text as snippets: whole if it is short, else cut between sentences, with offsets in code points.

    `fields`: of each snippet; `start` and `end` are given only where a text was cut.
    """
    passages = [*cut_passages([Block(text, 0)])]
    if len(passages) == 1:
        return [Snippet(text=passages[0].text, **fields)]
    return [Snippet(text=one.text, start=one.start, end=one.end, **fields) for one in passages]


def left_out(n: int, why: str) -> list[str]:
    """A warning of hits that are no evidence, if there are any."""
    return [f"{n} {'hit was' if n == 1 else 'hits were'} left out: {why}"] if n else []


def strange(n: int) -> list[str]:
    """A warning of hits that could not be read, if there are any."""
    return left_out(n, "could not be read")


def unread(reasons: Iterable[str], most: int = 3) -> list[str]:
    """The first of many reasons why something could not be read, and how many more there are."""
    said = [*reasons]
    return said[:most] + ([f"{len(said) - most} more could not be read"] if len(said) > most else [])

"""What a run searches, by name."""

import asyncio
from collections.abc import Sequence

import pytest

from citerefine.refiner.errors import InputError
from citerefine.refiner.protocols import Outcome, SearchPage, SearchTool
from citerefine.refiner.records import Snippet
from citerefine.tools.fusing.fallback import FallbackSearch
from citerefine.tools.fusing.fused_search import FusedSearch
from citerefine.tools.opening import CHAINS, open_search
from citerefine.tools.sources.registry import BUILT_IN
from citerefine.tools.web.client import WebClient


class Notes:
    """A corpus of one passage."""

    name = "corpus"

    def __init__(self) -> None:
        self.closed = False

    async def search(self, query: str, k: int) -> SearchPage:
        """The passage."""
        return SearchPage(snippets=(Snippet(text="Perch doubled."),), outcome=Outcome.OK)

    async def aclose(self) -> None:
        """Remembers it."""
        self.closed = True


def opened(*specs: str, local: Sequence[SearchTool] = ()) -> SearchTool:
    return open_search(specs, WebClient(), local=local)


def test_one_source_is_itself_and_several_are_one_by_their_names() -> None:
    assert opened("europepmc").name == "europepmc"
    both = opened("europepmc", "arxiv", local=[Notes()])
    assert isinstance(both, FusedSearch)
    assert both.name == "corpus-and-europepmc-and-arxiv"
    many = ("europepmc", "arxiv", "pubmed", "crossref", "wikipedia", "openalex")
    assert opened(*many).name == "sources"


def test_a_source_that_is_named_twice_is_asked_once() -> None:
    assert opened("europepmc", " EuropePMC ").name == "europepmc"


def test_a_chain_is_asked_in_its_order() -> None:
    scholarly, first = opened("scholarly"), opened("first:openalex, crossref")
    assert isinstance(scholarly, FallbackSearch)
    assert isinstance(first, FallbackSearch)
    assert (scholarly.name, first.name) == ("scholarly", "openalex-or-crossref")
    assert tuple(tool.name for tool in scholarly.tools) == CHAINS["scholarly"]
    assert all(name in BUILT_IN for names in CHAINS.values() for name in names)


@pytest.mark.parametrize(
    ("specs", "says"),
    [
        ((), "nothing to search is named"),
        (("serper",), "the source serper cannot be used: Serper needs a key; set SERPER_API_KEY"),
        (("first:europepmc,serper",), "the source serper cannot be used"),
        (("first:europepmc",), "is no chain; name two sources or more"),
        (("europepmc,arxiv",), "name each with an option of its own"),
        (("scholarly:x",), "there is no source 'scholarly'"),
    ],
)
def test_what_cannot_be_searched_is_said_at_once(
    specs: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SERPER_API_KEY", raising=False)
    with pytest.raises(InputError, match=says):
        opened(*specs)


def test_closing_what_was_opened_closes_its_parts() -> None:
    notes = Notes()
    search = opened("europepmc", local=[notes])
    assert isinstance(search, FusedSearch)
    asyncio.run(search.aclose())
    assert notes.closed

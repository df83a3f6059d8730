"""Sources by name, those of other packages too."""

from importlib.metadata import EntryPoint
from typing import Any

import pytest
from tests.tools.service import Service, json_reply
from tests.tools.sources.searching import search

from citerefine.refiner.errors import InputError
from citerefine.refiner.protocols import Outcome, SearchTool
from citerefine.tools.filters import Filters
from citerefine.tools.sources import registry
from citerefine.tools.sources.registry import BUILT_IN, known_sources, open_source, read_spec
from citerefine.tools.sources.source import Asking, Hits, Source
from citerefine.tools.web.client import WebClient


class Lake(Source):
    """A source of another package."""

    source_name = "lake"
    title = "The lake"
    address = "https://lake.example.org"
    key_variable = "LAKE_KEY"
    needs_key = True

    async def find(self, query: str, k: int, filters: Filters, ask: Asking) -> Hits:
        """Breaks in the way that its query says."""
        if query == "value":
            raise ValueError("\ud800")
        if query == "number":
            raise OverflowError
        return Hits(())


class Open(Lake):
    """The same without a key."""

    needs_key = False


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("lake", f"{__name__}:Lake", registry.GROUP),
        EntryPoint("broken", "no.such.package:Source", registry.GROUP),
        EntryPoint("europepmc", f"{__name__}:Lake", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: [one for one in points if one.group == group])
    monkeypatch.setattr(EntryPoint, "load", lambda self: Lake if self.name == "lake" else __import__("no.such.package"))


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "mcp"])
def test_every_built_in_source_can_be_opened_and_says_what_it_is(name: str) -> None:
    opened = open_source(name, WebClient())
    assert isinstance(opened, SearchTool)
    assert isinstance(opened, Source)
    assert opened.name == opened.source_name == name
    assert opened.title
    assert opened.honours <= set(Filters.model_fields)


def test_a_package_adds_a_source_by_an_entry_point(plugged: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_KEY", "abc")
    opened: Any = open_source("lake", WebClient(), Filters.model_validate({"since": 2019}))
    assert isinstance(opened, Lake)
    assert (opened.key, opened.filters.named) == ("abc", {"since": opened.filters.since})


def test_a_source_that_cannot_be_loaded_is_named_and_the_built_in_ones_cannot_be_replaced(plugged: None) -> None:
    with pytest.raises(InputError, match=r"the source 'broken' of no\.such\.package:Source cannot be loaded"):
        open_source("broken", WebClient())
    assert not isinstance(open_source("europepmc", WebClient()), Lake)
    with pytest.raises(InputError, match=r"there is no source 'pond'; there are: semanticscholar, .*lake.*scholarly"):
        open_source("pond", WebClient())


def test_all_are_told_of_with_what_they_lack(plugged: None) -> None:
    known = {one.name: one for one in known_sources()}
    assert known["europepmc"].disabled is None
    assert known["lake"].disabled == "The lake needs a key; set LAKE_KEY"
    assert "cannot be loaded" in (known["broken"].disabled or "")


def test_specifications_are_a_name_and_perhaps_an_argument() -> None:
    assert read_spec(" EuropePMC:fulltext ") == ("europepmc", "fulltext")
    assert str(read_spec("mcp:http://127.0.0.1:1/mcp#find")) == "mcp:http://127.0.0.1:1/mcp#find"
    for text in ("", ":", "europepmc:", " : x"):
        with pytest.raises(InputError, match="names no source"):
            read_spec(text)


@pytest.mark.parametrize("query", ["value", "number"])
def test_a_value_that_nothing_can_hold_is_a_failed_search(query: str) -> None:
    with Service(json_reply({})) as service:
        found = search(Open, service, query)
    assert found.outcome is Outcome.FAILED
    assert "holds what cannot be read" in found.warnings[0]

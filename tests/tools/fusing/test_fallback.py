"""Several sources, one after another."""

import asyncio
from typing import Any

import pytest
from tests.tools.fusing.scripted import Tool, page, texts

from citerefine.refiner.errors import InputError, ReplayError
from citerefine.refiner.protocols import Outcome, SearchPage, SearchTool
from citerefine.tools.fusing.fallback import FallbackSearch

EMPTY = page(outcome=Outcome.EMPTY)
LIMITED = page(outcome=Outcome.RATE_LIMITED)
DISABLED = page(outcome=Outcome.DISABLED, warnings=("it needs a key; set X",))


def search(*tools: Tool) -> SearchPage:
    return asyncio.run(FallbackSearch(tools).search("perch", 7))


def test_the_first_source_that_finds_something_is_the_last_that_is_asked() -> None:
    tools = [Tool("a", page("one", warnings=("one hit was left out",))), Tool("b", page("two"))]
    found = search(*tools)
    assert texts(found) == ["one"]
    assert found.warnings == ("a: one hit was left out",)
    assert [tool.asked for tool in tools] == [[("perch", 7)], []]


def test_the_page_says_who_answered_and_why_the_others_did_not() -> None:
    found = search(
        Tool("semanticscholar", LIMITED),
        Tool("exa", DISABLED),
        Tool("arxiv", page(outcome=Outcome.EMPTY, warnings=("it cannot filter by venue: not done",))),
        Tool("web", ValueError("key=secret")),
        Tool("europepmc", page("one", warnings=("one hit was left out",))),
    )
    assert (texts(found), found.outcome) == (["one"], Outcome.OK)
    assert found.warnings == (
        "europepmc answered; semanticscholar takes no more requests for now; exa was not searched: it needs a key; "
        "set X; arxiv holds nothing on it; arxiv: it cannot filter by venue: not done; web failed: ValueError",
        "europepmc: one hit was left out",
    )


@pytest.mark.parametrize(
    ("results", "outcome", "warnings"),
    [
        ([EMPTY, EMPTY], Outcome.EMPTY, ("a holds nothing on it", "b holds nothing on it")),
        ([DISABLED, EMPTY], Outcome.EMPTY, ("a was not searched: it needs a key; set X", "b holds nothing on it")),
        ([LIMITED, LIMITED], Outcome.RATE_LIMITED, tuple(f"{name} takes no more requests for now" for name in "ab")),
        ([EMPTY, KeyError("x")], Outcome.EMPTY, ("a holds nothing on it", "b failed: KeyError")),
        ([DISABLED], Outcome.DISABLED, ("a was not searched: it needs a key; set X",)),
    ],
)
def test_where_none_finds_anything_it_says_what_became_of_each(
    results: list[Any], outcome: Outcome, warnings: tuple[str, ...]
) -> None:
    found = search(*(Tool(name, result) for name, result in zip("ab", results, strict=False)))
    assert (found.outcome, found.snippets) == (outcome, ())
    assert found.warnings == warnings


def test_what_was_paid_for_nothing_counts() -> None:
    tools = [Tool("a", page(outcome=Outcome.EMPTY, cost=0.5)), Tool("b", page("one", cost=0.25, cached=True))]
    found = search(*tools)
    assert (found.cost, found.cached) == (0.75, False)


def test_a_replay_that_lacks_a_reply_asks_no_other_source() -> None:
    other = Tool("b", page("one"))
    with pytest.raises(ReplayError):
        search(Tool("a", ReplayError("record the run anew")), other)
    assert not other.asked


def test_it_has_a_name_and_wants_a_source() -> None:
    assert isinstance(FallbackSearch([Tool("a", EMPTY)], "any"), SearchTool)
    with pytest.raises(InputError, match="any was given no source"):
        FallbackSearch([], "any")


def test_long_reasons_are_cut_behind_words_and_each_source_is_told_of() -> None:
    tools = [Tool(name, page(outcome=Outcome.FAILED, warnings=("it broke " * 60,))) for name in ("arxiv", "pubmed")]
    found = search(*tools, Tool("europepmc", page("one")))
    (warning,) = found.warnings
    assert len(warning) <= 300
    _, arxiv, pubmed = warning.split("; ")
    assert arxiv.startswith("arxiv failed: it broke")
    assert pubmed.startswith("pubmed failed: it broke")
    assert {reason.split()[-1] for reason in (arxiv, pubmed)} <= {"it…", "broke…"}

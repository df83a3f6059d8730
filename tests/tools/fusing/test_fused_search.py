"""Several sources searched at once, as one."""

import asyncio
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tools.fusing.scripted import Scores, Tool, page, texts

from citerefine.refiner.errors import InputError, ReplayError
from citerefine.refiner.protocols import Outcome, SearchPage, SearchTool
from citerefine.refiner.records import Snippet
from citerefine.tools.fusing import pages
from citerefine.tools.fusing.fused_search import FusedSearch
from citerefine.tools.passages import LONGEST, TARGET

EMPTY = page(outcome=Outcome.EMPTY)
LIMITED = page(outcome=Outcome.RATE_LIMITED, warnings=("asked too often",))
FAILED = page(outcome=Outcome.FAILED, warnings=("it broke",))
DISABLED = page(outcome=Outcome.DISABLED, warnings=("it needs a key; set X",))


def search(*results: object, k: int = 10, **how: Any) -> SearchPage:
    """What is found in sources a, b, c …, each of which gives one of the results."""
    tools = [Tool(name, result) for name, result in zip("abcdef", results, strict=False)]
    return asyncio.run(FusedSearch(tools, **how).search("perch", k))


def test_what_several_sources_rank_high_comes_first() -> None:
    found = search(page("one", "two", "three"), page("three", "four"), page("five", "three"))
    assert texts(found) == ["three", "one", "five", "two", "four"]
    worth = {"three": Fraction(1, 63) + Fraction(1, 61) + Fraction(1, 62), "one": Fraction(1, 61)}
    assert worth["three"] > worth["one"]
    assert (found.outcome, found.warnings) == (Outcome.OK, ())


def test_a_passage_of_two_sources_is_one_hit_that_names_both() -> None:
    mine = Snippet(text="Perch doubled.", source="a:1", doi="10.1000/1")
    yours = Snippet(text="PERCH DOUBLED", source="b:1", doi="10.1000/1", title="Perch")
    (snippet,) = search(page(mine), page(yours)).snippets
    assert (snippet.text, snippet.source, snippet.title) == ("Perch doubled.", "a:1", "Perch")
    assert snippet.also_found == ("b:1",)
    assert snippet.id == mine.id


def test_a_source_that_found_another_passage_of_a_work_speaks_for_the_work() -> None:
    first, second = (Snippet(text=text, doi="10.1000/1") for text in ("Perch doubled.", "Roach did not."))
    assert texts(search(page("other", first), page(second))) == ["Perch doubled.", "Roach did not.", "other"]


def test_no_more_hits_come_back_than_were_asked_for_and_each_source_is_asked_for_as_many() -> None:
    tools = [Tool("a", page("one", "two")), Tool("b", page("three"))]
    found = asyncio.run(FusedSearch(tools).search("perch", 2))
    assert texts(found) == ["one", "three"]
    assert [tool.asked for tool in tools] == [[("perch", 2)], [("perch", 2)]]
    asyncio.run(FusedSearch(tools, k_each=30).search("roach", 2))
    assert [tool.asked[-1] for tool in tools] == [("roach", 30), ("roach", 30)]


def test_sources_are_asked_at_the_same_time() -> None:
    met = asyncio.Barrier(3)

    class Meeting(Tool):
        async def search(self, query: str, k: int) -> SearchPage:
            async with asyncio.timeout(10), met:
                return page(self.name)

    found = asyncio.run(FusedSearch([Meeting(name, None) for name in "abc"]).search("perch", 10))
    assert texts(found) == ["a", "b", "c"]


def test_each_source_fails_by_itself_and_is_told_of_by_its_name() -> None:
    noted = page("one", warnings=("it cannot filter by venue: not done",))
    found = search(FAILED, LIMITED, DISABLED, noted, ValueError("key=secret"), "no page")
    assert texts(found) == ["one"]
    assert found.outcome is Outcome.OK
    assert found.warnings == (
        "a failed: it broke",
        "b takes no more requests for now (asked too often)",
        "c was not searched: it needs a key; set X",
        "d: it cannot filter by venue: not done",
        "e failed: ValueError",
        "f failed: it gave str, no SearchPage",
    )


def test_a_source_that_hangs_keeps_back_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MAX_SECONDS", 0.05)
    found = asyncio.run(FusedSearch([Tool("slow", page("late"), 60), Tool("b", page("one"))]).search("perch", 5))
    assert texts(found) == ["one"]
    assert found.warnings == ("slow failed: it did not answer in time",)


def test_a_replay_that_lacks_a_reply_ends_the_search() -> None:
    with pytest.raises(ReplayError, match="record"):
        search(page("one"), ReplayError("record the run anew"))


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        ([EMPTY, EMPTY], Outcome.EMPTY),
        ([EMPTY, page()], Outcome.EMPTY),
        ([EMPTY, DISABLED], Outcome.EMPTY),
        ([EMPTY, FAILED], Outcome.EMPTY),
        ([EMPTY, LIMITED], Outcome.EMPTY),
        ([LIMITED, LIMITED, DISABLED], Outcome.RATE_LIMITED),
        ([LIMITED, FAILED], Outcome.FAILED),
        ([DISABLED, DISABLED], Outcome.DISABLED),
        ([DISABLED, ValueError()], Outcome.FAILED),
        ([FAILED, page("one")], Outcome.OK),
    ],
)
def test_it_is_empty_where_any_source_says_so_and_failed_where_all_failed(
    results: list[Any], outcome: Outcome
) -> None:
    assert search(*results).outcome is outcome


def test_cost_and_cache_are_those_of_all_that_were_asked() -> None:
    paid, free, unknown = page("one", cost=0.25), page("two", cost=0.0, cached=True), page("three", cached=True)
    assert search(paid, free, DISABLED).cost == 0.25
    assert search(paid, unknown).cost is None
    assert search(DISABLED).cost is None
    assert search(free, unknown, DISABLED).cached
    assert not search(free, paid).cached
    assert not search(DISABLED).cached


def test_a_reranker_orders_what_was_found() -> None:
    reranker = Scores([0.1, 0.9, 0.5])
    found = search(page("one", "two"), page("three"), reranker=reranker, k=2)
    assert reranker.asked == [("perch", ["one", "three", "two"])]
    assert texts(found) == ["three", "two"]
    assert not found.warnings


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (RuntimeError("key=secret"), "scores failed: RuntimeError"),
        (InputError("it wants a key"), "it wants a key"),
        ([0.1, 0.9], "scores gave 2 scores for 3 hits"),
        ([0.1, float("nan"), 0.5], "scores gave a score that is no finite number"),
        (["high", "low", "low"], "scores failed: ValueError"),
        (None, "scores failed: TypeError"),
    ],
)
def test_a_reranker_that_fails_costs_no_hit_and_no_order(result: object, says: str) -> None:
    found = search(page("one", "two"), page("three"), reranker=Scores(result))
    assert texts(found) == ["one", "three", "two"]
    assert found.warnings == (f"the hits are in the order of their ranks: {says}",)


def test_a_hit_that_is_too_long_is_cut_around_what_fits_the_question() -> None:
    filler = "Roach were counted as well. " * 200
    long = Snippet(text=f"{filler}Perch doubled.{filler}", source="a", start=0, end=len(filler) * 2 + 14)
    (snippet,) = search(page(long)).snippets
    assert len(long.text) > LONGEST
    assert len(snippet.text) <= TARGET
    assert "Perch doubled." in snippet.text
    assert snippet.start is not None
    assert long.text[snippet.start : snippet.end] == snippet.text
    assert snippet.id != long.id


def test_it_has_a_name_and_wants_a_source() -> None:
    assert isinstance(FusedSearch([Tool("a", EMPTY)], "all"), SearchTool)
    assert FusedSearch([Tool("a", EMPTY)], "all").name == "all"
    with pytest.raises(InputError, match="all was given no source"):
        FusedSearch([], "all")


_WORDS = ["perch", "roach", "lakes", "warm", "not", "1990", "doubled"]
_hits = st.builds(
    Snippet,
    text=st.lists(st.sampled_from(_WORDS), min_size=1).map(" ".join),
    doi=st.sampled_from([None, "10.1000/1", "10.1000/2"]),
    url=st.sampled_from([None, "https://a.example", "https://b.example"]),
    source=st.sampled_from([None, "a", "b"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(_hits, max_size=5), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_in_which_pages_arrive_changes_nothing(hits: list[list[Snippet]], random: Any) -> None:
    delays = random.sample([0.0, 0.001, 0.002, 0.003], len(hits))
    at_once = [Tool(str(number), page(*of_one)) for number, of_one in enumerate(hits)]
    late = [
        Tool(str(number), page(*of_one), delay) for number, (of_one, delay) in enumerate(zip(hits, delays, strict=True))
    ]
    found = asyncio.run(FusedSearch(at_once).search("perch", 50))
    assert asyncio.run(FusedSearch(late).search("perch", 50)) == found
    assert len({snippet.id for snippet in found.snippets}) == len(found.snippets)
    backwards = asyncio.run(FusedSearch(at_once[::-1]).search("perch", 50))
    key = Snippet.model_dump_json
    assert sorted(backwards.snippets, key=key) == sorted(found.snippets, key=key)

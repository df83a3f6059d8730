"""Which questions a judge is asked: no more than the score needs."""

import asyncio
from collections.abc import Sequence

import pytest

from citerefine.judges import Label, SupportQuery, TableJudge, Verdict
from citerefine.judges.statements import merge_units
from citerefine.judges.support import find_support
from citerefine.judges.units import split_units
from citerefine.refiner import Evidence, Snippet
from citerefine.refiner.tags.scanner import parse_tags

EVIDENCE = Evidence([Snippet(id=id, text=f"Passage {id}.") for id in "abcdefg"])


class Listening(TableJudge):
    """Labels by the set of snippets; keeps what it was asked, round by round."""

    def __init__(self, full: str, *, at_once: bool = False) -> None:
        super().__init__(lambda query: Label.FULL if set(full) <= ids(query) else Label.NONE)
        self.asks_at_once = at_once
        self.rounds: list[list[str]] = []

    async def judge(self, queries: Sequence[SupportQuery]) -> list[Verdict]:
        self.rounds.append(["".join(snippet.id for snippet in query.snippets) for query in queries])
        return await super().judge(queries)


def ids(query: SupportQuery) -> set[str]:
    return {snippet.id for snippet in query.snippets}


def asked(inner: str, judge: TableJudge) -> None:
    parse = parse_tags(f"<answer>{inner}</answer>")
    asyncio.run(find_support(merge_units(split_units(parse), EVIDENCE), EVIDENCE, "What changed?", judge))


def test_one_citation_takes_one_query() -> None:
    judge = Listening("a")
    asked("<snippet id=a>Perch doubled.</snippet>", judge)
    assert judge.rounds == [["a"]]


def test_uncited_units_and_unknown_ids_take_none() -> None:
    judge = Listening("a")
    asked("Perch doubled in number. <snippet id=zz>Ice formed later.</snippet>", judge)
    assert [one for one in judge.rounds if one] == []


def test_single_snippets_are_asked_for_only_where_all_together_support() -> None:
    judge = Listening("a")
    asked("<snippet id=b,c>Perch doubled.</snippet>", judge)
    assert judge.rounds == [["bc"]]


def test_of_two_snippets_the_one_is_the_rest_without_the_other() -> None:
    judge = Listening("ab")
    asked("<snippet id=a,b>Perch doubled.</snippet>", judge)
    assert judge.rounds == [["ab"], ["a", "b"]]


def test_leaving_out_is_asked_for_only_where_a_snippet_alone_does_not_suffice() -> None:
    judge = Listening("a")
    asked("<snippet id=a,b,c>Perch doubled.</snippet>", judge)
    assert judge.rounds == [["abc"], ["a", "b", "c"], ["ac", "ab"]]


def test_a_judge_that_prefers_it_is_asked_for_single_snippets_at_once() -> None:
    judge = Listening("a", at_once=True)
    asked("<snippet id=a,b,c>Perch doubled.</snippet> <snippet id=d>Ice formed later.</snippet>", judge)
    assert judge.rounds == [["abc", "d", "a", "b", "c"], ["ac", "ab"]]


def test_no_more_than_five_snippets_are_shown() -> None:
    judge = Listening("g")
    asked("<snippet id=a,b,c,d,e,f,g>Perch doubled.</snippet>", judge)
    assert judge.rounds == [["abcde"]]


def test_a_judge_with_another_number_of_verdicts_is_refused() -> None:
    class Short(TableJudge):
        async def judge(self, queries: Sequence[SupportQuery]) -> list[Verdict]:
            return []

    with pytest.raises(ValueError, match="0 verdicts to 1 queries"):
        asked("<snippet id=a>Perch doubled.</snippet>", Short({}))

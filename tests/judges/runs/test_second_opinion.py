"""What a second judge says stands beside the first one's figures, and changes none of them."""

from citerefine.judges import CitedAnswer, Label, SupportQuery, TableJudge, ascore
from citerefine.judges.runs.score_row import ScoreRow, score_row
from citerefine.judges.runs.second_opinion import with_second_opinion
from citerefine.refiner import Evidence, Snippet
from citerefine.refiner.background import run
from citerefine.refiner.tags.scanner import parse_tags

EVIDENCE = Evidence([Snippet(id="a", text="Perch doubled by 2010."), Snippet(id="b", text="Ice formed later.")])


def told(inner: str, asked: list[SupportQuery]) -> ScoreRow:
    def second(query: SupportQuery) -> Label:
        asked.append(query)
        return Label.NONE

    async def work() -> ScoreRow:
        answer = CitedAnswer(parse_tags(f"<answer>{inner}</answer>"), EVIDENCE, "What changed?")
        score = await ascore(answer, TableJudge(lambda query: Label.FULL, "first"))
        return await with_second_opinion(score_row(score, answer, "q1"), score, answer, TableJudge(second, "second"))

    return run(work())


def test_both_labels_stand_beside_each_other_and_the_figures_are_the_first_ones() -> None:
    row = told("<snippet id=a>Perch doubled.</snippet> Trout vanished in 2003.", [])
    assert [(unit.label, unit.second) for unit in row.units] == [(Label.FULL, Label.NONE), (None, None)]
    assert row.precision == 1


def test_it_is_asked_what_the_first_was_asked() -> None:
    asked = list[SupportQuery]()
    told("It is not true that <snippet id=a,zz,b>perch doubled</snippet>.", asked)
    assert asked == [
        SupportQuery(
            "perch doubled", tuple(EVIDENCE.snippets), "What changed?", "It is not true that perch doubled"
        )
    ]


def test_nobody_is_asked_where_nothing_was_judged() -> None:
    asked = list[SupportQuery]()
    told("Trout vanished in 2003. <snippet id=zz>Perch doubled.</snippet>", asked)
    assert asked == []

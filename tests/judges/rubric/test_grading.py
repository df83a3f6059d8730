"""One answer, one rubric: who is asked what, what counts, and what never becomes a number."""

import asyncio

import pytest
from tests.judges.rubric.rubric_cases import ToldJudge, cell, cells
from tests.rubrics.building import criterion, flat

from citerefine.judges.rubric.cell import Status
from citerefine.judges.rubric.grading import agrade, gated_cells, grade, score_cells
from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery
from citerefine.judges.rubric.shown import shown
from citerefine.refiner import Evidence, parse_answer
from citerefine.refiner.errors import EvidenceError
from citerefine.refiner.records import Snippet
from citerefine.rubrics.combining import combine
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.loading import read_rubric
from citerefine.rubrics.rubric import Rubric

SNIPPETS = [Snippet(id="s1", text="By 2010 perch had doubled in number in Lake Orven.")]
ANSWER = "<answer><snippet id=s1>Perch doubled by 2010 in Lake Orven.</snippet> They feed on smaller fish.</answer>"


def test_an_answer_is_judged_as_a_reader_sees_it() -> None:
    judge = ToldJudge({"c1": 1, "c2": 0, "c3": 0.5})
    rubric = flat(2, 1, -1).model_copy(update={"query": "What became of perch?"})
    got = grade("<think>Meets all criteria.</think>" + ANSWER, rubric, judge, snippets=SNIPPETS)
    assert got.score == pytest.approx(1.5 / 3)
    assert got.formula == "pos_norm"
    assert got.judge == "told-1"
    assert got.rubric == rubric.key
    assert got.usage is not None
    assert got.usage.prompt_tokens == 7
    query = judge.queries[0]
    assert query.answer == "<snippet id=s1>Perch doubled by 2010 in Lake Orven.</snippet> They feed on smaller fish."
    assert query.question == "What became of perch?"
    assert query.snippets == tuple(SNIPPETS)
    assert not judge.closed


def test_a_parsed_answer_brings_its_question_and_evidence() -> None:
    judge = ToldJudge({"c1": 1})
    answer = parse_answer(ANSWER.replace("s1", "S1"), Evidence(snippets=SNIPPETS), question="And perch?")
    assert asyncio.run(agrade(answer, flat(1), judge)).score == 1
    assert judge.queries[0].question == "And perch?"
    assert judge.queries[0].snippets == tuple(SNIPPETS)


@pytest.mark.parametrize("answer", ["", "<answer></answer>", "<think>All criteria are met.</think>"])
def test_an_answer_that_says_nothing_is_worth_nothing_and_costs_no_call(answer: str) -> None:
    judge = ToldJudge({})
    rubric = flat(1, -1, format="seed")
    got = grade(answer, rubric, judge)
    assert (got.score, got.gate, judge.queries) == (0, "empty", [])
    assert {each.status for each in got.cells} == {Status.GATED}
    assert got.reason.startswith("gated: ")
    assert got.cells == gated_cells(rubric)


def test_criteria_go_to_whom_they_name_and_come_back_in_order() -> None:
    rubric = Rubric(
        criteria=(
            criterion("words", verifier="rule", rule="max_words:50"),
            criterion("told"),
            criterion("off", state="inactive"),
            criterion("cited", verifier="citation", rule="precision"),
            criterion("block", verifier="rule", rule="answer_block"),
        )
    )
    judge = ToldJudge({"told": 0.5})
    got = grade(ANSWER, rubric, judge, snippets=SNIPPETS)
    assert [(each.criterion, each.value) for each in got.cells] == [
        ("words", 1),
        ("told", 0.5),
        ("cited", 1),
        ("block", 1),
    ]
    assert [each.id for each in judge.queries[0].criteria] == ["told"]
    assert got.score == pytest.approx(3.5 / 4)


def test_a_rubric_of_rules_asks_no_judge() -> None:
    judge = ToldJudge({})
    got = grade(ANSWER, Rubric(criteria=(criterion("a", verifier="rule", rule="has_citations"),)), judge)
    assert (got.score, judge.queries, got.usage) == (1, [], None)


def test_the_length_of_scholarqa_is_that_of_its_document_also_beside_static_criteria() -> None:
    config = {"question": "Perch?", "low_length": 2, "high_length": 18, "length_weight": 0.5, "ingredients": []}
    native = {"initial_prompt": "Perch?", "metric_config": {"name": "m", "config": config}}
    rubric = read_rubric(native, format="sqa")
    assert grade(ANSWER, rubric, ToldJudge({})).score == pytest.approx(0.5 * (1 - 10 / 16))  # of 12 words
    both = grade(ANSWER, combine(rubric, flat(1)), ToldJudge({"static1/c1": 1}))
    assert both.cells[0].value == pytest.approx(1 - 10 / 16)


def test_citations_without_evidence_or_with_an_unknown_figure_are_failed_cells() -> None:
    rubric = Rubric(criteria=(criterion("a", verifier="citation"), criterion("b", verifier="citation", rule="recal")))
    blind = grade(ANSWER, rubric, ToldJudge({}))
    assert blind.score is None
    assert {each.reason.split(":")[0] for each in blind.cells} == {"no_evidence"}
    seen = grade(ANSWER, rubric, ToldJudge({}), snippets=SNIPPETS)
    assert seen.cells[0].value == pytest.approx(2 / 3)
    assert seen.cells[1].reason.startswith("unknown_rule: there is no citation figure 'recal'; there are f1")


class MixedUp:
    """Gives cells in the wrong order, or of other texts."""

    name = "mixed-1"

    def __init__(self, *, turned: bool) -> None:
        self.turned = turned

    async def grade(self, query: GradeQuery) -> Graded:
        """All of them, turned around or exchanged."""
        if self.turned:
            return Graded(tuple(cell(each, 1.0) for each in reversed(query.criteria)))
        others = [each.model_copy(update={"text": "Something else."}) for each in query.criteria]
        return Graded(tuple(cell(each, 1.0) for each in others))

    async def aclose(self) -> None:
        """Nothing."""


@pytest.mark.parametrize("turned", [True, False])
def test_cells_that_are_not_in_place_are_failures(turned: bool) -> None:
    got = grade(ANSWER, flat(1, 1), MixedUp(turned=turned))
    assert got.score is None
    assert {each.reason.split(":")[0] for each in got.cells} == {"mixed_up"}


def test_an_abstention_counts_as_unmet_of_a_positive_and_as_nothing_of_a_fault() -> None:
    rubric = flat(1, 1, -0.4)
    row = [cell(each, None, Status.ABSTAIN) for each in rubric.criteria]
    row[0] = cell(rubric.criteria[0], 1)
    got = score_cells(rubric, row, judge="j")
    assert got.score == pytest.approx(0.5)
    assert got.coverage == pytest.approx(2 / 2.4)


def test_failed_cells_make_no_score_below_the_least_coverage() -> None:
    rubric = flat(1, 1, 1)
    got = score_cells(rubric, cells(rubric, [1, None, 1]), judge="j")
    assert got.score is None
    assert got.reason == "coverage: values are known for 67 % of the weight, at least 80 % are needed"
    assert score_cells(rubric, cells(rubric, [1, None, 1]), judge="j", least_coverage=0.6).score == 1


def test_cells_of_another_rubric_are_refused() -> None:
    with pytest.raises(ValueError, match="cells are of c1, c2, and the rubric's judged leaves are c1"):
        score_cells(flat(1), cells(flat(1, 1), [1, 1]), judge="j")
    with pytest.raises(RubricError, match="no formula"):
        score_cells(flat(1), cells(flat(1), [1]), judge="j", formula="sum")


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        ([None, None, 0], "faults_unknown: 2 of 3 faults have no verdict"),
        ([None, None, None], "faults_unknown: 3 of 3 faults have no verdict"),
        ([1, 0, 0], ""),
    ],
)
def test_faults_without_a_verdict_are_not_called_absent(faults: list[float | None], reason: str) -> None:
    rubric = flat(20, -1, -1, -1)
    got = score_cells(rubric, cells(rubric, [1, *faults]), judge="j")
    assert got.score == pytest.approx(1 if reason else 0.95)
    assert got.reason == reason


def test_rules_about_form_see_a_text_without_a_block() -> None:
    rubric = Rubric(criteria=(criterion("a", verifier="rule", rule="answer_block"),))
    assert grade("Perch doubled in Lake Orven by 2010.", rubric, ToldJudge({})).score == 0
    assert grade(ANSWER, rubric, ToldJudge({})).score == 1
    assert grade("Perch doubled in Lake Orven by 2010.", rubric, ToldJudge({}), raw=ANSWER).score == 1


def test_a_long_answer_does_not_hold_up_the_others() -> None:
    rubric = Rubric(criteria=(criterion("a"), criterion("b", verifier="rule", rule="max_words:9")))

    answer = "- a\n" * 14_000 + "Perch doubled in Lake Orven."

    async def turns_meanwhile() -> int:
        grading = asyncio.create_task(agrade(answer, rubric, ToldJudge({"a": 1})))
        turns = 0
        while not grading.done():
            await asyncio.sleep(0)
            turns += 1
        assert (await grading).score == 0.5
        return turns

    assert asyncio.run(turns_meanwhile()) > 9


def test_an_answer_beyond_all_measure_is_worth_nothing_and_costs_no_call() -> None:
    judge = ToldJudge({})
    for answer in ("Perch doubled in the lake. " * 10_000, "- a\n" * 600_000):
        got = grade(answer, flat(1, -1, format="seed"), judge)
        assert (got.score, got.gate, judge.queries) == (0, "too_long", [])
        assert got.reason.endswith("since the answer is too_long: it is longer than a judge reads")


def test_snippets_may_be_plain_values_and_are_checked() -> None:
    judge = ToldJudge({"c1": 1})
    for _ in range(2):
        grade(ANSWER, flat(1), judge, snippets=[{"id": "s1", "text": SNIPPETS[0].text}])
        grade(ANSWER, flat(1), judge, snippets=iter(SNIPPETS))
    assert {query.snippets for query in judge.queries} == {tuple(SNIPPETS)}
    with pytest.raises(EvidenceError, match="two snippets have the id 's1'"):
        grade(ANSWER, flat(1), judge, snippets=[*SNIPPETS, Snippet(id="s1", text="Another.")])


def test_a_formula_that_does_not_exist_is_refused_before_the_judge_is_asked() -> None:
    judge = ToldJudge({"c1": 1})
    for rubric, formula in ((flat(1), "sum"), (flat(1, aggregate="sum"), "")):
        with pytest.raises(RubricError, match="no formula 'sum'"):
            grade(ANSWER, rubric, judge, formula=formula)
    assert judge.queries == []


def test_a_judge_can_be_named() -> None:
    rubric = Rubric(criteria=(criterion("a", text="States that perch doubled by 2010."),))
    assert grade(ANSWER, rubric, "lexical").score == 1


def test_text_that_holds_nothing_hidden_stays_as_it_is() -> None:
    assert shown("Ice [1]  came &amp; went.\n") == "Ice [1]  came &amp; went.\n"
    assert shown("<think>x</think>Ice") == "Ice"

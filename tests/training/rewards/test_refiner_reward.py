"""A reward is scale · Σ weight · value, or None if a part of it is missing; one bad row costs itself only."""

import asyncio
import json
import math
import multiprocessing
import pickle
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from tests.training.rewards.rewarding import (
    ROW,
    RUBRIC,
    WordRubricJudge,
    WordSupportJudge,
    answer,
    training_row,
)

from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery
from citerefine.judges.verdict import SupportQuery
from citerefine.refiner.errors import CallError
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.rubric import Rubric
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_values import row_values
from citerefine.training.rewards import Breakdown, RefinerReward, RewardSettings

TEXTS = [answer("perch", "ice", "eels"), answer("perch", "ice"), answer("perch", "pike"), answer("lies")]


def reward(
    judge: Any = None, support: Any = None, seed: int = 0, **settings: Any
) -> RefinerReward:
    return RefinerReward(
        RewardSettings(**{"patience": 0, **settings}),
        judge=judge or WordRubricJudge(),
        support=support or WordSupportJudge(),
        seed=seed,
    )


def rewarded(
    function: RefinerReward, texts: Sequence[str], rows: Sequence[Any] = (), **columns: Any
) -> list[float | None]:
    """What a trainer would be given."""
    rows = rows or [ROW] * len(texts)
    prompts = [row.id if isinstance(row, TrainingRow) else str(row) for row in rows]
    return asyncio.run(function(prompts, texts, None, row=rows, **columns))


def totals(*texts: str, **settings: Any) -> list[float | None]:
    return rewarded(reward(**settings), texts)


# --- the number -------------------------------------------------------------------------------------------------------


def test_the_total_is_the_scaled_weighted_sum_of_the_terms() -> None:
    function = reward(rubric=0.5, citation=0.4, format=0.1, scale=10.0)
    (total,) = rewarded(function, [answer("perch", "ice")])
    (found,) = function.breakdowns
    assert total is not None
    assert found.value("rubric") == pytest.approx(2 / 3)
    assert found.value("format") == 1.0
    citation = found.value("citation")
    assert citation is not None
    assert 0 < citation < 1
    assert total == found.total == pytest.approx(10 * (0.5 * 2 / 3 + 0.4 * citation + 0.1))
    assert [term.weight for term in found.terms] == [0.5, 0.4, 0.1]


def test_a_better_answer_earns_more_and_a_fault_costs() -> None:
    full, half, faulty, lying = totals(*TEXTS)
    assert None not in (full, half, faulty, lying)
    assert full > half > faulty > lying  # type: ignore[operator]
    assert lying == 0.0


def test_f1_can_be_paid_instead_of_the_training_score() -> None:
    function = reward(citation_figure="f1")
    rewarded(function, [answer("perch")])
    assert function.breakdowns[0].value("citation") == 1.0


def test_terms_of_weight_0_are_not_computed_and_nobody_is_asked() -> None:
    judge = WordRubricJudge()
    function = reward(judge, WordSupportJudge(lambda query: True), rubric=0, citation=0, format=1)
    assert rewarded(function, [answer("perch")]) == [1.0]
    assert judge.asked == []
    assert [term.name for term in function.breakdowns[0].terms] == ["format"]


def test_without_a_supported_claim_an_answer_earns_at_most_0() -> None:
    vague = "<answer>It is told that perch and ice and eels are there.</answer>"
    assert totals(vague) == [0.0]
    (unbound,) = totals(vague, needs_support=False)
    assert unbound is not None
    assert unbound > 0.5
    function = reward()
    rewarded(function, [vague])
    assert function.breakdowns[0].reason.startswith("unsupported: ")


def test_what_is_worth_less_than_0_stays_so_without_support() -> None:
    (total,) = totals("<answer>It is said that pike vanished from there.</answer>")
    assert total is not None
    assert total < 0


def test_an_abstention_earns_where_the_evidence_does_not_tell() -> None:
    text = "<answer>The evidence does not answer this question.</answer>"
    rows = [training_row(answerable=label) for label in (True, False, None)]
    assert rewarded(reward(rubric=0, citation=1, format=0), [text] * 3, rows) == [0.0, 1.0, 0.0]
    function = reward(rubric=0, citation=1, format=0, assume_answerable=False)
    assert rewarded(function, [text] * 3, rows) == [0.0, 1.0, None]
    assert function.breakdowns[2].reason.startswith("missing_citation: abstained: ")


# --- answers that are bad ---------------------------------------------------------------------------------------------


def test_an_answer_without_a_block_has_a_real_low_reward_and_no_judge_is_asked() -> None:
    judge = WordRubricJudge()
    function = reward(judge)
    assert rewarded(function, ["perch ice eels"]) == [0.0]
    assert judge.asked == []
    assert function.breakdowns[0].gate == "no_answer"
    assert [term.value for term in function.breakdowns[0].terms] == [0.0, 0.0, 0.0]


def test_saying_nothing_is_never_worth_more_than_the_worst_that_was_tried() -> None:
    function = reward(rubric=1, citation=0, format=0)
    worst, nothing, empty = rewarded(function, [answer("pike"), "no block", "<answer></answer>"])
    assert worst is not None
    assert worst < 0
    assert nothing == empty == worst


def test_an_answer_that_was_cut_off_is_worth_what_stands_in_it() -> None:
    function = reward()
    whole, cut = rewarded(function, [answer("perch"), answer("perch").removesuffix("</answer>")])
    assert whole is not None
    assert cut is not None
    assert 0 < cut < whole
    assert "unclosed_answer" in function.breakdowns[1].terms[2].reason


# --- parts that are missing -------------------------------------------------------------------------------------------


def fails_on(*words: str) -> Any:
    def fails(query: GradeQuery, criterion: Criterion) -> bool:
        return all(word in query.answer for word in words)

    return fails


def test_a_row_of_which_a_part_is_missing_has_no_reward_and_the_others_keep_theirs() -> None:
    whole = totals(*TEXTS)
    function = reward(WordRubricJudge(fails_on("pike")))
    assert rewarded(function, TEXTS) == [whole[0], whole[1], None, whole[3]]
    assert function.breakdowns[2].reason.startswith("missing_rubric: coverage: ")
    assert "(unreachable)" in function.breakdowns[2].reason


def test_a_missing_verdict_on_citations_is_no_zero() -> None:
    def fails(query: SupportQuery) -> bool:
        return "ice" in query.claim

    function = reward(support=WordSupportJudge(fails))
    found = rewarded(function, TEXTS)
    assert [value is None for value in found] == [True, True, False, False]
    assert function.breakdowns[1].value("citation") is None
    assert [claim.support for claim in function.breakdowns[1].claims] == [1.0, None]


def test_a_criterion_without_a_verdict_is_estimated_from_the_group_and_counted() -> None:
    rubric = Rubric(criteria=tuple(Criterion(id=word, text=f"It says {word}.") for word in
                                   ("perch", "ice", "eels", "by", "the", "lake")))  # fmt: skip

    def fails(query: GradeQuery, criterion: Criterion) -> bool:
        return criterion.id == "ice" and "eels" in query.answer

    rows = [training_row(rubric=rubric)] * 3
    texts = [answer("perch", "ice", "eels"), answer("perch", "ice"), answer("perch")]
    function = reward(WordRubricJudge(fails), rubric=1, citation=0, format=0)
    assert None not in rewarded(function, texts, rows)
    assert [one.n_imputed for one in function.breakdowns] == [1, 0, 0]
    skipping = reward(WordRubricJudge(fails), rubric=1, citation=0, format=0, imputation="skip")
    assert None not in rewarded(skipping, texts, rows)
    assert [one.n_imputed for one in skipping.breakdowns] == [0, 0, 0]


def test_estimates_come_from_the_own_group_only() -> None:
    alone = totals(TEXTS[0])
    rows = [training_row(id="other"), ROW, training_row(id="third")]
    function = reward(WordRubricJudge(fails_on("pike")), least_valid=0.1)
    assert rewarded(function, [TEXTS[2], TEXTS[0], TEXTS[2]], rows) == [None, alone[0], None]


class Raises:
    """A judge that raises on answers about pike."""

    name = "raises"

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def grade(self, query: GradeQuery) -> Graded:
        if "pike" in query.answer:
            raise self._error
        return await WordRubricJudge().grade(query)

    async def aclose(self) -> None:
        """Holds nothing."""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeError("a bug"), "error: RuntimeError: a bug"),
        (ValueError("odd"), "unusable: ValueError: odd"),
        (CallError("busy", "rate_limited"), "rate_limited: busy"),
        (CallError("bad", "bad_request"), "bad_request: bad"),
    ],
)
def test_an_error_of_one_answer_is_its_own(error: Exception, code: str) -> None:
    function = reward(Raises(error))
    found = rewarded(function, TEXTS)
    assert [value is None for value in found] == [False, False, True, False]
    assert function.breakdowns[2].reason == f"missing_rubric: {code}"


@pytest.mark.parametrize("code", ["unauthorized", "no_such_model", "budget"])
def test_what_would_fail_for_every_answer_ends_the_call_at_once(code: str) -> None:
    with pytest.raises(CallError) as raised:
        rewarded(reward(Raises(CallError("no", code))), TEXTS)
    assert raised.value.code == code


def test_a_judge_that_takes_too_long_is_missing() -> None:
    class Slow(WordRubricJudge):
        async def grade(self, query: GradeQuery) -> Graded:
            await asyncio.sleep(60 if "pike" in query.answer else 0)
            return await super().grade(query)

    function = reward(Slow(), answer_deadline=0.5)
    assert [value is None for value in rewarded(function, TEXTS)] == [False, False, True, False]
    assert "deadline: " in function.breakdowns[2].reason


def test_a_cancelled_call_is_cancelled() -> None:
    class Hangs(WordRubricJudge):
        async def grade(self, query: GradeQuery) -> Graded:
            await asyncio.sleep(60)
            raise AssertionError

    async def cancel() -> None:
        task = asyncio.ensure_future(reward(Hangs())(["p"], [TEXTS[0]], row=[ROW]))
        await asyncio.sleep(0.05)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())


def test_a_row_that_cannot_be_read_has_no_reward() -> None:
    function = reward()
    assert rewarded(function, TEXTS[:2], ['{"id": 1', ROW])[0] is None
    assert function.breakdowns[0].reason.startswith("bad_row: ")
    assert rewarded(function, TEXTS[:2], ['{"id": 1', ROW])[1] is not None


def test_a_formula_that_does_not_fit_a_rubric_costs_its_group_only() -> None:
    odd = training_row(id="odd", rubric=Rubric(criteria=(Criterion(id="x", text="x", weight=0),)))
    function = reward()
    assert [value is None for value in rewarded(function, TEXTS[:2], [odd, ROW])] == [True, False]


def test_a_row_without_rubric_is_paid_for_the_rest() -> None:
    bare = training_row(rubric=None)
    function = reward()
    (total,) = rewarded(function, [TEXTS[0]], [bare])
    (found,) = function.breakdowns
    assert found.terms[0].weight == 0.0
    assert found.terms[0].reason.startswith("no_rubric: ")
    citation = found.value("citation")
    assert citation is not None
    assert total == pytest.approx(0.4 * citation + 0.1)


def test_a_row_that_nothing_applies_to_has_no_reward_and_needs_no_judge() -> None:
    function = reward(rubric=1, citation=0, format=0, patience=60)
    assert rewarded(function, [TEXTS[0]], [training_row(rubric=None)]) == [None]
    assert function.breakdowns[0].reason.startswith("no_term: ")


# --- groups -----------------------------------------------------------------------------------------------------------


def test_a_group_is_judged_by_the_same_criteria_which_change_with_the_step_and_the_seed() -> None:
    def asked(step: int, seed: int = 0) -> list[tuple[str, ...]]:
        judge = WordRubricJudge()
        function = reward(judge, rubric_dropout=0.5, seed=seed)
        rewarded(function, TEXTS, trainer_state=SimpleNamespace(global_step=step))
        return [tuple(one.id for one in query.criteria) for query in judge.asked]

    assert len({*asked(1)}) == 1
    assert all(len(one) == 2 for one in asked(1))
    assert asked(1) == asked(1)
    assert len({asked(step)[0] for step in range(8)}) > 2
    assert len({asked(1, seed)[0] for seed in range(8)}) > 2


def test_held_out_criteria_are_judged_and_change_no_reward() -> None:
    many = Rubric(criteria=(*RUBRIC.criteria, *(Criterion(id=f"lake/{n}", text=f"It says {n}.") for n in range(20))))
    function = reward(held_out_share=0.4)
    figures = dict[str, float]()
    rewarded(function, [TEXTS[0]], [training_row(rubric=many)], log_metric=figures.__setitem__)
    (found,) = function.breakdowns
    assert "criteria/held_out" in figures
    assert "heldout/rubric" not in figures  # that is of held-out rows
    assert 2 < len(found.held_out) < 16
    assert found.n_cells + len(found.held_out) == 24

    def fails(query: GradeQuery, criterion: Criterion) -> bool:
        return criterion.id in found.held_out

    failing = reward(WordRubricJudge(fails), held_out_share=0.4)
    assert rewarded(failing, [TEXTS[0]], [training_row(rubric=many)]) == [found.total]
    assert {*failing.breakdowns[0].held_out.values()} == {None}


# --- what trainers need -----------------------------------------------------------------------------------------------


def test_figures_and_columns_are_logged_and_none_is_nan() -> None:
    figures, columns = dict[str, float](), dict[str, list[Any]]()
    function = reward(WordRubricJudge(fails_on("pike")))
    rewarded(function, TEXTS, log_metric=figures.__setitem__, log_extra=columns.__setitem__, other=[1, 2, 3, 4])
    assert {"reward/total", "reward/rubric", "reward/citation", "reward/format", "reward/missing_share",
            "reward/imputed_share", "signal/rubric/share", "signal/citation/share", "citations/per_claim",
            "copy_share", "judge/calls", "judge/cost"} <= {*figures}  # fmt: skip
    assert all(math.isfinite(value) for value in figures.values())
    assert figures["reward/missing_share"] == 0.25
    assert figures["citations/per_claim"] == 1.0
    assert (figures["judge/calls"], figures["judge/cost"]) == (4.0, 2.0)
    assert [len(values) for values in columns.values()] == [4, 4, 4, 4]
    assert columns["reward_rubric"][2] is None


def test_sums_stay_sums_where_a_trainer_takes_means_over_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, shared = dict[str, float](), dict[str, float]()
    rewarded(reward(), TEXTS, log_metric=alone.__setitem__)
    monkeypatch.setenv("WORLD_SIZE", "4")
    rewarded(reward(), TEXTS, log_metric=shared.__setitem__)
    sums = ("judge/calls", "judge/cost")
    assert [shared[name] for name in sums] == [4 * alone[name] for name in sums]
    assert shared["reward/total"] == alone["reward/total"]


def test_nothing_is_logged_of_what_is_not_known() -> None:
    figures = dict[str, float]()
    function = reward(WordRubricJudge(lambda query, criterion: True), least_valid=0.01, rubric=1, citation=0, format=0)
    rows = [training_row(rubric=None)]
    rewarded(function, TEXTS[:1], rows, log_metric=figures.__setitem__)
    assert figures == {
        "reward/missing_share": 1.0,
        "reward/gated_share": 0.0,
        "reward/rubric/absent_share": 1.0,
        "judge/calls": 0.0,
    }


def test_answers_that_say_nothing_and_rows_without_a_rubric_are_counted() -> None:
    figures = dict[str, float]()
    rows = [ROW, ROW, ROW, training_row(rubric=None)]
    rewarded(reward(), [TEXTS[0], "no block", "<answer></answer>", TEXTS[0]], rows, log_metric=figures.__setitem__)
    assert (figures["reward/gated_share"], figures["reward/rubric/absent_share"]) == (0.5, 0.25)


def test_rows_may_be_records_json_or_objects_of_a_file_and_completions_messages() -> None:
    function = reward()
    forms: list[Any] = [ROW, ROW.model_dump(), ROW.model_dump_json(), row_values(ROW)]
    messages = [{"role": "assistant", "content": TEXTS[0]}]
    for row in forms:
        found = asyncio.run(function([[{"role": "user", "content": "q"}]], [messages], [[1, 2]], row=[row]))
        assert found == totals(TEXTS[0])


def test_trl_takes_it_for_an_asynchronous_reward_with_a_name() -> None:
    assert reward().__name__ == "reward"
    assert asyncio.iscoroutinefunction(RefinerReward.__call__)


def test_alone_it_gives_breakdowns_and_asks_once() -> None:
    function = reward(WordRubricJudge(fails_on("pike")), patience=60)
    scored = function.score_group(ROW, TEXTS)
    assert [one.total for one in scored] == rewarded(function, TEXTS)
    assert function.score(ROW, TEXTS[2]).total is None
    assert Breakdown.model_validate_json(scored[0].model_dump_json()) == scored[0]
    with pytest.raises(ValueError, match="unusable: "):
        function.score({"id": "x"}, TEXTS[0])


def test_judges_are_given_back() -> None:
    judge, support = WordRubricJudge(), WordSupportJudge()
    function = reward(judge, support)
    function.score(ROW, TEXTS[0])
    function.close()
    assert (judge.closed, support.closed) == (1, 1)


def score_elsewhere(pickled: bytes, out: Any) -> None:
    function = pickle.loads(pickled)  # ours, from this test
    out.put([one.total for one in function.score_group(ROW, TEXTS)])


def test_it_goes_to_another_process_and_rewards_the_same_there() -> None:
    function = RefinerReward(RewardSettings(static_sets=("citation",)), seed=3)
    here = [one.total for one in function.score_group(ROW, TEXTS)]
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    process = context.Process(target=score_elsewhere, args=(pickle.dumps(function), out))
    process.start()
    there = out.get(timeout=60)
    process.join()
    assert there == here
    assert None not in here


def test_the_breakdown_is_json() -> None:
    function = reward()
    rewarded(function, [TEXTS[0]])
    assert json.loads(function.breakdowns[0].model_dump_json())["total"] == function.breakdowns[0].total

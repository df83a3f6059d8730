"""A chat model as rubric judge on a real server with random weights: whatever it writes, each criterion is judged."""

import asyncio

from tests.judges.rubric.chat.grading import ANSWER, CLARITY, DEPTH, PADDING, PERCH_DOUBLED, PIKE_CAME, query
from tests.model_servers import Server

from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.chat.chat_rubric_judge import ChatRubricJudge
from citerefine.judges.rubric.chat.self_test import SelfTest
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.rubrics.criterion import Criterion, Scale

TEN = Criterion(id="ten", text="How well it is put.", scale=Scale(kind="numeric", lo=1, hi=10))
CRITERIA = (PERCH_DOUBLED, PADDING, CLARITY, DEPTH, TEN, PIKE_CAME)
LONG = f"<answer>{' '.join(f'In lake {number}, perch doubled.' for number in range(120))}</answer>"


def judged(served: Server, answer: str = ANSWER, *, votes: int = 1, seed: int = 0) -> tuple[Cell, ...]:
    async def run() -> tuple[Cell, ...]:
        judge = ChatRubricJudge(served.model, votes=votes, votes_without_odds=True, seed=seed)
        try:
            return (await judge.grade(query(*CRITERIA, answer=answer))).cells
        finally:
            await judge.aclose()

    return asyncio.run(run())


def test_under_the_grammar_every_criterion_gets_a_verdict(served: Server) -> None:
    found = [cell for answer in (ANSWER, LONG, "Perch.") for cell in judged(served, answer)]
    assert {cell.status for cell in found} <= {Status.OK, Status.ABSTAIN}
    assert {cell.reason for cell in found} == {""}


def test_votes_are_verdicts_too(served: Server) -> None:
    found = [cell for seed in range(4) for cell in judged(served, LONG, votes=5, seed=seed * 10)]
    many = [cell for cell in found if cell.votes]
    assert many
    assert {len(cell.votes) for cell in many} == {5}
    assert {cell.reason for cell in found} == {""}
    met = [cell.evidence for cell in found if cell.verdict == "MET" and cell.evidence is not None]
    assert all(sentence in parse_tags(LONG).text for sentence in met)


def test_p_met_is_a_share_or_not_known(served: Server) -> None:
    found = [cell.p_met for cell in judged(served)]
    assert all(p is None or 0 <= p <= 1 for p in found)
    if served.kind == "vllm":  # gives the masses among what the grammar admits; llama.cpp among all tokens
        assert None not in found


def test_the_self_test_tells_that_random_weights_are_no_judge(served: Server) -> None:
    async def run() -> SelfTest:
        judge = ChatRubricJudge(served.model)
        try:
            return await judge.self_test()
        finally:
            await judge.aclose()

    found = {one.check: one for one in asyncio.run(run()).findings}
    assert (found["reply"].result, found["grammar"].result, found["thinking"].result) == ("pass", "pass", "pass")
    assert found["known"].result == "fail"
    assert found["repeat"].result == "pass"
    assert found["words"].result != "unknown"  # log-probabilities came
    assert found["cache"].result in ("pass", "unknown")

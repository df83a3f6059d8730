"""A judge that cannot be reached from the start ends the run; any sign of life keeps it going."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.judges.runs.run_files import ScriptedJudge, run_row, score_rows, write_run

from citerefine.judges.runs.outage import ANSWERS, FAILURES, OutageGuard
from citerefine.judges.runs.score_chunk import ScoreSettings
from citerefine.judges.runs.score_file import Power, score_file
from citerefine.judges.verdict import Label, SupportQuery, Verdict, not_judged
from citerefine.refiner.errors import CallError
from citerefine.refiner.records import Snippet

QUERY = SupportQuery("Perch doubled.", (Snippet(id="a", text="Perch."),))


class InTurn(ScriptedJudge):
    """Fails with each code of a list in turn; judges where it is empty."""

    def __init__(self, codes: Sequence[str]) -> None:
        super().__init__()
        self._codes = iter(codes)

    def _verdict(self, query: SupportQuery) -> Verdict:
        code = next(self._codes)
        return not_judged(self.name, code, "no luck") if code else Verdict(label=Label.NONE, judge=self.name)


def asked(codes: Sequence[str]) -> int:
    """How many answers of one claim are asked about before it gives up."""

    async def ask() -> int:
        guard = OutageGuard(InTurn(codes))
        for n in range(len(codes)):
            try:
                await guard.judge([QUERY])
            except CallError:
                return n + 1
        return len(codes)

    return asyncio.run(ask())


@pytest.mark.parametrize("code", FAILURES)
def test_it_gives_up_after_so_many_answers_in_vain(code: str) -> None:
    assert asked([code] * 100) == ANSWERS


@pytest.mark.parametrize("sign", ["", "unparsable"])
def test_one_sign_of_life_among_the_first_answers_keeps_it_going(sign: str) -> None:
    assert asked(["deadline"] * (ANSWERS - 1) + [sign] + ["deadline"] * 100) == ANSWERS + 100


def test_calls_that_ask_nothing_do_not_count() -> None:
    async def ask() -> None:
        guard = OutageGuard(InTurn(["deadline"]), most=2)
        assert [*await guard.judge([])] == [*await guard.judge([])] == []
        assert len(await guard.judge([QUERY])) == 1

    asyncio.run(ask())


@pytest.mark.parametrize("formulas", [("citerefine",), ("citerefine", "alce")])
def test_the_run_ends_with_the_last_reason_and_keeps_what_is_done(tmp_path: Path, formulas: tuple[str, ...]) -> None:
    run, out = write_run(tmp_path / "run.jsonl", map(run_row, range(100))), tmp_path / "scores.jsonl"
    judge = ScriptedJudge(fails=lambda query: True)
    judge.code = "server_error"
    with pytest.raises(CallError, match=r"nothing of the first 20 answers .* server_error: no connection") as stopped:
        score_file(run, ScoreSettings(formulas=formulas), judge=judge, out=out, power=Power(concurrency=1))
    assert stopped.value.code == "server_error"
    assert not out.exists()
    assert len(score_rows(tmp_path / "scores.jsonl.part")) == (ANSWERS - 1) * len(formulas)
    assert judge.closed


def test_a_run_that_is_shorter_is_finished(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run.jsonl", map(run_row, range(ANSWERS - 1)))
    judge = ScriptedJudge(fails=lambda query: True)
    judge.code = "unreachable"
    (summary,) = score_file(run, judge=judge)
    assert (summary.n, summary.failures) == (0, {"unreachable": 2 * (ANSWERS - 1)})

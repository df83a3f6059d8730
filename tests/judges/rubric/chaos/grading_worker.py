"""Grades a file of answers through a journal, is killed in the middle of it, and goes on: what chaos tests kill.

Run: python -m tests.judges.rubric.chaos.grading_worker, then one JSON object a line on standard input:
{"folder": path of run.jsonl, "model": model string, "kill_after": seconds, "kill_write": n, "kill_at": point}
`kill_write` kills the fork at its n-th row of OUT: `kill_at` says at which of `POINTS` of it; what kills may be left
out. The answer is one line of JSON: {"killed": bool, "summary": {…}, "peak": bytes of memory}.
"""

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.forking_worker import serve_orders
from tests.judges.rubric.chaos.answers import reply_to

from citerefine.judges.rubric import ChatRubricJudge, GradeQuery
from citerefine.judges.rubric.runs import grade_file
from citerefine.judges.rubric.runs.grade_out import GradeOut
from citerefine.judges.rubric.runs.grade_watch import GradeSettings
from citerefine.judges.rubric.runs.matching import RubricShelf
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.chat.journal import JournaledModel
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.models import load_chat_model
from citerefine.refiner.protocols import Capabilities
from citerefine.refiner.records import Usage
from citerefine.rubrics import Rubric, read_rubric

LIMITS = ClientLimits(deadline=20, attempts=6, backoff=0.002, reply_bytes=20_000)
RUBRIC: Rubric = read_rubric(
    {
        "positive_rubrics": [f"States fact {number}." for number in range(4)],
        "negative_rubrics": [f"States fact {number}." for number in range(4, 6)],
    }
)
INSTANT = "hf:instant"
POINTS = ("before", "torn", "after")
"""Of a row of OUT: before it is written, when half of it is, and when all is."""


class Instant:
    """A model in this process that replies at once, and is never wrong."""

    name = INSTANT

    async def complete(self, call: ChatCall) -> ChatReply:
        await asyncio.sleep(0)
        return ChatReply(text=reply_to(call.messages[-1].content), usage=Usage(prompt_tokens=9, completion_tokens=2))

    async def stream(self, call: ChatCall) -> AsyncIterator[str | ChatReply]:
        yield await self.complete(call)

    async def capabilities(self) -> Capabilities:
        return Capabilities()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    async def aclose(self) -> None:
        """Nothing."""


def judge_of(model: str, journal: Path, limits: ClientLimits = LIMITS) -> ChatRubricJudge:
    """The judge whose calls are in the journal."""
    asked = Instant() if model == INSTANT else load_chat_model(model, limits)
    return ChatRubricJudge(JournaledModel(asked, journal), criteria_per_call=3)


def dying_out(writes_left: int, point: str) -> AbstractContextManager[object]:
    """Has this process killed at a row of OUT, which is not the last if there are as many."""
    left = [writes_left]

    class DyingOut(GradeOut):
        def append(self, line: bytes) -> None:
            left[0] -= 1
            dies = left[0] < 0
            if dies and point == "torn":
                os.write(self._file.descriptor, line[: len(line) // 2])
            if not dies or point == "after":
                super().append(line)
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)

    return patch.object(grade_file, "GradeOut", DyingOut)


async def work(order: dict[str, Any]) -> dict[str, Any]:
    """Does what one line asks for."""
    folder = Path(order["folder"])
    judge = judge_of(order["model"], folder / "calls.db")
    dies = order.get("kill_write") is not None
    try:
        with dying_out(order["kill_write"], order["kill_at"]) if dies else nullcontext():
            summary = await grade_file.agrade_file(
                folder / "run.jsonl",
                judge,
                RubricShelf([RUBRIC], []),
                settings=GradeSettings(concurrency=6),
                out=folder / "grades.jsonl",
            )
    finally:
        await judge.aclose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"summary": summary.model_dump(mode="json"), "peak": peak}


async def load_all() -> None:
    """Loads what the libraries beneath load late."""
    nobody = ChatRubricJudge(load_chat_model("openai:m@http://127.0.0.1:9/v1", ClientLimits(attempts=1)))
    await nobody.grade(GradeQuery("Perch doubled in Lake Orven by 2010.", RUBRIC.judged, "What became of perch?"))
    await nobody.aclose()


if __name__ == "__main__":
    asyncio.run(load_all())
    serve_orders(work)

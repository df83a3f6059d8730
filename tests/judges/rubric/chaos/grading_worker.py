"""Grades a file of answers through a journal, is killed in the middle of it, and goes on: what chaos tests kill.

Run: python grading_worker.py, then one JSON object a line on standard input:
{"rows": path, "out": path, "journal": path, "model": model string, "kill_after": seconds or null}
Each is done by a fork of this process, which has imported everything. The answer is one line of JSON:
{"killed": bool, "summary": {…}}.
"""

import asyncio
import gc
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from citerefine.judges.rubric import ChatRubricJudge
from citerefine.judges.rubric.runs.grade_file import agrade_file
from citerefine.judges.rubric.runs.grade_watch import GradeSettings
from citerefine.judges.rubric.runs.matching import RubricShelf
from citerefine.refiner.chat.journal import JournaledModel
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.models import load_chat_model
from citerefine.rubrics import read_rubric

LIMITS = ClientLimits(deadline=20, attempts=6, backoff=0.002, reply_bytes=20_000)
RUBRIC = {
    "positive_rubrics": [f"States fact {number}." for number in range(4)],
    "negative_rubrics": [f"States fact {number}." for number in range(4, 6)],
}


def judge_of(model: str, journal: Path) -> ChatRubricJudge:
    """The judge whose calls are in the journal."""
    return ChatRubricJudge(JournaledModel(load_chat_model(model, LIMITS), journal), criteria_per_call=3)


async def work(order: dict[str, Any]) -> dict[str, Any]:
    """Does what one line asks for."""
    judge = judge_of(order["model"], Path(order["journal"]))
    shelf = RubricShelf([read_rubric(RUBRIC)], [])
    try:
        summary = await agrade_file(
            order["rows"], judge, shelf, settings=GradeSettings(concurrency=6), out=order["out"]
        )
    finally:
        await judge.aclose()
    return {"summary": summary.model_dump(mode="json")}


def forked(order: dict[str, Any]) -> dict[str, Any]:
    """What a child made of the order; `killed` if it could not finish."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            said = json.dumps(asyncio.run(work(order))).encode()
            while said:
                said = said[os.write(writing, said) :]
        finally:
            os._exit(0)
    os.close(writing)
    if order["kill_after"] is not None:
        time.sleep(order["kill_after"])
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        heard = pipe.read()
    os.waitpid(child, 0)
    return {"killed": False, **json.loads(heard)} if heard else {"killed": True}


def main() -> None:
    """Serves orders until there are no more."""
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(forked(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()

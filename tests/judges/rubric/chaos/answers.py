"""Answers, and a judge's server that is never wrong about them, for chaos tests of grading."""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.faulty_server import Request

_CRITERION = re.compile(r"^(c\d\d) \([^)]*\): States fact (\d+)\.$", re.MULTILINE)
_ANSWER = re.compile(r"Answer number (\d+) ")


def drawn(*of: object) -> int:
    """A number that looks random, and is the same each time."""
    return int.from_bytes(hashlib.sha256(repr(of).encode()).digest()[:4])


def is_met(answer: int, fact: int) -> bool:
    """What a judge that is never wrong says."""
    return drawn("truth", answer, fact) % 2 == 0


def verdicts(prompt: str) -> dict[str, str]:
    """The right verdicts on the answer and the criteria of this very prompt."""
    answer = _ANSWER.search(prompt)
    assert answer
    asked = _CRITERION.findall(prompt)
    return {name: "MET 1" if is_met(int(answer[1]), int(fact)) else "UNMET" for name, fact in asked}


def says(request: Request) -> str:
    """The right verdicts as a reply."""
    return reply_to(request.prompt)


def reply_to(prompt: str) -> str:
    """The same from the prompt alone."""
    return "\n".join(f"{name}={verdict}" for name, verdict in verdicts(prompt).items())


def text(answer: int) -> str:
    """The answer of that number."""
    return f"Answer number {answer} states some of the facts that were asked for."


def question(answer: int) -> str:
    """What it answers."""
    return f"Question {answer // 8}?"


def write_answers(path: Path, answers: Iterable[int], payload: str = "") -> None:
    """Writes a run file of these answers, each with some payload."""
    rows: Iterable[dict[str, Any]] = (
        {"id": f"a{answer}", "question": question(answer), "answer": f"<answer>{text(answer)}</answer>", "x": payload}
        for answer in answers
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

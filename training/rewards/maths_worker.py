"""A process that compares mathematical answers with math-verify, one line of JSON in, one line out.

In: lines `{"gold": …, "answer": …}` on standard input. Out: for each a line `{"correct": true or false}`, or
`{"correct": null, "reason": "code: …"}` where the grader came to nothing. Started by maths.py, which ends it when an
answer takes too long: math-verify's own limits use signals, which work in a main thread only, and count a time-out as a
wrong answer. Its memory is bounded, since an answer can be an expression that has no end. Not here: time limits.

    python -m citerefine.training.rewards.maths_worker
"""

import json
import logging
import os
import resource
import sys
from typing import Any, Final

from citerefine.training.rewards.maths_forms import in_another_base, mended

MEMORY: Final = 4 << 30
"""Bytes of address space."""


def compare(gold: str, answer: str) -> dict[str, Any]:
    """Whether an answer is worth what the gold answer is; never raises."""
    try:
        return _compare(gold, answer)
    except MemoryError:
        return _nothing("memory: the answer could not be compared within the bound on memory")
    except Exception as error:  # whatever a grader trips over is no verdict
        return _nothing(f"grader: {type(error).__name__}: {error}"[:300])


def _compare(gold: str, answer: str) -> dict[str, Any]:
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    gold, answer = mended(gold if "\\boxed" in gold else f"\\boxed{{{gold}}}"), mended(answer)
    if in_another_base(gold, answer):
        return {"correct": False}
    how = [LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig()]
    known = parse(gold, how, parsing_timeout=None, raise_on_error=True)
    if not any(not isinstance(one, str) or any(map(str.isalnum, one)) for one in known):
        return _nothing(f"bad_gold: no mathematical expression in the row's reference answer {gold[:80]!r}")
    given = parse(answer, how, parsing_timeout=None)
    return {"correct": bool(verify(known, given, timeout_seconds=None, raise_on_error=True))}


def _nothing(reason: str) -> dict[str, Any]:
    return {"correct": None, "reason": reason}


def main() -> None:
    """Answers lines until there are none."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no reply
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    logging.disable(logging.WARNING)  # it warns that its own time limits are off
    for line in sys.stdin:
        asked = json.loads(line)
        replies.write(json.dumps(compare(asked["gold"], asked["answer"])) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()

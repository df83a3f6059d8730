"""Mathematical problems as published sets have them, as rows of our own.

In: an object of such a set: `problem` with `answer`, or with `solution` that holds a box (MATH, MATH-500, AIME) or ends
in `#### …`; or `question` with an `answer` that ends so (GSM8K). Out: a row of the task `maths` with `question` and
`gold`, which is None if a solution holds neither: prose is no reference answer. Anything else stays as it is. Not here:
reading rows (row_reading.py).
"""

import re
from typing import Any, Final

from citerefine.refiner.batch.rows import BadRow

_OTHERS: Final = ("task", "snippets", "tool_output", "gold")
"""What a row of our own has, and no problem of a published set."""
_MARK: Final = re.compile(r"^#### *(?P<gold>\S.*?)\s*\Z", re.MULTILINE)
_BOX: Final = re.compile(r"\\(?:boxed|fbox)\b")


def from_problem(values: dict[str, Any] | BadRow) -> dict[str, Any] | BadRow:
    """The row of a problem; what is none as it is.

    >>> from_problem({"problem": "What is 6 times 7?", "answer": "42"})
    {'question': 'What is 6 times 7?', 'gold': '42', 'task': 'maths'}
    """
    if isinstance(values, BadRow) or any(values.get(name) is not None for name in _OTHERS):
        return values
    question, gold = values.get("problem"), values.get("answer")
    if question is None:
        mark = _MARK.search(gold) if isinstance(gold, str) else None
        if mark is None:
            return values
        question, gold = values.get("question"), mark["gold"]
    elif gold is None:
        gold = _in_solution(values.get("solution"))
    id = values.get("id", values.get("unique_id"))
    return ({} if id is None else {"id": id}) | {"question": question, "gold": gold, "task": "maths"} | _kept(values)


def _in_solution(solution: Any) -> Any:
    """The reference answer that a solution ends in; what is no text is left to whoever reads rows."""
    if not isinstance(solution, str) or _BOX.search(solution):
        return solution
    mark = _MARK.search(solution)
    return None if mark is None else mark["gold"]


def _kept(values: dict[str, Any]) -> dict[str, Any]:
    return {"mode": values["mode"]} if values.get("mode") is not None else {}

"""What keeps an answer from being read at all.

In: nothing. Out: `BadAnswer` with its codes, and the checks that the readers of JSON forms share. Text is never bad:
all of it can be read. Not here: findings about answers that were read (issues.py).
"""

from typing import Any, Final

from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.tags.markup import scrub

BAD_ANSWERS: Final[dict[str, str]] = {
    "no_answer_given": "the answer is None, a number or a truth value",
    "unknown_shape": "the answer is an object or a list of no form that is read",
    "bad_answer_field": "a field of the answer has a value that it cannot have in this form",
    "bad_answer_json": "the form is JSON, and the text is none",
}
"""What can be wrong with an answer: code → meaning."""


class BadAnswer(BadRow):
    """An answer that cannot be read. `code` is one of `BAD_ANSWERS`."""


def text_of(value: object, where: str) -> str:
    """`value`, if it is text. Raises BadAnswer."""
    if not isinstance(value, str):
        raise _wrong(where, "text", value)
    return scrub(value)


def optional_text(value: object, where: str) -> str:
    """`value`, if it is text, and empty text for None. Raises BadAnswer."""
    return "" if value is None else text_of(value, where)


def object_of(value: object, where: str) -> dict[str, Any]:
    """`value`, if it is an object. Raises BadAnswer."""
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    return value


def list_of(value: object, where: str) -> list[Any]:
    """`value`, if it is a list, and an empty one for None. Raises BadAnswer."""
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise _wrong(where, "a list", value)
    return [*value]


def _wrong(where: str, wanted: str, value: object) -> BadAnswer:
    return BadAnswer("bad_answer_field", f"{where} must be {wanted}, and is {shown(value)}")


def shown(value: object) -> str:
    """A value as messages show it: short, and of containers only the kind."""
    if value is None or isinstance(value, bool | int | float):
        return repr(value)[:40] if not isinstance(value, int) or abs(value) < 10**9 else "a large number"
    kinds = {"dict": "an object", "list": "a list", "tuple": "a list", "str": "text"}
    return kinds.get(type(value).__name__, type(value).__name__)

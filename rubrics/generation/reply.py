"""Reads the criteria in a writer's reply, strictly: nothing is guessed, nothing mended.

In: the reply. Out: `Written` criteria, or RubricError that says what is wrong with it. Two forms are read: one object
`{"positive_rubrics": […], "negative_rubrics": […]}`, or JSON Lines, one criterion each, with `"polarity"`. A code fence
around all of it is tolerated, and nothing else. Not here: whether a criterion is any good (checks.py).
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, NoReturn

from citerefine.rubrics.criterion import Criterion, Polarity
from citerefine.rubrics.errors import RubricError

MAX_REPLY: Final = 200_000
"""Longest reply, in code points."""
MAX_DEPTH: Final = 8
MAX_CRITERIA: Final = 200
MAX_WORDING: Final = 2_000
"""Longest description, in code points."""
WEIGHTS: Final = (1, 2, 3)
"""The only weights; of a fault, the negative of one."""
_LISTS: Final = {"positive_rubrics": Polarity.POSITIVE, "negative_rubrics": Polarity.NEGATIVE}
_FENCE: Final = re.compile(r"\A```[A-Za-z]*\n(.*)\n```\Z", re.DOTALL)
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


class Written(NamedTuple):
    """A criterion as the writer wrote it."""

    title: str
    text: str
    weight: int
    polarity: Polarity

    def criterion(self, id: str) -> Criterion:
        """It as a criterion."""
        sign = -1 if self.polarity is Polarity.NEGATIVE else 1
        weight = sign * self.weight
        return Criterion(id=id, title=self.title, text=self.text, weight=weight, polarity=self.polarity)


def read_reply(reply: str) -> list[Written]:
    """The criteria of a reply, in order. Raises RubricError."""
    if len(reply) > MAX_REPLY:
        raise RubricError(f"it is {len(reply):,} characters long, and {MAX_REPLY:,} are read")
    text = reply.strip()
    if not text:
        raise RubricError("it is empty")
    if fence := _FENCE.match(text):
        text = fence[1].strip()
    found = [*(_of_object(text) if _is_one_object(text) else _of_lines(text))]
    if not found:
        raise RubricError("it holds no criterion")
    if len(found) > MAX_CRITERIA:
        raise RubricError(f"it holds {len(found)} criteria, and {MAX_CRITERIA} are read")
    return found


def _is_one_object(text: str) -> bool:
    """Whether all of it is one value; else it is read line by line."""
    try:
        _parsed(text)
    except RubricError:
        return "\n" not in text or not all(line.strip().startswith("{") for line in text.splitlines() if line.strip())
    return True


def _of_object(text: str) -> Iterator[Written]:
    values = _parsed(text)
    if not isinstance(values, dict):
        raise RubricError("it is JSON, but no object")
    if "polarity" in values:  # JSON Lines of one line
        yield _written(values, None, "the criterion")
        return
    if values.keys() != _LISTS.keys():
        raise RubricError(f"the object has the keys {_shown(values)}, not positive_rubrics and negative_rubrics")
    for name, polarity in _LISTS.items():
        if not isinstance(values[name], list):
            raise RubricError(f"{name} is no list")
        for number, one in enumerate(values[name], 1):
            yield _written(one, polarity, f"{name}, number {number}")


def _of_lines(text: str) -> Iterator[Written]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield _written(_parsed(line), None, f"line {number}")


def _written(values: object, polarity: Polarity | None, place: str) -> Written:
    if not isinstance(values, dict):
        raise RubricError(f"{place} is no object")
    wanted = {"title", "description", "weight"} | (set() if polarity else {"polarity"})
    if values.keys() - wanted or wanted - values.keys() - {"title"}:
        raise RubricError(f"{place} has the keys {_shown(values)}, not {', '.join(sorted(wanted))}")
    if polarity is None:
        if values["polarity"] not in [*Polarity]:
            raise RubricError(f"{place} has a polarity that is neither positive nor negative")
        polarity = Polarity(values["polarity"])
    title, text, weight = values.get("title", ""), values["description"], values["weight"]
    if not isinstance(title, str) or not isinstance(text, str) or not text.strip():
        raise RubricError(f"{place} has a title or description that is no text, or is blank")
    if len(text) > MAX_WORDING or len(title) > MAX_WORDING:
        raise RubricError(f"{place} is longer than {MAX_WORDING:,} characters")
    if isinstance(weight, bool) or weight not in WEIGHTS:
        raise RubricError(f"{place} has a weight that is none of {', '.join(map(str, WEIGHTS))}")
    return Written(_line(title), _line(text), int(weight), polarity)


def _line(text: str) -> str:
    """The text on one line; half a character, which no file can hold, is replaced."""
    return " ".join(text.encode(errors="replace").decode().split())


def _parsed(text: str) -> Any:
    _check_depth(text)
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_without_repeats)
    except json.JSONDecodeError as error:
        raise RubricError(f"it is no JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RubricError:
        raise
    except ValueError:  # a whole number of more digits than Python converts
        raise RubricError("it holds a number that is too large") from None


def _check_depth(text: str) -> None:
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > MAX_DEPTH:
            raise RubricError(f"it is nested deeper than {MAX_DEPTH}")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise RubricError("an object has a key twice")
    return values


def _refuse(constant: str) -> NoReturn:
    raise RubricError(f"it holds {constant}, which is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise RubricError("it holds a number that is too large")
    return number


def _shown(values: dict[str, Any]) -> str:
    """Its keys, those that are ours; others only counted, since the message goes back into a prompt."""
    known = [key for key in values if key in (*_LISTS, "title", "description", "weight", "polarity")]
    others = len(values) - len(known)
    return ", ".join([*known, *([f"{others} others"] if others else [])]) or "(none)"

"""Reads what a person says of one criterion, in the words and numbers of its scale.

In: a criterion, a label as files of labels have it. Out: `ReadLabel`; or ValueError for what the scale does not have:
a label is never guessed. The same for measuring judges (calibration/) and for judging by labels
(table_rubric_judge.py). Not here: files, abstentions.
"""

import re
from typing import Final, NamedTuple

from citerefine.rubrics.criterion import Criterion, Scale

WORDS: Final[dict[str, bool]] = {
    **dict.fromkeys(("met", "yes", "true", "present", "pass"), True),
    **dict.fromkeys(("unmet", "not met", "no", "false", "absent", "not present", "fail"), False),
}
"""How label files write a yes or no; case, and `_` or `-` for a blank, do not matter."""

_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?", re.ASCII)
_VERDICTS: Final = {0.0: "UNMET", 1.0: "MET"}


class ReadLabel(NamedTuple):
    """What a label says."""

    verdict: str
    """As a judge would say it: `MET`, `UNMET`, the name of a level, or a number."""
    value: float
    """0 to 1; of a fault 1 means that it is present."""


def read_label(label: object, criterion: Criterion) -> ReadLabel:
    """What a label says of a criterion.

    A text is the name of a level, else a word of `WORDS`, else a number. A number is the name of a level, else a score
    on the native scale. Words and flags are for criteria that are met or not.

    Raises:
        ValueError: if the scale of the criterion has no such label.

    >>> plain = Criterion(id="c1", text="Names the lake")
    >>> read_label("Not met", plain), read_label(True, plain).value, read_label(0.5, plain).value
    (ReadLabel(verdict='UNMET', value=0.0), 1.0, 0.5)
    """
    scale = criterion.scale
    found = None
    if isinstance(label, bool):
        found = _flag(label, scale)
    elif isinstance(label, str):
        found = _text(label, scale)
    elif isinstance(label, int | float):
        found = _number(label, scale)
    if found is None:
        raise ValueError(f"the label {str(label)[:40]!r} is not known; {_known(scale)}")
    return found


def _text(label: str, scale: Scale) -> ReadLabel | None:
    text = label.strip()
    for level in scale.levels:
        if level.name and level.name == text:
            return ReadLabel(level.name, level.value)
    for level in scale.levels:
        if level.name and level.name.casefold() == text.casefold():
            return ReadLabel(level.name, level.value)
    word = " ".join(text.replace("_", " ").replace("-", " ").casefold().split())
    if word in WORDS:
        return _flag(WORDS[word], scale)
    return _number(float(text), scale) if _NUMBER.fullmatch(text) else None


def _flag(label: bool, scale: Scale) -> ReadLabel | None:
    return ReadLabel(_VERDICTS[float(label)], float(label)) if scale.kind == "binary" else None


def _number(label: float, scale: Scale) -> ReadLabel | None:
    for level in scale.levels:
        if _NUMBER.fullmatch(level.name) and float(level.name) == label:
            return ReadLabel(level.name, level.value)
    try:
        value = scale.to_unit(label)
    except ValueError:
        return None
    is_flag = scale.kind == "binary" and value in _VERDICTS
    return ReadLabel(_VERDICTS[value] if is_flag else f"{label:g}", value)


def _known(scale: Scale) -> str:
    names = ", ".join(level.name for level in scale.levels if level.name)
    numbers = f"from {scale.lo:g} to {scale.hi:g}"
    if scale.kind == "binary":
        return f"give true or false, met or unmet, or a number {numbers}"
    if names:
        return f"the scale has the levels {names}, and goes {numbers}"
    return f"the scale goes {numbers}"

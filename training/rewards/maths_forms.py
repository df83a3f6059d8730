"""Mends forms of mathematical text that math-verify cannot read, and tells numerals of different bases apart.

In: a reference answer or a model's answer. Out: the same value in a form that is read. Nothing is mended that could
make two values one: only marks go that say nothing of the value, such as spaces between groups of three digits. Not
here: comparing (maths_worker.py).
"""

import re
from typing import Final

_THIN: Final = r"(?:\\[,;:! ]|[~\u00a0\u2009\u202f])"
_BOX: Final = (re.compile(r"\\fbox\b|\\boxed\s+(?=\{)"), r"\\boxed")
_GROUPED: Final = re.compile(rf"(?<![\d.,])\d{{1,3}}(?:{_THIN}\d{{3}})+(?!\d)")
"""1\\,234: groups of three digits with a space between them that is no plain one."""
_BOXED_GROUPS: Final = re.compile(r"(?<=\\boxed\{)\s*[-+]?\s*(?:\\?\$)?\d{1,3}(?: \d{3})+(?!\d)")
"""1 234 at the beginning of a box; elsewhere these may be two numbers."""
_SPACE: Final = re.compile(rf"{_THIN}| ")
_MARKS: Final = (
    (re.compile(r"\\(?:text)?color\{[^{}]*\}"), ""),
    (re.compile(r"\\varnothing\b"), r"\\emptyset "),
    (re.compile(r"\\text\{\s*\\\$\s*\}|\bUS\\?\$"), r"\\$"),
    (re.compile(r"[€£¥₹]"), ""),
    (re.compile("°"), r"^\\circ "),
    (re.compile(r"(?<=[\d}])\.\s*(?=\})"), ""),  # the full stop of a sentence, in its box
    (re.compile("~"), " "),
)
_NO_UNIT: Final = (
    "and|by|cos|cot|cubed|divided|e|eighths?|exp|factorial|fifths?|fourths?|hal(?:f|ves)|hundredths?|i|in|inf|infinity|lg"
    "|ln|log|less|minus|mod|more|not|of|or|over|pi|plus|quarters?|root|sec|sin|sixths?|sqrt|squared|tan|tenths?|than"
    "|thirds?|through|times|to|x|y"
)
"""Words that say something of a value, or that there is another one."""
_UNIT: Final = rf"(?![A-Za-z' ]*\b(?:{_NO_UNIT})\b)(?P<words>[A-Za-z]{{4,}}[A-Za-z' ]*)"
_WORDED: Final = (
    (re.compile(rf"\\text\{{\s*(?P<number>[-+]?[\d.,/]*\d)\s+{_UNIT}\}}"), r"\g<number>\\text{ \g<words>}"),
    (re.compile(rf"(?<=\d)\s+{_UNIT}(?=\}})"), r"\\text{ \g<words>}"),
)
"""12 apples, in a box or in text: what is counted stands in text of its own, where it is left out. Shorter words may be
products of letters."""
_SCALES: Final = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_SCALE: Final = re.compile("|".join(_SCALES))
_SCALED: Final = re.compile(
    rf"(?<=\d)\s*\\text\{{\s*(?P<scales>(?:{_SCALE.pattern})s?\b(?:\s+(?:{_SCALE.pattern})s?\b)*)[^{{}}\\]*\}}"
)
_NUMBERS: Final = (
    (re.compile(r"(?<=\\boxed\{)(\s*-?\d+)\s+(\d+)/(\d+)\s*(?=\})"), r"\1\\frac{\2}{\3}"),
    (re.compile(r"(?<=\\boxed\{)(\s*-?\d+(?:\.\d+)?)[eE]([-+]?\d+)\s*(?=\})"), r"\1 \\times 10^{\2}"),
)
"""1 1/2, and 1.5e3, alone in a box."""
_BASED: Final = re.compile(r"[0-9A-Za-z]+_\{?(?P<base>\d{1,2})\}?")


def mended(text: str) -> str:
    r"""The text in forms that math-verify reads.

    >>> mended(r"\fbox{1\,234.}")
    '\\boxed{1234}'
    """
    text = _BOX[0].sub(_BOX[1], text)
    for groups in (_GROUPED, _BOXED_GROUPS):
        text = groups.sub(lambda found: _SPACE.sub("", found[0]), text)
    for form, instead in (*_MARKS, *_NUMBERS, *_WORDED):
        text = form.sub(instead, text)
    return _SCALED.sub(lambda found: rf" \times 10^{{{_power(found['scales'])}}}", text)


def _power(scales: str) -> int:
    """Of ten, by which these words multiply.

    >>> _power("hundred thousand")
    5
    """
    return sum(_SCALES[scale] for scale in _SCALE.findall(scales))


def in_another_base(gold: str, answer: str) -> bool:
    r"""Whether both are numerals in bases that differ: math-verify reads neither base.

    >>> in_another_base("101_2", r"It is \boxed{101_{3}}."), in_another_base("101_2", r"\boxed{101}")
    (True, False)
    """
    bases = [_BASED.fullmatch(last_box(text).strip().strip("$")) for text in (gold, answer)]
    return None not in bases and len({found["base"] for found in bases if found is not None}) == 2


def last_box(text: str) -> str:
    r"""What stands in the last box, up to its end; the text itself if there is none.

    >>> last_box(r"so \boxed{\frac{1}{2}}."), last_box(r"\boxed 5")
    ('\\frac{1}{2}', '5')
    """
    _, box, rest = text.rpartition("\\boxed")
    if not box:
        return text
    rest, depth = rest.lstrip(), 0
    if not rest.startswith("{"):
        return rest
    for place, sign in enumerate(rest):
        depth += (sign == "{") - (sign == "}")
        if not depth:
            return rest[1:place]
    return rest[1:]

"""The form in which a model gives verdicts: one line a question, in order, such as `c07=MET 12`.

In: what may be said to each question; a reply. Out: the grammar of the reply, in the form that refiner/tags/grammar.py
describes; what was said, or ValueError: nothing is guessed, and nothing but the reply is read. Not here: prompts, what
is done about a reply that cannot be read (examiner.py), log-probabilities (odds.py).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

MOST_ITEMS: Final = 99
"""Most questions of one call: names have two digits."""
MAX_REPLY: Final = 400_000
"""Longest reply that is read, thinking included, in code points."""

THINKING_BEGINS: Final = "<think>"
THINKING_ENDS: Final = "</think>"
_BLANKS: Final = " \t\r\n"
"""White space that may stand around a verdict; no other character ends a line, whatever Unicode says of it."""
_LINE: Final = re.compile(r"(c[0-9]{2})=([A-Z_]+|[0-9]{1,2})(?: (0|[1-9][0-9]{0,6}))?")


class Word(NamedTuple):
    """What may be said to a question."""

    text: str
    """Capitals and `_`, or one or two digits; no two words of a question begin each other unless both are digits."""
    points: range | None = None
    """The numbers one of which must follow it; None if none may."""


Item = tuple[Word, ...]
"""What one question can be answered with."""


class Said(NamedTuple):
    """What was said to one question."""

    word: str
    pointer: int | None = None


def item_names(count: int) -> list[str]:
    """What the questions of one call are named: c01, c02 …"""
    return [f"c{number:02d}" for number in range(1, count + 1)]


def strip_grammar(items: Sequence[Item]) -> str:
    r"""The grammar of a reply to these questions.

    >>> met = (Word("MET", range(1, 13)), Word("UNMET"))
    >>> print(strip_grammar([met, (Word("0"), Word("1")), met]))
    root ::= "c01=" label "\nc02=" labelb "\nc03=" label
    label ::= "MET " point | "UNMET"
    labelb ::= "0" | "1"
    point ::= [1-9] | "1" [0-2]
    <BLANKLINE>
    """
    labels = {item: _rule("label", number) for number, item in enumerate(dict.fromkeys(items))}
    ranges = dict.fromkeys(word.points for item in labels for word in item if word.points is not None)
    points = {numbers: _rule("point", number) for number, numbers in enumerate(ranges)}
    lines = r' "\n'.join(f'{name}=" {labels[item]}' for name, item in zip(item_names(len(items)), items, strict=True))
    rules = [f'root ::= "{lines}']
    for item, label in labels.items():
        rules.append(f"{label} ::= {' | '.join(_alternative(word, points) for word in item)}")
    rules += [f"{name} ::= {_numbers(numbers)}" for numbers, name in points.items()]
    return "\n".join([*rules, ""])


def _rule(name: str, number: int) -> str:
    """Names of rules in letters alone, which all engines read alike."""
    letters = ""
    while number:
        number, letter = divmod(number, 26)
        letters = chr(ord("a") + letter) + letters
    return name + letters


def _alternative(word: Word, points: dict[range, str]) -> str:
    return f'"{word.text}"' if word.points is None else f'"{word.text} " {points[word.points]}'


def _numbers(numbers: range) -> str:
    """Alternatives of equal length each, which admit the numbers and no other."""
    first, last = numbers[0], numbers[-1]
    found = ['"0"'] if first == 0 else []
    for digits in range(1, len(str(last)) + 1):
        low, high = max(1, 10 ** (digits - 1)), min(last, 10**digits - 1)
        if low <= high:
            found += _up_to(str(high), leading=True)
    return " | ".join(found)


def _up_to(most: str, *, leading: bool) -> Iterator[str]:
    """Alternatives for the numbers of as many digits, up to `most`; the first digit is at least 1 if it leads."""
    least = 1 if leading else 0
    if all(digit == "9" for digit in most):
        yield " ".join([_digits(least, 9), *["[0-9]"] * (len(most) - 1)])
        return
    head = int(most[0])
    if len(most) == 1:
        yield _digits(least, head)
        return
    if least < head:
        yield " ".join([_digits(least, head - 1), *["[0-9]"] * (len(most) - 1)])
    for rest in _up_to(most[1:], leading=False):
        yield f'"{head}" {rest}'


def _digits(low: int, high: int) -> str:
    return f'"{low}"' if low == high else f"[{low}-{high}]"


def strip_text(reply: str, *, thinks: bool = False) -> str:
    """The part of a reply that must be verdicts, without blanks at its ends: all of it, or, if the model was to think,
    what stands behind its thinking block. A template may open that block in the prompt; then what stands before its end
    is a thought only if no line of it is a verdict, since a second set of verdicts is no way to take back the first."""
    thought, ends, rest = reply.partition(THINKING_ENDS)
    if not (thinks and ends):
        return reply.strip(_BLANKS)
    opened = thought.lstrip(_BLANKS).startswith(THINKING_BEGINS)
    if not opened and any(_LINE.fullmatch(line) for line in _lines(thought)):
        return reply.strip(_BLANKS)
    return rest.strip(_BLANKS)


def _lines(text: str) -> list[str]:
    return [line.strip(_BLANKS) for line in text.split("\n")]


def read_strip(reply: str, items: Sequence[Item], *, thinks: bool = False) -> list[Said]:
    """What was said to each question, in order. The lines may come in any order, each question exactly once.

    Args:
        reply: of the model.
        items: what may be said to each question that was asked.
        thinks: whether the model was to think before its verdicts.

    Raises:
        ValueError: if the reply is anything else: a question is missing, named twice or unknown, a word or number is
            not among those that may stand there, or there is other text.
    """
    if len(reply) > MAX_REPLY:
        raise ValueError(f"it has {len(reply):,} characters, and at most {MAX_REPLY:,} are read")
    names, found = dict(zip(item_names(len(items)), items, strict=True)), dict[str, Said]()
    for line in filter(None, _lines(strip_text(reply, thinks=thinks))):
        match = _LINE.fullmatch(line)
        if match is None or not any(match[2] == word.text for item in items for word in item):
            raise ValueError(f"{line[:40]!r} is no verdict")
        name, said = match[1], Said(match[2], None if match[3] is None else int(match[3]))
        if name not in names:
            raise ValueError(f"it judges {name}, and there are c01 to {[*names][-1]}")
        if name in found:
            raise ValueError(f"it judges {name} twice")
        if not _may_be_said(said, names[name]):
            raise ValueError(f"{line[:40]!r} is no verdict on {name}")
        found[name] = said
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(f"it does not judge {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}")
    return [found[name] for name in names]


def _may_be_said(said: Said, item: Item) -> bool:
    for word in item:
        if word.text == said.word:
            return said.pointer is None if word.points is None else said.pointer in word.points
    return False

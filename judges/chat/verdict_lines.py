"""What a judging model may reply: one line a claim, in order, such as `c07=FULL`.

In: the number of claims asked about; a reply. Out: the grammar of the reply, in the form that refiner/tags/grammar.py
describes; the labels, or ValueError: nothing is guessed, and nothing but the reply is read. Not here: prompts, what is
done about a reply that cannot be read (chat_judge.py), log-probabilities (label_odds.py).
"""

import re
from typing import Final

from citerefine.judges.verdict import Label

MOST_CLAIMS: Final = 99
"""Most claims of one call: names have two digits."""
MAX_REPLY: Final = 400_000
"""Longest reply that is read, thinking included, in code points."""
WORDS: Final = {label.value.upper(): label for label in Label}
"""Word of the reply → label."""

THINKING_BEGINS: Final = "<think>"
THINKING_ENDS: Final = "</think>"
_BLANKS: Final = " \t\r\n"
"""White space that may stand around a verdict; no other character ends a line, whatever Unicode says of it."""
_LINE: Final = re.compile(rf"(c[0-9]{{2}})=({'|'.join(WORDS)})")


def claim_names(count: int) -> list[str]:
    """What the claims of one call are named: c01, c02 …"""
    return [f"c{number:02d}" for number in range(1, count + 1)]


def verdict_grammar(count: int) -> str:
    r"""The grammar of a reply about so many claims.

    >>> print(verdict_grammar(2))
    root ::= "c01=" label "\nc02=" label
    label ::= "FULL" | "PARTIAL" | "NONE" | "CONTRADICTS"
    <BLANKLINE>
    """
    lines = r' label "\n'.join(f'{name}="' for name in claim_names(count))
    words = " | ".join(f'"{word}"' for word in WORDS)
    return f'root ::= "{lines} label\nlabel ::= {words}\n'


def verdict_text(reply: str, *, thinks: bool = False) -> str:
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


def read_verdicts(reply: str, count: int, *, thinks: bool = False) -> list[Label]:
    """The labels of the claims, in order. The lines may come in any order, each claim exactly once.

    Args:
        reply: of the model.
        count: how many claims it was asked about.
        thinks: whether it was to think before its verdicts.

    Raises:
        ValueError: if the reply is anything else: a claim is missing, named twice or unknown, or there is other text.
    """
    if len(reply) > MAX_REPLY:
        raise ValueError(f"it has {len(reply):,} characters, and at most {MAX_REPLY:,} are read")
    names, found = claim_names(count), dict[str, Label]()
    for line in filter(None, _lines(verdict_text(reply, thinks=thinks))):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{line[:40]!r} is no verdict")
        if match[1] not in names:
            raise ValueError(f"it judges {match[1]}, and there are {names[0]} to {names[-1]}")
        if match[1] in found:
            raise ValueError(f"it judges {match[1]} twice")
        found[match[1]] = WORDS[match[2]]
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(f"it does not judge {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}")
    return [found[name] for name in names]

"""How sure a model was of its verdicts, from the log-probabilities of the tokens with which they begin.

In: a reply with `logprobs`. Out: for each question the probability of each word that may be said to it, or None where
it cannot be told.

Each alternative at a verdict's first token is counted for the word that it begins. Where several words begin alike,
and the token that was chosen does not tell which, the next token is looked at too. The masses are renormalised over
the words. Servers differ in whether they report them before or after the grammar has masked other tokens (llama.cpp
and transformers: before; vLLM: after), so mass outside the words is left out; where the words have less than half of
all mass, the model meant none of them, and there are no figures. Nor are there where a word that is not among the
alternatives could have much of the mass that these leave over, where the chosen token is the only one that is told,
and where the masses are more than 1 together, as where a server fills in zeros. Not here: what words mean.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from citerefine.judges.strips.strip import Item, item_names, read_strip, strip_text
from citerefine.refiner.chat.call import ChatReply

TOP: Final = 20
"""Alternatives of each token to ask for: as many as OpenAI's interface allows."""
LEAST_MASS: Final = 0.5
"""Least probability that all words must have together."""
MOST_UNDECIDED: Final = 0.1
"""Most probability that is not told apart: of alternatives that begin several words and were not followed, and of all
tokens that are not told, where one of them may begin a word that no told one begins."""
MOST_TOGETHER: Final = 1.01
"""Most that the probabilities of one place may add up to; servers round."""

_WORD: Final = re.compile(r"\w")

Odds = Mapping[str, float]
"""Word → probability; together 1."""


class _Token(NamedTuple):
    start: int
    """Offset in the text of all tokens, in bytes."""
    entry: dict[str, Any]

    @property
    def end(self) -> int:
        """Offset behind it."""
        return self.start + len(_bytes_of(self.entry))


def read_odds(reply: ChatReply, items: Sequence[Item], *, thinks: bool = False) -> list[Odds | None]:
    """The odds of each question, in order, of a reply that `read_strip` takes."""
    tokens = list(_tokens(reply.logprobs))
    words = [[word.text for word in item] for item in items]
    starts = _starts(reply, tokens, len(items), thinks=thinks)
    return [None if at is None else _odds_at(at, tokens, own) for at, own in zip(starts, words, strict=True)]


def word_tokens(reply: ChatReply, items: Sequence[Item], *, thinks: bool = False) -> list[int | None]:
    """How many tokens each verdict's word takes; None where the reply does not tell its tokens."""
    tokens = list(_tokens(reply.logprobs))
    starts = _starts(reply, tokens, len(items), thinks=thinks)
    said = [len(one.word) for one in read_strip(reply.text, items, thinks=thinks)]
    return [
        None if at is None else sum(token.start < at + length and token.end > at for token in tokens)
        for at, length in zip(starts, said, strict=True)
    ]


def _starts(reply: ChatReply, tokens: Sequence[_Token], count: int, *, thinks: bool) -> list[int | None]:
    """Offset of each verdict's word in the text of all tokens, in bytes."""
    whole = b"".join(_bytes_of(token.entry) for token in tokens)
    text = strip_text(reply.text, thinks=thinks).encode()
    at = whole.rfind(text)
    if at < 0 or not tokens:
        return [None] * count
    return [at + text.find(f"{name}=".encode()) + len(name) + 1 for name in item_names(count)]


def _tokens(entries: Sequence[dict[str, Any]]) -> Iterator[_Token]:
    at = 0
    for entry in entries:
        yield _Token(at, entry)
        at += len(_bytes_of(entry))


def _bytes_of(entry: dict[str, Any]) -> bytes:
    """What a token stands for. Servers give it as text, which cannot show half a character, and mostly as bytes."""
    values, text = entry.get("bytes"), entry.get("token")
    if isinstance(values, list) and all(type(value) is int and 0 <= value < 256 for value in values):
        return bytes(values)
    return text.encode(errors="replace") if isinstance(text, str) else b""


def _odds_at(start: int, tokens: Sequence[_Token], words: Sequence[str]) -> Odds | None:
    """The odds of the word that begins at this byte."""
    number = next(number for number in reversed(range(len(tokens))) if tokens[number].start <= start)
    before = _bytes_of(tokens[number].entry)[: start - tokens[number].start]
    found, share, undecided, read = dict.fromkeys(words, 0.0), 1.0, 0.0, b""
    for token in tokens[number:]:
        masses = _masses(token.entry)
        if masses is None:
            return None
        chosen = _bytes_of(token.entry)
        untold = {*(_words_begun(read, b"", b"", words) or words)}
        for written, mass in masses.items():
            begun = _words_begun(read, written, before, words)
            untold -= {*begun}
            if len(begun) == 1:
                found[begun[0]] += share * mass
            elif begun and written != chosen:
                undecided += share * mass
        undecided += share * max(0.0, 1 - sum(masses.values())) if untold else 0.0
        if len(_words_begun(read, chosen, before, words)) < 2:
            break
        share, read, before = share * masses[chosen], read + chosen.removeprefix(before), b""
    total = sum(found.values())
    if total < LEAST_MASS or undecided > MOST_UNDECIDED:
        return None
    return {word: min(1.0, mass / total) for word, mass in found.items()}


def _masses(entry: dict[str, Any]) -> dict[bytes, float] | None:
    """Token → probability of what could stand at one place; None if these are no probabilities, or are one alone."""
    others = entry.get("top_logprobs")
    masses = dict[bytes, float]()
    for other in [*(others if isinstance(others, list) else ()), entry]:
        mass = _mass(other)
        if mass is None:
            return None
        masses[_bytes_of(other)] = mass  # the chosen token may stand among the alternatives
    return masses if len(masses) > 1 and sum(masses.values()) <= MOST_TOGETHER else None


def _mass(entry: object) -> float | None:
    value = entry.get("logprob") if isinstance(entry, dict) else None
    if not isinstance(value, int | float) or isinstance(value, bool) or not value <= 1e-3:
        return None
    return math.exp(value)


def _words_begun(read: bytes, written: bytes, before: bytes, words: Sequence[str]) -> list[str]:
    """The words that a token begins or goes on with, where `read` of them was read before it, and `before` of the
    token belongs to what stands before the word."""
    if not written.startswith(before):
        return []
    begun = (read + written[len(before) :]).decode(errors="replace").lstrip()
    return [word for word in words if begun and (word.startswith(begun) or _ends_in(word, begun))]


def _ends_in(word: str, begun: str) -> bool:
    """Whether the text is the word and what no longer belongs to it."""
    return begun.startswith(word) and not _WORD.match(begun, len(word))

"""How sure a model was of its verdicts, from the log-probabilities of the tokens with which they begin.

In: a reply with `logprobs`. Out: p(supported) of each claim: P(FULL) + P(PARTIAL)/2, or None where it cannot be told.

Each alternative at a verdict's first token is counted for the label that it begins (F…, P…, N…, C…), and the masses
are renormalised over the labels. Servers differ in whether they report them before or after the grammar has masked
other tokens (llama.cpp and transformers: before; vLLM: after), so mass outside the labels is left out; where
the labels have less than half of all mass, the model meant none of them, and there is no figure. Not here: labels.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from citerefine.judges.chat.verdict_lines import WORDS, claim_names, verdict_text
from citerefine.judges.verdict import SUPPORT
from citerefine.refiner.chat.call import ChatReply

TOP: Final = 20
"""Alternatives of each token to ask for: as many as OpenAI's interface allows."""
LEAST_MASS: Final = 0.5
"""Least probability that all labels must have together."""


class _Token(NamedTuple):
    start: int
    """Offset in the text of all tokens, in bytes."""
    entry: dict[str, Any]


def read_odds(reply: ChatReply, count: int, *, thinks: bool = False) -> list[float | None]:
    """p(supported) of the claims, in order, of a reply that `read_verdicts` takes; each in [0, 1] or None."""
    tokens = list(_tokens(reply.logprobs))
    whole = b"".join(_bytes_of(token.entry) for token in tokens)
    text = verdict_text(reply.text, thinks=thinks).encode()
    at = whole.rfind(text)
    if at < 0 or not tokens:
        return [None] * count
    starts = [at + text.find(f"{name}=".encode()) + len(name) + 1 for name in claim_names(count)]
    return [_odds_at(start, tokens) for start in starts]


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


def _odds_at(start: int, tokens: Sequence[_Token]) -> float | None:
    """p(supported) of the label that begins at this byte."""
    token = next(token for token in reversed(tokens) if token.start <= start)
    before = _bytes_of(token.entry)[: start - token.start]
    others = token.entry.get("top_logprobs")
    masses = dict[bytes, float]()
    for entry in [*(others if isinstance(others, list) else ()), token.entry]:
        mass = _mass(entry)
        if mass is None:
            return None
        masses[_bytes_of(entry)] = mass  # the chosen token may stand among the alternatives
    supported = labelled = 0.0
    for written, mass in masses.items():
        word = _word_begun(written, before)
        if word is not None:
            labelled += mass
            supported += mass * SUPPORT[WORDS[word]]
    return min(1.0, supported / labelled) if labelled >= LEAST_MASS else None


def _mass(entry: object) -> float | None:
    value = entry.get("logprob") if isinstance(entry, dict) else None
    if not isinstance(value, int | float) or isinstance(value, bool) or not value <= 1e-3:
        return None
    return math.exp(value)


def _word_begun(written: bytes, before: bytes) -> str | None:
    """The one label that a token begins, where `before` of it belongs to what stands before the label."""
    if not written.startswith(before):
        return None
    begun = written[len(before) :].decode(errors="replace").strip()
    words = [word for word in WORDS if begun and (word.startswith(begun) or begun.startswith(word))]
    return words[0] if len(words) == 1 else None

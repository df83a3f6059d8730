"""What the answer grammar costs: time to compile it, and time a token, in llguidance with a large vocabulary.

Run: python benchmarks/grammar.py
The vocabulary has 151,000 tokens, as many as Qwen's, made from the words of the built-in notes and letters behind them.
An answer of three claims is fed byte by byte; after each, the mask of admissible tokens is computed. Grammars differ in
how many names they admit, how long these are, and whether the answer is bounded.
"""

import hashlib
import random
import re
import time
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import llguidance
from llguidance import LLMatcher, LLParserLimits, LLTokenizer, grammar_from

from citerefine.refiner.in_process.constraint import STEP_ITEMS
from citerefine.refiner.tags.grammar import answer_grammar

TOKENS = 151_000
LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
SIGNS = " <>/`~\n.,;:!?()[]{}=+-*&#"
ANSWER = (
    "<answer>\nPerch < roach doubled. <snippet id={0},{1}>Perch doubled in 9 of 10 lakes (p < 0.05).</snippet> More\n\n"
    "<snippet id={1}>ice came late</snippet>, and `code`. <snippet id={2}>(In 2010) it melted.</snippet></answer>"
)


class Vocabulary:
    """Tokens as llguidance asks for them."""

    eos_token_id = TOKENS
    bos_token_id = None
    special_token_ids = (TOKENS,)

    def __init__(self) -> None:
        self.tokens = [*_tokens(random.Random(0)), b"<eos>"]

    def __call__(self, text: bytes | str) -> list[int]:
        return list(text if isinstance(text, bytes) else text.encode())


def _tokens(draw: random.Random) -> Iterator[bytes]:
    notes = (path.read_text("utf-8") for path in files("citerefine.tools.notes").iterdir() if path.name.endswith(".md"))
    words = sorted({word for note in notes for word in re.findall(r"\w+|[^\w\s]+", note)})
    seen = {bytes([number]) for number in range(256)}
    yield from sorted(seen)
    while len(seen) < TOKENS:
        kind = draw.random()
        if kind < 0.7:
            word = draw.choice(words)[: draw.randint(1, 8)] + "".join(draw.choices(LETTERS, k=draw.randint(0, 4)))
        elif kind < 0.9:
            word = draw.choice(words) + draw.choice([".", ",", ")", " ", "\n", ".\n"])
        else:
            word = "".join(draw.choices(SIGNS, k=draw.randint(1, 5)))
        token = ((" " if draw.random() < 0.4 else "") + word).encode()
        if token not in seen:
            seen.add(token)
            yield token


def main() -> None:
    """Measures and prints."""
    tokenizer = LLTokenizer(llguidance.TokenizerWrapper(Vocabulary()))
    names = {
        "12 aliases": [f"S{number}" for number in range(1, 13)],
        "300 aliases": [f"S{number}" for number in range(1, 301)],
        "300 ids": [hashlib.sha256(str(number).encode()).hexdigest()[:16] for number in range(300)],
    }
    print(f"{'names':>12} {'bounds':>10} {'compile ms':>11} {'mean ms a token':>16} {'max ms':>7}")
    for label, listed in names.items():
        for bounds in ({}, {"max_claims": 8, "max_chars": 600}):
            compile_ms, masks = _cost(tokenizer, listed, bounds)
            mean = sum(masks) / len(masks)
            bounded = "8 × 600" if bounds else "none"
            print(f"{label:>12} {bounded:>10} {compile_ms:11.1f} {mean:16.2f} {max(masks):7.1f}")


def _cost(tokenizer: Any, names: list[str], bounds: dict[str, int]) -> tuple[float, list[float]]:
    """Milliseconds to compile, and of each mask."""
    begin = time.perf_counter()
    limits = LLParserLimits(step_max_items=STEP_ITEMS)
    matcher = LLMatcher(tokenizer, grammar_from("grammar", answer_grammar(names, **bounds)), limits=limits)
    compile_ms = 1000 * (time.perf_counter() - begin)
    assert not matcher.is_error(), matcher.get_error()
    masks = list[float]()
    for byte in ANSWER.format(names[0], names[5], names[-1]).encode():
        begin = time.perf_counter()
        matcher.compute_bitmask()
        masks.append(1000 * (time.perf_counter() - begin))
        assert matcher.consume_token(byte)
    assert matcher.is_accepting()
    return compile_ms, masks


if __name__ == "__main__":
    main()

"""How many tokens a text has at most, where no tokenizer can be asked.

In: text. Out: a count that is not below that of a byte-level BPE vocabulary of today's size (Qwen, GPT-4 and later,
Llama 3) for prose, numbers, addresses, code, Chinese, Japanese and Korean; for English prose about 1.7 times theirs.
Not here: exact counts (client.py asks the server for them).

The rule follows how such tokenizers split. A word takes the blank before it along, so a blank is free except before a
digit. A word is cut into pieces of at least three letters on average; a capital before another capital stands alone.
Each digit is a token (Qwen splits numbers so), and each sign. A letter of another European script is at most one
token, an East Asian character two (mostly less than one; rare ones three), anything else its bytes.
"""

import re
from functools import lru_cache
from typing import Final

_WORD = re.compile(r"[A-Z]?[a-z]+")
_LETTERS_A_TOKEN: Final = 3
_SPACE = re.compile(r"\s{2,}|[^\S ]| (?=\d|\Z)")
_SPACES_A_TOKEN: Final = 4
_SINGLE = re.compile(r"[A-Z](?![a-z])|[0-9!-/:-@\[-`{-~\0-\x08\x0e-\x1b\x7f]|[\u00a1-\u052f\u1e00-\u1fff\u2010-\u2027]")
_EAST_ASIAN = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_OTHER = re.compile(
    r"[^\s\0-\x7f\u00a1-\u052f\u1e00-\u1fff\u2010-\u2027\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]"
)


_KEPT: Final = 16
"""Texts whose bound is kept: most requests of a run begin with the same instructions."""
_SMALL: Final = bytes(range(ord("a"), ord("z") + 1))
_NO_LETTERS: Final = dict.fromkeys(_SMALL)


@lru_cache(_KEPT)
def bound_tokens(text: str) -> int:
    """No fewer than `estimate_tokens` says, in a fraction of its time: enough to see that a short text fits.

    Each word is behind a character that is no small letter; a blank that stands alone is free; every other character
    counts twice (a blank before it may not be free), and what is not ASCII its bytes as well.
    """
    # Of ASCII, bytes: to translate text takes several times as long.
    others = len(text.encode().translate(None, _SMALL) if text.isascii() else text.translate(_NO_LETTERS))
    small = len(text) - others
    words = min(small, others + 1)
    blanks = max(0, text.count(" ") - 3 * text.count("  "))  # a run of k holds k // 2 pairs, so at most 3 a pair
    foreign = 0 if text.isascii() else len(text.encode(errors="replace"))
    return (small + (_LETTERS_A_TOKEN - 1) * words) // _LETTERS_A_TOKEN + 2 * (others - blanks) + 1 + foreign


def estimate_tokens(text: str) -> int:
    """No fewer tokens than `text` has, as a rule; 0 for the empty text."""
    words = _WORD.findall(text)
    rounding = (_LETTERS_A_TOKEN - 1) * len(words)  # each word's pieces, rounded up
    tokens = (sum(map(len, words)) + rounding) // _LETTERS_A_TOKEN
    tokens += sum(1 + len(space) // _SPACES_A_TOKEN for space in _SPACE.findall(text))
    tokens += len(_SINGLE.findall(text))
    if text.isascii():
        return tokens
    others = "".join(_OTHER.findall(text))
    return tokens + 2 * len(_EAST_ASIAN.findall(text)) + len(others.encode(errors="replace"))

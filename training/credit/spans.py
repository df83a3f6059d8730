"""Where in a text each sampled token stands, to the character.

In: token ids as they were sampled, and the tokenizer. Out: `TokenSpans`. Offsets come from the bytes that each id
stands for, and never from tokenizing the text again, which may cut it elsewhere. For byte-level BPE tokenizers (Qwen,
Llama 3, GPT and others), where each id has fixed bytes; all others are refused. Not here: advantages
(claim_credit.py).
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from citerefine.refiner.errors import InputError

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
"""Stands for each run of bytes that are no UTF-8."""


class TokenSpans(NamedTuple):
    """A text, and where its tokens begin."""

    text: str
    """What the ids decode to, special tokens left out."""
    starts_T: tuple[int, ...]
    """Offset in `text`, in code points, of the character that holds the first byte of each token; of a token without
    bytes, such as the end of the turn, that of what comes next."""


class ByteTokens:
    """The bytes of a tokenizer's ids."""

    def __init__(self, tokenizer: Any) -> None:
        """Raises InputError if an id does not have fixed bytes in this tokenizer."""
        core = tokenizer.backend_tokenizer
        if not _is_byte_level(json.loads(core.to_str()).get("decoder")):
            raise InputError(
                f"{type(tokenizer).__name__} is no byte-level tokenizer, and claim credit needs the bytes of each "
                "token; set claim_credit = 0, or train a model with a byte-level one such as Qwen3's"
            )
        self._tokenizer = tokenizer
        self._added = dict(tokenizer.added_tokens_decoder)
        self._special = frozenset(tokenizer.all_special_ids)
        self._bytes = lru_cache(maxsize=None)(self._find)

    def spans(self, ids: Sequence[int]) -> TokenSpans:
        """Where each token stands. Linear in the bytes."""
        pieces = [self._bytes(id) for id in ids]
        text, character_of = _decode(b"".join(pieces))
        starts, offset = list[int](), 0
        for piece in pieces:
            starts.append(character_of[offset])
            offset += len(piece)
        return TokenSpans(text, tuple(starts))

    def _find(self, id: int) -> bytes:
        added = self._added.get(id)
        if added is not None:
            return b"" if id in self._special or added.special else str(added.content).encode()
        token = self._tokenizer.convert_ids_to_tokens(id)
        return b"" if token is None else bytes(_byte_of()[character] for character in token)


def _is_byte_level(decoder: Any) -> bool:
    if not isinstance(decoder, dict):
        return False
    if decoder.get("type") == "Sequence":
        return any(map(_is_byte_level, decoder.get("decoders", ())))
    return decoder.get("type") == "ByteLevel"


@lru_cache(maxsize=1)
def _byte_of() -> dict[str, int]:
    """The printable character that byte-level tokenizers write for a byte → the byte (GPT-2's table)."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(0x100 + place): byte for place, byte in enumerate(others)}


def _decode(data: bytes) -> tuple[str, list[int]]:
    """The text, and for each byte, and for the end, the number of the character that it belongs to."""
    text, character_of, offset = list[str](), list[int](), 0
    n = 0
    while offset < len(data):
        good, bad = _next_run(data, offset)
        for character in good:
            character_of += [n] * len(character.encode())
            n += 1
        text.append(good)
        if bad:
            text.append(_REPLACEMENT)
            character_of += [n] * bad
            n += 1
        offset = len(character_of)
    return "".join(text), [*character_of, n]


def _next_run(data: bytes, offset: int) -> tuple[str, int]:
    """The longest valid text from `offset` on, and how many bytes behind it are none."""
    try:
        return data[offset:].decode(), 0
    except UnicodeDecodeError as error:
        return data[offset : offset + error.start].decode(), error.end - error.start

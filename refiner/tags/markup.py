"""What counts as a tag: the one definition that the evidence, the writer and the parser share.

In: any text. Out: text in which no tag can start (`escape`), and the same text back (`unescape`). A tag starts
at a `<` that is followed by a letter, `/`, `!` or `<`, or that ends the text; `p < 0.05` therefore stays as it
is. Not here: reading tags (scanner.py) and the layout of evidence (evidence.py).
"""

import re
import unicodedata
from functools import cache
from typing import Final

TAG_START = re.compile(r"<(?=[A-Za-z/!<]|\Z)")
"""A `<` that could open or close a tag. The grammar for model servers has to admit exactly the other ones."""

ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&", "&#96;": "`", "&#126;": "~"}
"""What `unescape` replaces; `&gt;` because models write it beside `&lt;`, the last two for code fences."""

_SPECIAL_TOKEN = re.compile("<(?=[|｜])")
_ENTITY = re.compile("|".join(map(re.escape, ENTITIES)))
_ENTITY_LOOKALIKE = re.compile(r"&(?=(?:lt|gt|amp|#96|#126);)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FENCE_START = re.compile(r"(?<=\n)( {0,3})([`~])(?=\2\2)")
_MOST_MARKS: Final = 32
"""Combining marks on one letter; no script needs half of them."""
_STRIDE: Final = 8

ID_PATTERN = r"[A-Za-z0-9_-]{1,64}"
"""Ids that a tag can carry: ASCII, compared exactly."""


def escape(text: str) -> str:
    """`text` in which no tag starts; `unescape` gives `text` back."""
    return TAG_START.sub("&lt;", _ENTITY_LOOKALIKE.sub("&amp;", text))


def mask_entities(text: str) -> str:
    """`text` with each entity replaced by as many blanks: none of them is a letter or digit."""
    return _ENTITY.sub(lambda match: " " * len(match[0]), text) if "&" in text else text


def unescape(text: str) -> str:
    """`text` with the entities of `ENTITIES` replaced, in one pass from the left."""
    return _ENTITY.sub(lambda match: ENTITIES[match[0]], text) if "&" in text else text


def escape_for_prompt(text: str) -> str:
    """`escape`, and in addition no turn of a conversation begins or ends; `unescape` gives `text` back."""
    return mask_turns(escape(text))


def mask_turns(text: str) -> str:
    """`text` without special tokens such as `<|im_end|>`, by which chat templates mark turns: the tokenizers of model
    servers read them in any text."""
    return _SPECIAL_TOKEN.sub("&lt;", text)


def escape_prose(text: str, at_line_start: bool) -> str:
    """`escape`, and in addition no line of it opens a code fence.

    Args:
        text: prose of an answer, without any code block.
        at_line_start: whether the text is put at the start of a line.
    """
    escaped = escape(text)
    if at_line_start:
        return _FENCE_START.sub(_mask_fence, "\n" + escaped)[1:]
    return _FENCE_START.sub(_mask_fence, escaped)


def _mask_fence(match: re.Match[str]) -> str:
    return f"{match[1]}&#{ord(match[2])};"


def scrub(text: str) -> str:
    """`text` with lone surrogates replaced by U+FFFD, so that it can be written as UTF-8; the length stays."""
    try:
        str.encode(text)  # fails on these alone, and takes a twentieth of the time of looking for them
    except UnicodeEncodeError:
        return _SURROGATE.sub("�", text)
    return str.__getitem__(text, slice(None))  # of a string enumeration, the plain string


def break_mark_runs(text: str) -> str:
    """`text` in which at most 32 combining marks stand in a row: each one too many becomes U+FFFD, so that the length
    stays. Unicode's normal forms sort marks, in a time that grows with the square of their number."""
    if text.isascii():
        return text
    marks, run = _mark_patterns()
    # A run that is too long meets so many steps one after the other: ordinary text is passed in an eighth of the time.
    return run.sub("\\1\ufffd", text) if marks.search(text[::_STRIDE]) else text


@cache
def _mark_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Marks at as many steps as a run takes that is too long; such a run, and one more."""
    letters = map(chr, range(0x300, 0x20000))  # planes with combining characters
    marks = "".join(letter for letter in letters if unicodedata.combining(unicodedata.normalize("NFKD", letter)[0]))
    return re.compile(f"[{marks}]{{{_MOST_MARKS // _STRIDE}}}"), re.compile(f"([{marks}]{{{_MOST_MARKS}}})[{marks}]")

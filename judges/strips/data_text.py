"""Shows texts of others to a judging model as data: nothing hidden in them, no tag, no special token, no end of a part.

In: any text. Out: the text as it stands in a prompt, and a code for the lines that divide a prompt into parts, which
occurs in none of the texts; so no text can end its part, and equal texts give equal prompts. Not here: prompts.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import JsonValue

from citerefine.judges.hidden import without_hidden
from citerefine.refiner.tags.markup import escape_for_prompt

_CODE_LENGTH: Final = 12
_OTHER_LINE_ENDS: Final = re.compile("[\r\v\f\x1c-\x1f\x85\u2028\u2029]")
_CONTROLS: Final = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_BRACKETED_TOKEN: Final = re.compile(
    r"\[(?=[|｜]|/?[A-Za-z]?[A-Z][A-Z0-9_]+\]|[a-z]{1,12}_?[0-9]{1,4}\]|[a-z]{1,12}~\[)"
    r"|\](?=~!?[a-z]{1,12}[\[\]]|<\])"
)
"""How special tokens begin that do not begin with `<`: `[INST]`, `[/INST]`, `[TOOL_RESULTS]`, `[gMASK]`, `[|user|]`,
`[control_7]`, `[unused7]`, `[e~[`, `]~b]`, `]~!b[`, `]<]image[>[`. What merely looks like one, such as `[DNA]`, is
escaped too."""
_CODE: Final = re.compile(f"(?=([0-9a-f]{{{_CODE_LENGTH}}}))")


def as_data(text: str) -> str:
    """`text` as it is shown: nothing invisible but blanks, tab and line end, no tag, no special token."""
    return _escaped(_visible(text))


def as_line(text: str) -> str:
    """`as_data`, on one line."""
    return _escaped(" ".join(_visible(text).split()))


def as_entity(character: str) -> str:
    """What stands for a character that must not begin anything."""
    return f"&#{ord(character)};"


def _escaped(text: str) -> str:
    return _BRACKETED_TOKEN.sub(lambda match: as_entity(match[0]), escape_for_prompt(text))


def _visible(text: str) -> str:
    """The text without what nobody sees; other line ends than `\\n` are blanks, so that no words join."""
    return without_hidden(_CONTROLS.sub("", _OTHER_LINE_ENDS.sub(" ", text.replace("\r\n", "\n"))))


def dividing_code(derived_from: JsonValue, texts: Iterable[str]) -> str:
    """A code that stands in none of the texts; other texts than those it is derived from change it only if it did."""
    codes, all_texts = _codes(json.dumps(derived_from)), [*texts]
    first = next(codes)
    if not any(first in text for text in all_texts):
        return first
    # Who plants one code can plant many: the texts are read once for all of them.
    planted = {match[1] for text in all_texts for match in _CODE.finditer(text)}
    return next(code for code in codes if code not in planted)


def _codes(seed: str) -> Iterator[str]:
    while True:
        seed = hashlib.sha256(seed.encode()).hexdigest()
        yield seed[:_CODE_LENGTH]

"""Escapes brackets in which a judging model could see a citation that the answer does not have.

In: text of an answer as it stands in a prompt. Out: the same text, in which every opening bracket, of whatever kind,
that has a name like S1 behind it before it is closed is an entity: `[S1]`, `[1, S1]`, `(see S1)`, `【S1】`, `［Ｓ１］`,
`[**S1**]`. All else stays, to the letter. Linear. Not here: the citations that the answer has (answer_lines.py).
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Final

from citerefine.judges.strips.data_text import as_entity

_PAIRS: Final = "".join(
    (
        "()[]{}⁅⁆〈〉❨❩❪❫❬❭❮❯❰❱❲❳❴❵⟅⟆⟦⟧⟨⟩⟪⟫⟬⟭⟮⟯⦃⦄⦅⦆⦇⦈⦉⦊⦋⦌⦍⦎⦏⦐⦑⦒⦓⦔⦕⦖⦗⦘⧘⧙⧚⧛⧼⧽",
        "⸢⸣⸤⸥⸦⸧⸨⸩⹕⹖⹗⹘⹙⹚⹛⹜﴿﴾༺༻༼༽《》「」『』【】〔〕〖〗〘〙〚〛⌈⌉⌊⌋",
    )
)
"""Brackets of all kinds in NFKC: opening, closing, by turns."""
_CLOSING: Final = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True))
_HOMOGLYPHS: Final = dict.fromkeys("ЅՏᏚꓢ", "S") | dict.fromkeys("ѕꮪ", "s")
_GAP: Final = r"(?:_|[^\w()\[\]{}]){1,3}"
_NAME: Final = rf"(?<![^\W_])(?:[Ss]+|(?<!['’])[Ss]+{_GAP})\d"
"""A name of a passage, also with blanks or marks of emphasis in it (SS1 where passages have ids like S1), but not the
end of “Darwin's 1859”."""
_MARK: Final = re.compile(rf"(?P<name>{_NAME})|[{re.escape(_PAIRS)}]")
_UNKNOWN: Final = re.compile(r"\s*\?")
"""What follows the bracket in the citation of a passage that does not exist."""
_USUAL: Final = "("
"""May be open where a citation follows: one within brackets is nothing odd."""


def escape_lookalikes(text: str, *, goes_on: bool = False) -> str:
    """The text without brackets that look like those of a citation.

    Args:
        text: a stretch of it without citations.
        goes_on: whether a citation follows it, which no bracket may take in.

    >>> escape_lookalikes("Perch [see S1] doubled [1].")
    'Perch &#91;see S1] doubled [1].'
    """
    parts, at = list[str](), 0
    folded = text if text.isascii() else "".join(map(_folded, text))
    for start in sorted(_lookalikes(folded, goes_on=goes_on)):
        parts += [text[at:start], as_entity(text[start])]
        at = start + 1
    return "".join([*parts, text[at:]])


def _lookalikes(text: str, *, goes_on: bool) -> Iterator[int]:
    """Where brackets open that are to be escaped."""
    opened = list[int]()  # and not closed, nor found to be a lookalike
    for match in _MARK.finditer(text):
        mark, start = match[0], match.start()
        if match["name"]:
            yield from opened
            opened.clear()
        elif mark in _CLOSING:
            opened.append(start)
            if mark != _USUAL and _UNKNOWN.match(text, match.end()):
                yield opened.pop()
        elif opened and _CLOSING[text[opened[-1]]] == mark:
            opened.pop()
    yield from (start for start in opened if goes_on and text[start] != _USUAL)


@cache
def _folded(character: str) -> str:
    """The one character that it looks like."""
    like = unicodedata.normalize("NFKC", character)
    return _HOMOGLYPHS.get(like, like) if len(like) == 1 else character

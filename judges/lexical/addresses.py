"""Finds addresses in a text, so that none counts as words.

In: any text without tags. Out: the spans of what leads elsewhere: `scheme://…`, `www.…`, `lakes.org/report`, mail
addresses, DOIs, arXiv identifiers, and targets of Markdown links and images with their titles. The words of a link
stay, and so does the sign that ends a sentence behind an address. Prose keeps its words and numbers: `and/or`,
`node.js`, `10:1`, `p. 10.1000` and `Booking.com` are no addresses. Linear. Not here: blanking (markup.py).
"""

import re
from collections.abc import Iterator
from typing import Final

_UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
# Scripts that set no blanks belong to an address only where a part of it begins: `wiki/鲈鱼`, but not `report的`.
_PART: Final = rf"""(?:[^\s<>"“”«»`\u3000-\u303f\uff00-\uff65{_UNSPACED}]++|(?<=[/?=&#_-])[{_UNSPACED}]++)"""
_HIDDEN: Final = "\u00ad\u200b-\u200d\u2060\ufeff"
"""Signs that nobody sees, and that would part a scheme."""
_LINK: Final = re.compile(
    r"\]\(\s*+(?:<[^<>\n]*+>|[^\s()<>]*+(?:\([^\s()]*+\)[^\s()]*+)*+)"
    r"""(?:\s++(?:"[^"]*+"|'[^']*+'|\([^()]*+\)))?+\s*+\)"""
)
_TOP: Final = "com|edu|example|gov|info|int|io|mil|net|org|eu|uk|de|fr|nl|ch|jp|cn"
"""Ends of hosts behind which a path makes an address without a scheme."""
_SIGN: Final = re.compile(r"[/@:]|www", re.IGNORECASE)
"""One of which every address has."""
# What stands first only makes it fast: most words are followed by none of these signs.
_ADDRESS: Final = re.compile(
    rf"""(?<![a-z0-9+{_HIDDEN}-])(?=[a-z0-9+{_HIDDEN}-]*+[/@:._%]|doi|arxiv)(?:
    [a-z0-9+{_HIDDEN}-]++://{_PART}*+
    | (?:mailto|javascript|urn):{_PART}++
    | www[0-9]{{0,3}}\.(?=[^\W_]){_PART}++
    | (?<![.@])[a-z0-9-]++(?:\.[a-z0-9-]++)*?\.(?:{_TOP})(?::[0-9]{{1,5}})?+/{_PART}++
    | (?<![.])[a-z0-9_.%+-]++@[a-z0-9-]++(?:\.[a-z0-9-]++)++
    | (?<![.,])(?:doi\s?[:=]?\s?)?+10\.[0-9]{{4,9}}(?:\.[0-9]++)*+/{_PART}++
    | arxiv\s?:\s?(?:[0-9]{{4}}\.[0-9]{{4,5}}|[a-z-]++(?:\.[a-z]{{2}})?/[0-9]{{7}})(?:v[0-9]{{1,2}})?+
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_ENDS: Final = ".,;:!?'’)]}*_"
"""What ends a sentence, or closes what was opened before an address, rather than the address."""


def link_targets(text: str) -> Iterator[tuple[int, int]]:
    """Where the targets of Markdown links and images are, with their brackets."""
    if "](" in text:
        yield from ((found.start() + 1, found.end()) for found in _LINK.finditer(text))


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """Where addresses are, links apart.

    >>> [text[start:end] for text in ["See doi:10.1000/x, and/or https://lakes.org."] for start, end in addresses(text)]
    ['doi:10.1000/x', 'https://lakes.org']
    """
    if _SIGN.search(text):
        yield from ((found.start(), found.start() + len(found[0].rstrip(_ENDS))) for found in _ADDRESS.finditer(text))

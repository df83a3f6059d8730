"""Markup in the fields of records: HTML and JATS as services send them, and what a person reads of it.

In: text in which there may be tags and entities. Out: plain text on one line. Only names of known elements are tags, so
that `p < 0.05` and `<5 cases … >10 controls` stay. Not here: whole pages and articles (readers/).
"""

import html
import re
from typing import Final

_TAG: Final = r"</?(?:jats:)?(?:{names})(?:\s+[\w:-]+=[^<>]{{0,200}})?\s*/?>"
_INLINE: Final = re.compile(
    _TAG.format(
        names="a|b|bold|em|ext-link|font|i|inline-formula|italic|mark|monospace|sc|small|span|strong|sub|sup|tt|u"
        "|underline|xref"
    ),
    re.I,
)
_BLOCK: Final = re.compile(
    _TAG.format(
        names="abstract|article|br|caption|disp-formula|div|fig|h[1-6]|hr|label|li|list|list-item|ol|p|sec|section"
        "|table|tbody|td|th|thead|title|tr|ul"
    ),
    re.I,
)


def plain(text: str | None) -> str | None:
    """Text without markup: tags out, entities in, white space tidied; None if nothing is left.

    >>> plain("<b>H<sub>2</sub>O</b> is &lt; 5&nbsp;%")
    'H2O is < 5 %'
    """
    if not text:
        return None
    bare = html.unescape(_INLINE.sub("", _BLOCK.sub(" ", text)))
    return " ".join(bare.split()) or None

"""Takes away what a reader does not see: characters that change a text for programs only.

In: any text. Out: the text in NFKC, without format characters, variation selectors and fillers, so that words that look
alike are alike. Linear. Not here: spelling out such characters for people (report/).
"""

import re
import unicodedata
from typing import Final

_FILLERS: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
"""Default-ignorable characters of Unicode that are no format characters (Cf), and the soft hyphen, which is one."""


def visible(text: str) -> str:
    """The text as a reader sees it."""
    if text.isascii():
        return text
    text = _FILLERS.sub("", unicodedata.normalize("NFKC", text))
    return "".join(c for c in text if unicodedata.category(c) != "Cf")

"""Takes away what a reader does not see: characters that change a text for programs only.

In: any text. Out: the text without format characters (Cf), variation selectors and fillers (Unicode 16,
Default_Ignorable_Code_Point), and, for comparing, in NFKC, so that words that look alike are alike. Linear. Not here:
spelling out such characters for people (report/).
"""

import re
import unicodedata
from typing import Final

_HIDDEN: Final = re.compile(
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def without_hidden(text: str) -> str:
    """The text without what nobody sees; its words are otherwise as they were."""
    return text if text.isascii() else _HIDDEN.sub("", text)


def visible(text: str) -> str:
    """The text as a reader sees it, in one form (NFKC) of all that look the same."""
    return text if text.isascii() else without_hidden(unicodedata.normalize("NFKC", text))

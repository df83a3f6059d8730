"""What tells one claim from another, so that saying a thing twice changes nothing.

In: the text of a unit. Out: its words and numbers, in order: case, spacing, punctuation, emphasis and hidden characters
do not make another claim; signs that belong to a number do. Linear. Not here: merging (statements.py).
"""

import re
from typing import Final

from citerefine.judges.hidden import visible

_TOKEN: Final = re.compile(r"(?:[<>=≤≥±≈~]\s*)?(?:(?<!\w)[-−+]\s?)?\d+(?:[.,]\d+)*(?:\s?%)?|[^\W_]+")


def claim_key(text: str) -> str:
    """The key of a claim; empty if it has no letter or digit."""
    return " ".join("".join(token.split()) for token in _TOKEN.findall(visible(text).casefold()))

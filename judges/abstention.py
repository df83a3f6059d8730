"""Tells answers that say the evidence does not tell from answers that merely cite nothing.

In: the statements of an answer. Out: whether it abstains: nothing is cited, and all that would need a citation says
that the sources give no answer. English. Not here: what an abstention is worth (metric.py).
"""

import re
from collections.abc import Sequence
from typing import Final

from citerefine.judges.statements import Statement

_SOURCES: Final = (
    r"(?:sources?|snippets?|evidence|passages?|documents?|context|texts?|excerpts?|materials?|results?|search|papers?|"
    r"abstracts?|information|literature|articles?|stud(?:y|ies))"
)
_SILENT: Final = (
    r"(?:say|state|mention|contain|provide|specify|address|answer|include|support|discuss|report|give|describe|cover|"
    r"indicate|reveal|explain|tell|allow|offer|clarify|establish|show|hold)"
)
_NOT: Final = r"(?:do(?:es)? not|don['’]t|doesn['’]t|did not|didn['’]t|cannot|can['’]t|fails? to)"
_ABSTAINS: Final = re.compile(
    rf"\b{_SOURCES}\b[^.;]{{0,60}}\b{_NOT}\s+(?:\w+\s+){{0,2}}{_SILENT}\b"
    rf"|\bno\s+(?:\w+\s+){{0,2}}(?:evidence|information|answer|mention|source|snippet|data)s?\b[^.;]{{0,60}}"
    rf"\b(?:in|about|on|for|from|was|were|is|are|found|available|given|provided)\b"
    rf"|\b(?:not enough|insufficient|not sufficient)\s+(?:\w+\s+){{0,2}}(?:evidence|information|data|context)\b"
    rf"|\b{_SOURCES}\b[^.;]{{0,40}}\b(?:is|are|was|were)\s+(?:silent|insufficient|not sufficient|not enough)\b"
    r"|\b(?:can(?:not|['’]t| not)|could(?: not|n['’]t)|unable to|not able to|not possible to|impossible to)\s+"
    r"(?:be\s+)?(?:answer(?:ed)?|determined?|f(?:ind|ound)|said|say|establish(?:ed)?|tell|told|conclude|verif(?:y|ied))\b"
    r"|\bI (?:do not|don['’]t) know\b",
    re.IGNORECASE,
)
_TURNS: Final = re.compile(r"\b(?:but|although|though|nevertheless|nonetheless|yet)\b|;", re.IGNORECASE)
"""Where a sentence goes on to claim something after all."""


def abstains(statements: Sequence[Statement]) -> bool:
    """Whether the answer only says that it cannot be given."""
    if any(statement.is_cited for statement in statements):
        return False
    needing = [statement.text for statement in statements if statement.exempt is None]
    return bool(needing) and all(_ABSTAINS.search(text) and not _TURNS.search(text) for text in needing)

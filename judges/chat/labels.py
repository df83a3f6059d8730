"""What a judging model may say to a claim: FULL, PARTIAL, NONE or CONTRADICTS.

In: what was said (judges/strips/). Out: verdicts, with p(supported) = P(FULL) + P(PARTIAL)/2. Not here: prompts, the
form of replies.
"""

from typing import Final

from citerefine.judges.strips.examiner import NoVerdict, Outcome
from citerefine.judges.strips.odds import Odds
from citerefine.judges.strips.strip import Item, Word
from citerefine.judges.verdict import SUPPORT, Label, Verdict, not_judged

WORDS: Final = {label.value.upper(): label for label in Label}
"""Word of the reply → label."""
LABELS: Final[Item] = tuple(Word(word) for word in WORDS)
"""What may be said to any claim."""


def p_supported(odds: Odds) -> float:
    """The expected support, in [0, 1]."""
    return min(1.0, sum(p * SUPPORT[WORDS[word]] for word, p in odds.items()))


def as_verdict(outcome: Outcome, judge: str) -> Verdict:
    """What an outcome says of its claim; without a label, and with the reason, where nothing was said."""
    if isinstance(outcome, NoVerdict):
        return not_judged(judge, *outcome)
    p = None if outcome.odds is None else p_supported(outcome.odds)
    reason = f"by the backup model {outcome.backup}" if outcome.backup else ""
    return Verdict(label=WORDS[outcome.word], p_supported=p, judge=judge, reason=reason)

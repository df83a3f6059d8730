"""What the form of an answer is worth.

In: an answer as the parser read it, and its mode. Out: `Scored`, or `Invalid` if there is no `<answer>` block.

    format = max(0, 1 - Σ penalties)

with a penalty of 1/2 for each fault of the whole (each kind once: a second `<answer>` block, one that is never closed,
text or thinking outside of it where only the answer may stand, tool output repeated in it, no citation although there
is evidence and the answer does not say that it does not answer), 1/4 for each id that no snippet has, and 1/10 for
each other fault of a tag. What is read without loss, such as ids in quotes, costs nothing. Counts and not shares, so
that good tags do not pay for bad ones. Not here: what is at fault (citerefine.refiner.validation).
"""

from math import fsum
from typing import Final

from citerefine.refiner.answer import Answer
from citerefine.refiner.records import Mode
from citerefine.refiner.validation import validate
from citerefine.training.rewards.parts import Invalid, Scored

WHOLE: Final = 0.5
UNKNOWN_ID: Final = 0.25
TAG: Final = 0.1
_OF_THE_WHOLE: Final = frozenset(
    {"multiple_answers", "unclosed_answer", "text_outside", "thinking", "tool_echo", "no_citation"}
)
NO_ANSWER: Final = "no_answer"
"""Code of an answer without a block, which earns nothing."""


def form_part(answer: Answer, mode: Mode = Mode.ANSWER_ONLY) -> Scored | Invalid:
    """The value of the form, from 0 to 1.

    >>> from citerefine.refiner import Evidence, parse_answer
    >>> evidence = Evidence(snippets=[{"id": "a", "text": "Perch doubled."}])
    >>> form_part(parse_answer("Well: <answer><snippet id=a,b>Perch doubled.</snippet></answer>", evidence)).value
    0.25
    """
    codes = [finding.code for finding in validate(answer, mode=mode)]
    if mode is Mode.ANSWER_ONLY:
        codes += [issue.code for issue in answer.issues if issue.code == "thinking"]
    if NO_ANSWER in codes:
        return Invalid(f"{NO_ANSWER}: there is no <answer> block")
    whole = {code for code in codes if code in _OF_THE_WHOLE}
    tags = [code for code in codes if code not in _OF_THE_WHOLE]
    lost = WHOLE * len(whole) + fsum(UNKNOWN_ID if code == "unknown_id" else TAG for code in tags)
    faults = ", ".join(dict.fromkeys([*sorted(whole), *tags]))
    return Scored(max(0.0, 1.0 - lost), f"faults: {faults}" if faults else "")

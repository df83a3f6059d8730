"""Says what is wrong with an answer: the client-side half of the citation guarantee.

In: an `Answer`, and how the model's reply ended. Out: `Finding`s, none if the answer validates. The same findings
decide about repair, are quoted to the model, and are raised. That an unknown id cannot be cited does not depend on
them: the parser has removed it. Not here: what is done about findings (policy.py), whether a snippet supports a
claim.
"""

from typing import Final

from citerefine.refiner.answer import Answer
from citerefine.refiner.chat.call import Finish
from citerefine.refiner.records import Mode, Record
from citerefine.refiner.tags.issues import FORMAT_ERRORS

VALIDATED: Final = {
    "unknown_id": "a tag cites an id that no snippet has",
    "no_citation": "no claim cites any snippet",
    "truncated": "the text was cut off at the token limit",
}
"""What is checked beyond format errors: code → meaning."""

_TOLERATED: Final = frozenset(
    {"quoted_ids", "spaced_ids", "repeated_id", "ids_attribute", "extra_attribute", "cite_tag", "upper_case"}
)


class Finding(Record):
    """One thing that keeps an answer from being valid."""

    code: str
    """A format error of `tags.issues`, or a key of `VALIDATED`."""
    message: str
    start: int | None = None
    """Offset in the raw text, in code points; None for what concerns the whole."""
    end: int | None = None


def validate(
    answer: Answer, finish: Finish = "stop", mode: Mode = Mode.ANSWER_ONLY, *, strict: bool = False
) -> tuple[Finding, ...]:
    """What is wrong with an answer, in the order of its raw text; what concerns the whole comes last.

    Args:
        answer: what the parser made of the reply.
        finish: how the reply ended; `length` means that it was cut off.
        mode: in `think`, text before the block is reasoning and no fault.
        strict: whether forms that are read without loss, such as quoted ids, count too.
    """
    invalid = FORMAT_ERRORS | {"unknown_id"} | (_TOLERATED if strict else frozenset())
    if mode is Mode.THINK:
        invalid -= {"text_outside"}
    elif strict:
        invalid |= {"thinking"}
    found = [
        Finding(code=issue.code, message=issue.message, start=issue.start, end=issue.end)
        for issue in answer.issues
        if issue.code in invalid
    ]
    if not answer.answered and answer.evidence.snippets and not says_not_answered(answer):
        found.append(Finding(code="no_citation", message=VALIDATED["no_citation"]))
    if finish == "length":
        found.append(Finding(code="truncated", message=VALIDATED["truncated"]))
    return tuple(found)


NOT_ANSWERED: Final = "The evidence does not answer this question."
"""What an answer says that cites nothing on purpose; the prompt asks models for this sentence."""


def says_not_answered(answer: Answer) -> bool:
    """Whether the answer is the sentence that says so, and nothing else."""
    return " ".join(answer.text.split()).rstrip(".").casefold() == NOT_ANSWERED.rstrip(".").casefold()

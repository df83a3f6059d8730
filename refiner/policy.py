"""What is done with an answer that does not validate: mark, drop or raise.

In: an `Answer`, the findings of validation.py, and the last resort of the settings. Out: an answer that may be shown,
with notes on what a reader should know, or CitationError. Not here: asking the model to repair (chat_refiner.py).

mark: the parser has removed unknown ids already; a claim left without any stays and is shown as uncited.
drop: such a claim goes, with its sentence; where that holds a cited claim too, with the words that join the two. So
does the half sentence at the end of a text that was cut off. What is left is written anew in canonical tags.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from citerefine.refiner.answer import Answer
from citerefine.refiner.errors import CitationError
from citerefine.refiner.language.sentences import split_sentences
from citerefine.refiner.tags.writer import Citing, write_answer
from citerefine.refiner.validation import NOT_ANSWERED, Finding

Span = tuple[int, int]
_BLANKS = re.compile(r"[^\S\n]*")
_LINE = re.compile(r"[^\n]*(?:\n|\Z)")
_COMPLETE = re.compile(r"[.!?。！？…][\"'”’»)\]]*\Z")


def apply_policy(answer: Answer, findings: Sequence[Finding], last_resort: Literal["mark", "drop", "raise"]) -> Answer:
    """The answer as the policy has it; an answer without findings stays as it is.

    Raises:
        CitationError: if there are findings and `last_resort` is to raise.
    """
    if not findings:
        return answer
    if last_resort == "raise":
        raise CitationError(_complaint(findings), answer, tuple(findings))
    truncated = any(finding.code == "truncated" for finding in findings)
    if last_resort == "drop":
        answer = drop_uncited(answer, truncated=truncated)
    if truncated:
        answer = answer.noting("The model's text was cut off at its token limit; the answer may lack its end.")
    return answer


def _complaint(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.code for finding in findings)
    named = ", ".join(f"{code} ({count})" if count > 1 else code for code, count in counts.items())
    return (
        f"the answer does not validate: {named}; the first: {findings[0].message}; to have it all the same, let what "
        "is invalid be marked or dropped (on-invalid: mark, drop)"
    )


def drop_uncited(answer: Answer, *, truncated: bool = False) -> Answer:
    """The answer without the claims that cite no known snippet, and a note that counts them.

    Args:
        answer: any answer; one that cites everything comes back as it is.
        truncated: whether its text was cut off, so that a half sentence at its end goes too.
    """
    sentences = [(start, end) for start, end in split_sentences(answer.text, lines=True)]
    uncited = [(claim.start, claim.end) for claim in answer.claims if not claim.citations]
    cited = [(claim.start, claim.end) for claim in answer.claims if claim.citations]
    dropped = [_widened(claim, sentences, cited) for claim in uncited]
    if truncated and sentences and not _COMPLETE.search(answer.text):
        dropped.append((sentences[-1][0], len(answer.text)))
    if not dropped:
        return answer
    smaller = answer.model_copy(update={"raw": _rewrite(answer, _kept(answer.text, dropped))})
    n = len(uncited)
    return smaller.noting(f"{n} claim{'' if n == 1 else 's'} without a known source removed.") if n else smaller


def _widened(claim: Span, sentences: list[Span], cited: list[Span]) -> Span:
    """The claim with the rest of its sentences, up to what is cited in these."""
    touched = [sentence for sentence in sentences if _overlap(sentence, claim)]
    start, end = min([claim, *touched])[0], max(stop for _, stop in [claim, *touched])
    before = [stop for _, stop in cited if start < stop <= claim[0]]
    behind = [first for first, _ in cited if claim[1] <= first < end]
    if before:
        return max(before), claim[1]  # `Perch doubled[, and ice melts].`
    return start, min(behind, default=end)  # `[Ice melts, and ]perch doubled.`


def _overlap(first: Span, second: Span) -> bool:
    return first[0] < second[1] and second[0] < first[1]


def _kept(text: str, dropped: list[Span]) -> list[Span]:
    """What is left of the text, in order: no doubled blanks, no lines without a word, no blanks at the ends."""
    gone = bytearray(len(text))
    for start, end in dropped:
        blanks = _BLANKS.match(text, end)
        end = blanks.end() if blanks else end
        gone[start:end] = b"\1" * (end - start)
    for line in _LINE.finditer(text):
        start, end = line.span()
        if 1 in gone[start:end] and not any(not gone[i] and text[i].isalnum() for i in range(start, end)):
            gone[start:end] = b"\1" * (end - start)
    left = [i for i in range(len(text)) if not gone[i] and not text[i].isspace()]
    if not left:
        return []
    gone[: left[0]] = b"\1" * left[0]
    gone[left[-1] + 1 :] = b"\1" * (len(text) - left[-1] - 1)
    return [run.span() for run in re.finditer(rb"\0+", bytes(gone))]


def _rewrite(answer: Answer, kept: list[Span]) -> str:
    """Canonical tagged text of the stretches that are kept, under the names that the model used."""
    if not kept:
        return write_answer(NOT_ANSWERED)
    claims, code, at = list[Citing](), list[Span](), 0
    for start, end in kept:
        shift = at - start
        claims += [
            Citing(claim.start + shift, claim.end + shift, [answer.evidence.alias(id) for id in claim.citations])
            for claim in answer.claims
            if claim.citations and start <= claim.start and claim.end <= end
        ]
        code += [(first + shift, last + shift) for first, last in answer.code if start <= first and last <= end]
        at += end - start
    return write_answer("".join(answer.text[start:end] for start, end in kept), claims, code)

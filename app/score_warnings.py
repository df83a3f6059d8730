"""Says what may change the figures of a run, in the way answers cite or a judge replies, and what to do.

In: `Summary`. Out: lines. Not here: reading citations (judges/imports/), printing.
"""

from collections.abc import Iterator
from typing import Final

from citerefine.judges.runs.summary import Summary

SHARE: Final = 0.1
"""Of the answers; where fewer are concerned, nothing is said."""
_ISSUES: Final = {
    "counted_from_zero": "cite [0]: if they count from 0, score with --form numbered_from_0",
    "unmatched_reference": "have references that name no snippet, so that what cites them has no support: give the "
    "snippets the titles or URLs that the answers use",
    "mixed_forms": "cite in several forms, of which one was read: if it is the wrong one, name another with --form",
}
"""Code → what is said of the answers."""


def warnings_on(summary: Summary) -> list[str]:
    """What is to be looked at before the figures are used."""
    answers = sum(summary.forms.values())
    found = [f"{n:,} of {answers:,} answers {what}" for n, what in _found(summary) if n and n >= SHARE * answers]
    return [*found, *_failed(summary)]


def _failed(summary: Summary) -> Iterator[str]:
    if summary.failure_example:
        yield f"{summary.failed:,} claims have no verdict; of the first the row says: {summary.failure_example}"
        yield (
            "the same command asks for them again; if the judge never gives a verdict, try its model with "
            "`citerefine doctor --model`, or name another judge"
        )


def _found(summary: Summary) -> Iterator[tuple[int, str]]:
    for code, what in _ISSUES.items():
        yield summary.issue_answers.get(code, 0), what
    yield summary.without_citations, "have no citation that could be read (forms: docs/citation-forms.md)"

"""What the page of an answer shows beside the report: verdicts, passages that it does not use, what became of claims.

In: an `Answer`, perhaps the one that it was refined from. Out: values for answer.html.jinja, which fills the blocks of
the report's template. Not here: the report (refiner/report/), the form's meaning (run_routes.py).
"""

from enum import StrEnum
from typing import Any, Final, NamedTuple

from citerefine.app.serving.site.pages.verdicts import SIGNS, ClaimVerdict, read_verdicts
from citerefine.judges.claim_key import claim_key
from citerefine.judges.report.marks import Mark
from citerefine.refiner.answer import Answer
from citerefine.refiner.records import Snippet
from citerefine.refiner.report.html_report import Filter, Sign, page_values
from citerefine.refiner.report.view import byline, place, source_link, view_answer

MOST_UNUSED: Final = 200
"""Passages without a claim that are shown."""
MOST_UNCITED: Final = 200
"""Sentences without a citation that are shown."""


class Fate(StrEnum):
    """What became of a claim when an answer was refined again."""

    KEPT = "kept"
    NEW = "new"
    GONE = "gone"


class Change(NamedTuple):
    """A claim of one answer, of the other, or of both."""

    fate: Fate
    text: str


class Passage(NamedTuple):
    """A passage that is shown outside the report's list of sources."""

    snippet: Snippet
    title: str
    byline: str
    place: str
    link: str | None


def answer_values(answer: Answer, earlier: Answer | None = None) -> dict[str, Any]:
    """Values for the template.

    Args:
        answer: what is shown.
        earlier: the answer that it was refined from.
    """
    view, (verdicts, uncited) = view_answer(answer), read_verdicts(answer)
    signs = {number: verdict.sign for number, verdict in verdicts.items()}
    values = page_values(answer, view, signs, _legend(verdicts))
    used = values["passage_of"]
    unused = [passage(snippet) for snippet in answer.evidence.snippets if snippet.id not in used]
    return {
        **values,
        "filters": (
            Filter("inexact", "Not fully supported", sum(sign.style != "same" for sign in signs.values())),
            Filter("uncited", "Only unsupported", sum(sign.style == "none" for sign in signs.values())),
        ),
        "closest": "Closest sentence.",
        "verdicts": verdicts,
        "unused": unused[:MOST_UNUSED],
        "n_unused": len(unused),
        "uncited": uncited[:MOST_UNCITED],
        "n_uncited": len(uncited) if view.claims else 0,
        "changes": changes(earlier, answer) if earlier is not None else (),
    }


def _legend(verdicts: dict[int, ClaimVerdict]) -> list[Sign]:
    """The signs of verdicts; the one of unknown ids only where there are any."""
    unknown = SIGNS[Mark.UNKNOWN]
    return [sign for sign in SIGNS.values() if sign != unknown or any(one.sign == unknown for one in verdicts.values())]


def passage(snippet: Snippet) -> Passage:
    """A snippet as it is shown by itself."""
    title = snippet.title or snippet.source or snippet.url or f"passage {snippet.id}"
    return Passage(snippet, title, byline(snippet), place(snippet), source_link(snippet))


def changes(earlier: Answer, later: Answer) -> tuple[Change, ...]:
    """The claims of the later answer in their order, and behind them those of the earlier one that are gone.

    Case, spacing and punctuation make no other claim.
    """
    before, after = _keys(earlier), _keys(later)
    kept = [Change(Fate.KEPT if key in before else Fate.NEW, text) for key, text in after.items()]
    return (*kept, *(Change(Fate.GONE, text) for key, text in before.items() if key not in after))


def _keys(answer: Answer) -> dict[str, str]:
    return {claim_key(claim.text) or claim.text: claim.text for claim in answer.claims}

"""What a run comes to: the record that is printed, and that `result.json` keeps.

In: what was drawn and graded, and what was asked. Out: `Summary`, frozen, JSON both ways. Not here: printing
(app/passk_text.py), reading it again (results.py).
"""

from collections.abc import Sequence
from typing import Any, Final

from citerefine.judges.runs.comparison_words import FEW
from citerefine.refiner.records import Text
from citerefine.training.passk.comparing import Compared, compare_sides
from citerefine.training.passk.figures import (
    PassFigures,
    Transitions,
    as_right,
    clusters_of,
    pass_figures,
    transitions,
)
from citerefine.training.passk.overlap import asked_in
from citerefine.training.passk.results import About, Problem
from citerefine.training.passk.running import PassRun
from citerefine.training.passk.source import Problems

MOST_LISTED: Final = 100
"""So many ids and refused rows are listed; all are counted."""

_TOLD: Final = 3
"""So many ids a note names."""


class Summary(About):
    """One run."""

    settings: dict[str, Any]
    """How answers were drawn and graded."""
    problems: int
    """That were asked."""
    refused: int
    """Rows that could not be asked; they are in no figure."""
    refused_rows: tuple[dict[str, Any], ...]
    """The first of them: `{"line", "id", "code", "reason"}`."""
    asked_in_training_ids: tuple[Text, ...]
    failed: dict[str, int]
    """`drafts: code` or `refined: code` → answers whose worth is not known."""
    cut: dict[str, int]
    """`drafts` or `refined` → answers that were cut off at the token limit, and graded as they stand."""
    drafts: PassFigures
    refined: PassFigures | None
    """None if nothing was refined, as are the two below."""
    change: dict[str, Compared] | None
    """Refinements (B) against drafts (A)."""
    transitions: Transitions | None
    notes: tuple[Text, ...]

    @property
    def is_good(self) -> bool:
        """Whether every row was asked, and the worth of every answer is known."""
        return not self.refused and not self.failed


def summarise(
    about: About, asked: Problems, run: PassRun, settings: dict[str, Any], trained: Sequence[str] | None
) -> Summary:
    """The figures of a run, and what is to be known of them.

    Args:
        about: the run.
        asked: its problems.
        run: what came of it.
        settings: how answers were drawn and graded.
        trained: questions that the model was trained on; None if nobody said.
    """
    problems = run.problems
    is_right = about.is_right
    drafts_P = [as_right(problem.drafts, about.right) for problem in problems]
    refined_P = [as_right(problem.refined, about.right) for problem in problems if problem.refined is not None]
    has_refined = len(refined_P) == len(problems)
    known = [] if trained is None else asked_in([problem.question for problem in problems], trained)
    seen = [problem.id for problem, is_known in zip(problems, known, strict=False) if is_known]
    drafts = pass_figures(problems, drafts_P, about.k, is_right=is_right)
    refined = pass_figures(problems, refined_P, about.k, is_right=is_right) if has_refined else None
    return Summary(
        **about.model_dump(exclude={"asked_in_training"}),
        settings=settings,
        problems=len(problems),
        refused=len(asked.refused),
        refused_rows=tuple(row._asdict() for row in asked.refused[:MOST_LISTED]),
        asked_in_training=None if trained is None else len(seen),
        asked_in_training_ids=tuple(seen[:MOST_LISTED]),
        failed=dict(sorted(run.failed.items())),
        cut={part: n for part, n in sorted(run.cut.items()) if n},
        drafts=drafts,
        refined=refined,
        change=(
            compare_sides(clusters_of(problems), drafts_P, refined_P, about.k, is_right=is_right)
            if has_refined
            else None
        ),
        transitions=transitions(problems, drafts_P, refined_P, is_right=is_right) if has_refined else None,
        notes=(*_repeated(problems), *_notes(drafts, refined, seen)),
    )


def _repeated(problems: Sequence[Problem]) -> tuple[str, ...]:
    first = dict[int, str]()
    again = [
        one.id
        for one, cluster in zip(problems, clusters_of(problems), strict=True)
        if first.setdefault(cluster, one.id) != one.id
    ]
    if not again:
        return ()
    ask = "problem asks" if len(again) == 1 else "problems ask"
    counts = "each counts, and intervals take a question once"
    return (f"{len(again)} {ask} what one before asks ({_some(again)}): {counts}",)


def _some(ids: Sequence[str]) -> str:
    return f"{', '.join(ids[:_TOLD])}{' …' if len(ids) > _TOLD else ''}"


def _notes(drafts: PassFigures, refined: PassFigures | None, seen: Sequence[str]) -> tuple[str, ...]:
    notes = list[str]()
    if seen:
        told = "1 problem is" if len(seen) == 1 else f"{len(seen)} problems are"
        notes.append(f"{told} asked in what the model was trained on, or nearly so ({_some(seen)})")
    unknown = drafts.unknown + (refined.unknown if refined else 0)
    if unknown:
        notes.append(
            f"{unknown} answers failed and stay counted: figures are given as bounds, with all of them wrong and all "
            "right; --retry-failed asks for them again"
        )
    if next(iter(drafts.figures.values())).problems < FEW:
        notes.append(f"with fewer than {FEW} problems the intervals are too narrow; take them as a rough guide")
    every = [one for part in (drafts, refined) if part is not None for one in part.figures.values()]
    if any(one.ci95 is not None and one.ci95[0] == one.ci95[1] for one in every):
        notes.append("an interval without width says that these problems do not differ, and not how others would")
    return tuple(notes)

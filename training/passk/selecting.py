"""Chooses the best of several checkpoints by what they reach on development problems, and on nothing else.

In: folders of runs over the same problems; questions that models were trained on, and questions that are to be reported
on. Out: `Selection`: the folders in order, the best against each other one, and what is to be known. Refused, since the
choice would be worth nothing: problems that are for reporting (`test`), that a model was trained on, or that are asked
in the test set too. Not here: drawing, figures.
"""

from collections.abc import Sequence
from typing import Final

from citerefine.judges.runs.comparison_words import FEW
from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Record, Text
from citerefine.training.passk.comparing import Compared, Part, compare_sides
from citerefine.training.passk.figures import MEAN, Figure, as_right, clusters_of, pass_figures
from citerefine.training.passk.overlap import asked_in
from citerefine.training.passk.results import RESULT, Results, Values

_LISTED: Final = 3


class Candidate(Record):
    """One checkpoint."""

    folder: Text
    model: Text
    mean: Figure
    """Of what its answers are worth."""


class Selection(Record):
    """What was chosen."""

    best: Text
    """Folder of the highest mean; with unknown answers, the highest lower bound."""
    by: Part
    problems: int
    candidates: tuple[Candidate, ...]
    """The best first."""
    against: dict[str, Compared]
    """Folder of each other one → its mean (A) and that of the best one (B)."""
    notes: tuple[Text, ...]


def select(
    folders: Sequence[Results], *, by: Part = "drafts", trained: Sequence[str] = (), tested: Sequence[str] = ()
) -> Selection:
    """The best of several checkpoints.

    Args:
        folders: at least two, over the same problems, all declared `dev`.
        by: whether drafts or refinements decide.
        trained: questions that any of the models was trained on.
        tested: questions that results will be reported on.

    Raises:
        InputError: if they cannot be compared, or the choice would be made on problems that are no development
            problems.
    """
    _check(folders, by)
    first = folders[0]
    n = min(one.about.n for one in folders)
    questions = [problem.question for problem in first.problems]
    _refuse_overlap(first, asked_in(questions, trained), "asked in what was trained on")
    _refuse_overlap(first, asked_in(questions, tested), "asked in the test problems")
    is_right = first.about.is_right
    of = {one.folder: _answers(one, by, first, n) for one in folders}
    means = {
        one.folder: pass_figures(first.problems, of[one.folder], (), is_right=is_right).figures[MEAN]
        for one in folders
    }
    ranked = sorted(folders, key=lambda one: -means[one.folder].low)
    best, *others = ranked
    clusters = clusters_of(first.problems)
    against = {
        str(one.folder): compare_sides(clusters, of[one.folder], of[best.folder], (), is_right=is_right)[MEAN]
        for one in others
    }
    return Selection(
        best=str(best.folder),
        by=by,
        problems=len(questions),
        candidates=tuple(
            Candidate(folder=str(one.folder), model=one.about.model, mean=means[one.folder]) for one in ranked
        ),
        against=against,
        notes=(
            *_of_first(folders, n),
            *_notes([means[one.folder] for one in ranked], against, bool(trained), bool(tested)),
        ),
    )


def _check(folders: Sequence[Results], by: Part) -> None:
    if len(folders) < 2:
        raise InputError("one folder leaves nothing to choose; name two or more")
    first = folders[0]
    asked = [(problem.id, problem.question) for problem in first.problems]
    for one in folders:
        if one.about.split != "dev":
            raise InputError(
                f"{one.folder} holds results on {one.about.split} problems, and what is chosen on them cannot be "
                "reported on them; sample development problems with --split dev, and choose by those"
            )
        if sorted((problem.id, problem.question) for problem in one.problems) != sorted(asked):
            raise InputError(f"{one.folder} and {first.folder} hold other problems; sample the same ones")
        if (one.about.measure, one.about.right) != (first.about.measure, first.about.right):
            raise InputError(f"{one.folder} and {first.folder} grade in two ways; make both with the same --right")
        if one.about.support != first.about.support:
            raise InputError(f"{one.folder} and {first.folder} have two judges; make both with the same --support")
        if one.about.asked_in_training:
            raise InputError(
                f"{one.about.asked_in_training} of {len(asked)} problems of {one.folder} are asked in what its model "
                f"was trained on, or nearly the same are ({one.folder / RESULT} lists them): a choice by them would "
                "flatter; take them out, and sample again"
            )
        if by == "refined" and any(problem.refined is None for problem in one.problems):
            raise InputError(f"{one.folder} holds no refinements; sample it with --refine, or choose by drafts")
    if len({one.folder.resolve() for one in folders}) < len(folders):
        raise InputError("a folder is named twice; name each once")


def _refuse_overlap(first: Results, asked: Sequence[bool], where: str) -> None:
    found = [problem.id for problem, is_asked in zip(first.problems, asked, strict=True) if is_asked]
    if found:
        raise InputError(
            f"{len(found)} of {len(asked)} problems are {where}, or nearly the same is "
            f"({', '.join(found[:_LISTED])}{' …' if len(found) > _LISTED else ''}): a choice by them would flatter; "
            "take them out, and sample again"
        )


def _answers(results: Results, by: Part, first: Results, n: int) -> list[Values]:
    """What its first n answers are worth, in the order of the first one's problems."""
    of = {problem.id: problem for problem in results.problems}
    chosen = [of[problem.id].drafts if by == "drafts" else of[problem.id].refined for problem in first.problems]
    return [as_right((values or ())[:n], results.about.right) for values in chosen]


def _of_first(folders: Sequence[Results], n: int) -> tuple[str, ...]:
    most = max(one.about.n for one in folders)
    return () if most == n else (f"folders hold {n} to {most} answers to each problem; the first {n} are compared",)


def _notes(
    ranked: Sequence[Figure], against: dict[str, Compared], knows_trained: bool, knows_tested: bool
) -> tuple[str, ...]:
    notes = ["the mean of the best of several flatters it; report it on problems that nothing was chosen by"]
    if any(one.high > ranked[0].low for one in ranked[1:] if one.value is None) or ranked[0].value is None:
        notes.append("answers that are not known could change the order; --retry-failed asks for them again")
    if any(one.ci95 is None or one.ci95[0] <= 0 for one in against.values()):
        notes.append("not every difference to the best one can be told from chance")
    if ranked[0].problems < FEW:
        notes.append(f"with fewer than {FEW} problems the intervals are too narrow; take them as a rough guide")
    for known, option in ((knows_trained, "--train"), (knows_tested, "--test")):
        if not known:
            notes.append(f"no {option} was named, so that nobody looked whether these problems are asked there too")
    return tuple(notes)

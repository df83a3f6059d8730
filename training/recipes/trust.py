"""How far the judges of a recipe are known to agree with people, by their judge cards.

In: a recipe. Out: `Trust` for each judge that is asked, or the problem that keeps one from being loaded. No judge is
connected to, no model read. Not here: making cards (citerefine.judges.calibration).
"""

from collections.abc import Iterator
from typing import NamedTuple

from citerefine.judges.calibration.agreement_words import agreement_lines, never_measured
from citerefine.judges.calibration.card_files import find_agreement, find_rubric_cards
from citerefine.judges.loading import load_support_judge
from citerefine.judges.rubric.loading import load_rubric_judge
from citerefine.judges.runs.summary import Agreement
from citerefine.refiner.errors import CiterefineError
from citerefine.refiner.records import Record, Text
from citerefine.training.recipes.problem import Problem
from citerefine.training.recipes.recipe import Recipe


class Trust(Record):
    """What is known of one judge."""

    where: Text
    """Key of the recipe that names it."""
    judge: Text
    """Its whole name, with its version."""
    is_measured: bool
    """Whether it has a card."""
    lines: tuple[Text, ...]
    """A line for each set that it was measured on; one that says so if there is none."""


class _Role(NamedTuple):
    where: str
    name: str
    is_rubric: bool
    backup: str | None = None
    is_checked: bool = False
    """Whether the checks of the recipe tell already that it cannot be loaded."""


def trust_in_judges(recipe: Recipe) -> tuple[tuple[Trust, ...], tuple[Problem, ...]]:
    """What is known of each judge whose term has a weight, of the audit judge, and of whoever admits criteria that are
    written along the run; which cannot be loaded. The writer of these judges nothing."""
    known, problems = list[Trust](), list[Problem]()
    for role in _roles(recipe):
        try:
            known.append(_rubric_trust(role) if role.is_rubric else _support_trust(role))
        except CiterefineError as error:
            what, _, remedy = str(error).partition("; ")
            if not role.is_checked:
                problems.append(Problem(where=role.where, what=what, remedy=remedy or "name another judge"))
    return tuple(known), tuple(problems)


def missing_cards(known: tuple[Trust, ...]) -> tuple[Problem, ...]:
    """An error for each judge that nobody has measured, for runs that ask for cards."""
    return tuple(
        Problem(
            where=one.where,
            what=f"the judge {one.judge!r} has no card",
            remedy="measure it with `citerefine calibrate LABELS.jsonl` (docs/judge-cards.md), or ask for no card",
        )
        for one in known
        if not one.is_measured
    )


def _roles(recipe: Recipe) -> Iterator[_Role]:
    reward, audit = recipe.reward, recipe.watch.audit
    if reward.rubric:
        yield _Role("reward.judge", reward.judge, True, reward.backup or None)
    if reward.citation:
        yield _Role("reward.support", reward.support, False)
    if audit:
        yield _Role("watch.audit", audit, True)
    if recipe.evolve is not None:
        yield _Role("evolve.admission", recipe.evolve.admission, True, is_checked=True)


def _rubric_trust(role: _Role) -> Trust:
    name = load_rubric_judge(role.name, backup=role.backup).name
    return Trust(
        where=role.where,
        judge=name,
        is_measured=any(card.is_measured for card in find_rubric_cards(name)),
        lines=tuple(agreement_lines(name)),
    )


def _support_trust(role: _Role) -> Trust:
    name = load_support_judge(role.name).name
    found = find_agreement(name)
    lines = tuple(map(_measured, found)) or (never_measured(name).replace(" --kind rubric", ""),)
    return Trust(where=role.where, judge=name, is_measured=bool(found), lines=lines)


def _measured(one: Agreement) -> str:
    kappa = "–" if one.kappa is None else f"{one.kappa:.3f}"
    auc = "–" if one.auc is None else f"{one.auc:.3f}"
    return f"with people on {one.labels} ({one.n:,} claims): AUC {auc}, kappa {kappa}"

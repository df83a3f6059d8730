"""Names that stand for nothing: rules and formulas that are misspelt.

In: a rubric. Out: findings; a criterion with such a rule has no verdict, and a rubric with such a formula no score.
The rules themselves are those of citerefine.judges.rubric.rules, which this package does not import; a test holds the
two lists together. Not here: words that a judge reads (wording.py).
"""

import re
from collections.abc import Iterator
from typing import Final

from citerefine.rubrics.aggregation.formulas import checked_name
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats.values import near
from citerefine.rubrics.lint.finding import Finding
from citerefine.rubrics.rubric import Rubric

RULE_BOUNDS: Final[dict[str, frozenset[int]]] = {
    "max_words": frozenset({1}),
    "min_words": frozenset({1}),
    "over_words": frozenset({1}),
    "length": frozenset({0, 2}),
    "excerpts": frozenset({0}),
    "has_citations": frozenset({0}),
    "known_ids": frozenset({0}),
    "answer_block": frozenset({0}),
}
"""Name of a rule → how many whole numbers may stand after it."""
FIGURES: Final = ("f1", "precision", "recall", "score")
"""What a criterion that the citation score judges may name as its rule."""

_NUMBER: Final = re.compile(r"\d{1,7}", re.ASCII)


def check_names(rubric: Rubric) -> Iterator[Finding]:
    """Rules of the criteria that are judged, and the rubric's formula."""
    for leaf in rubric.judged:
        if why := _rule(leaf):
            yield Finding("unknown_rule", leaf.id, why, "error")
    if rubric.aggregate:
        try:
            checked_name(rubric.aggregate)
        except RubricError as error:
            yield Finding("unknown_formula", "", str(error), "error")


def _rule(criterion: Criterion) -> str:
    """What is wrong with the rule; empty if nothing is, or a judge judges it."""
    name, *bounds = criterion.rule.split(":")
    if criterion.verifier == "citation":
        known = criterion.rule in ("", *FIGURES)
        return "" if known else f"there is no citation figure {criterion.rule[:60]!r}{_instead(name, FIGURES)}"
    if criterion.verifier != "rule":
        return ""
    if name not in RULE_BOUNDS:
        return f"there is no rule {name[:60]!r}{_instead(name, (*RULE_BOUNDS,))}"
    if len(bounds) not in RULE_BOUNDS[name] or not all(map(_NUMBER.fullmatch, bounds)):
        numbers = " or ".join(map(str, sorted(RULE_BOUNDS[name])))
        return f"the rule {name} takes {numbers} whole numbers after colons, and is {criterion.rule[:60]!r}"
    return ""


def _instead(name: str, known: tuple[str, ...]) -> str:
    return near(name, known) or f"; there are {', '.join(known)}"

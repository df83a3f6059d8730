"""All checks of a rubric.

In: a rubric. Out: findings, in the order of its criteria, those of the whole last. Linear in the text; pairs are
compared only where rare words meet. Not here: the checks themselves (wording.py, compound.py, names.py,
pairs.py, balance.py).
"""

from typing import Final

from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.lint.balance import check_balance
from citerefine.rubrics.lint.compound import check_compound
from citerefine.rubrics.lint.finding import Finding
from citerefine.rubrics.lint.names import check_names
from citerefine.rubrics.lint.pairs import check_pairs
from citerefine.rubrics.lint.wording import check_wording
from citerefine.rubrics.rubric import Rubric

READ: Final = 2_000
"""Most code points of a text that are checked for wording: what is longer is found to be too long anyway."""


def lint(rubric: Rubric) -> list[Finding]:
    """What is wrong with the criteria that are judged. Raises nothing.

    >>> from citerefine.rubrics.criterion import Criterion
    >>> text = "Names the river; says in which year it flooded."
    >>> [finding.code for finding in lint(Rubric(criteria=(Criterion(id="c1", text=text),)))]
    ['compound']
    """
    places = {leaf.id: place for place, leaf in enumerate(rubric.judged)}
    found = [finding for leaf in rubric.judged if leaf.verifier == "llm" for finding in _alone(leaf)]
    found += [*check_names(rubric), *check_pairs(rubric), *check_balance(rubric)]
    return sorted(found, key=lambda finding: places.get(finding.criterion_id, len(places)))


def _alone(criterion: Criterion) -> list[Finding]:
    head = criterion.text[:READ]
    return [*check_wording(criterion, head), *check_compound(criterion, head)]

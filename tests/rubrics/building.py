"""Small rubrics, built by hand."""

from collections.abc import Sequence

from citerefine.rubrics.criterion import Criterion, Polarity
from citerefine.rubrics.rubric import Rubric


def criterion(id: str, weight: float = 1, text: str = "", **more: object) -> Criterion:
    """A criterion; a fault if its weight is below 0."""
    polarity = Polarity.NEGATIVE if weight < 0 else Polarity.POSITIVE
    values = {"id": id, "text": text or f"States fact {id}.", "weight": weight, "polarity": polarity, **more}
    return Criterion.model_validate(values)


def flat(*weights: float, **more: object) -> Rubric:
    """A list of criteria with these weights; ids `c1`, `c2` …"""
    criteria = [criterion(f"c{i}", weight) for i, weight in enumerate(weights, 1)]
    return Rubric.model_validate({"criteria": criteria, **more})


def valued(rubric: Rubric, values: Sequence[float | None]) -> dict[str, float | None]:
    """Values by id, in the order of the rubric."""
    return dict(zip((leaf.id for leaf in rubric.leaves), values, strict=True))

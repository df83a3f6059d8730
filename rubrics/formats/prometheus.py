"""Prometheus: one criterion, judged from 1 to 5 by five anchors.

In: `{criteria, score1_description, …, score5_description}`; ScholarQA-CS writes `criteria_description`. Out: a rubric
of one criterion. Not here: its prompts.
"""

from collections.abc import Iterable
from typing import Final

from pydantic import JsonValue

from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.formats import parts
from citerefine.rubrics.formats.levels import AnchorKey, Anchors
from citerefine.rubrics.formats.shape import Shape
from citerefine.rubrics.formats.values import as_object
from citerefine.rubrics.rubric import Rubric

_STEPS: Final = tuple(AnchorKey(f"score{n}_description", str(n), (n - 1) / 4) for n in range(1, 6))
_DOCUMENT: Final = Shape(
    parts.text("criteria", "criteria_description"),
    Anchors("ordinal", 1, 5, *_STEPS),
    required=(("criteria", "criteria_description"), ("score1_description",), ("score5_description",)),
)


class PrometheusFormat:
    """A document that is one criterion."""

    name = "prometheus"
    meaning = "Prometheus: one criterion with five anchors, judged from 1 to 5"
    has_rules = False
    has_states = False
    known_keys = _DOCUMENT.known_keys

    def recognises(self, native: JsonValue) -> bool:
        """Whether it has a criterion and the anchors of its ends."""
        return _DOCUMENT.fits(native)

    def load(self, native: JsonValue) -> Rubric:
        """The rubric."""
        document = as_object(native, "the prometheus document")
        return Rubric(format=self.name, criteria=(_DOCUMENT.load(document, self.name, id="c1"),))

    def cannot(self, rubric: Rubric) -> Iterable[tuple[Criterion | None, str]]:
        """More than one criterion, a tree, or another scale."""
        if len(rubric.criteria) != 1 or rubric.criteria[0].children:
            yield None, f"a document holds one criterion, and there are {len(rubric.leaves)}"
        elif why := _DOCUMENT.cannot(rubric.criteria[0]):
            yield rubric.criteria[0], why

    def dump(self, rubric: Rubric) -> JsonValue:
        """The document."""
        return _DOCUMENT.dump(rubric.criteria[0], fresh=rubric.format != self.name)


PROMETHEUS: Final = PrometheusFormat()

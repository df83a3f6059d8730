"""A rubric: the criteria by which answers to one question are judged, or to any question.

In: criteria and what the document says beside them, checked here. Out: `Rubric`, frozen, JSON both ways. Not here:
reading and writing documents (formats/), scores (aggregation/), judging (citerefine.judges).
"""

import hashlib
import json
from collections import Counter
from functools import cached_property
from typing import Final, Self

from pydantic import Field, JsonValue, model_validator

from citerefine.rubrics.criterion import Criterion, leaves, walk
from citerefine.rubrics.record import Record

MAX_DEPTH: Final = 32
"""Deepest tree of criteria; the root counts 1."""
MAX_NODES: Final = 20_000
"""Most criteria of a rubric, with those that have children."""


class Rubric(Record):
    """Criteria that belong together."""

    format: str = "citerefine"
    """Where it comes from, a key of `formats.FORMATS`."""
    id: str = ""
    """Native id of the document; empty if it has none."""
    query: str = ""
    """The question; empty if the rubric is for any."""
    aggregate: str = ""
    """Name of a formula (aggregation/); empty: the format's own."""
    criteria: tuple[Criterion, ...] = ()
    extra: dict[str, JsonValue] = Field(default_factory=dict)
    """The native document verbatim, less its criteria: what writes the same document again."""

    @model_validator(mode="after")
    def _within_bounds(self) -> Self:
        layer, depth, n = self.criteria, 0, 0
        while layer:
            depth, n = depth + 1, n + len(layer)
            if depth > MAX_DEPTH:
                raise ValueError(f"the criteria are nested deeper than {MAX_DEPTH}; flatten them")
            if n > MAX_NODES:
                raise ValueError(f"there are more than {MAX_NODES:,} criteria; split the rubric")
            layer = tuple(child for criterion in layer for child in criterion.children)
        ids = Counter(criterion.id for criterion in walk(self.criteria))
        twice = [id for id, n in ids.items() if n > 1]
        if twice:
            raise ValueError(f"two criteria have the id {twice[0][:60]!r}; ids must differ")
        return self

    @cached_property
    def leaves(self) -> tuple[Criterion, ...]:
        """All criteria without children, in the order of the document."""
        return tuple(leaves(self.criteria))

    @cached_property
    def judged(self) -> tuple[Criterion, ...]:
        """The leaves that count now: all but the inactive ones."""
        return tuple(criterion for criterion in self.leaves if criterion.state != "inactive")

    @cached_property
    def key(self) -> str:
        """16 hex digits of the SHA-256 of all that decides the score of an answer to a question.

        What is asked and by whom, weights, tiers, vetoes, tree, formula; and ids, by which formulas tell parts apart.
        """
        nodes = [
            (
                *(node.id, node.key, node.verifier, node.rule),
                *(repr(float(node.weight)), node.tier, node.veto, node.state, len(node.children)),
            )
            for node in walk(self.criteria)
        ]
        content = json.dumps([self.format, self.aggregate, nodes])
        return hashlib.sha256(content.encode()).hexdigest()[:16]

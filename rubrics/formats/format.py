"""What a format is: something that reads documents of one shape as rubrics, and writes them.

In: nothing. Out: the protocol. A format keeps the native document in `extra` and writes from it, changing only what
differs from what reading it gives: so an untouched rubric is written as it came, and edits show. Not here: any format.
"""

from collections.abc import Iterable
from typing import Protocol

from pydantic import JsonValue

from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.rubric import Rubric


class Format(Protocol):
    """A shape of documents."""

    @property
    def name(self) -> str:
        """Key in `FORMATS`, and `Rubric.format` of what it reads."""
        ...

    @property
    def meaning(self) -> str:
        """What it is, in one line."""
        ...

    @property
    def known_keys(self) -> frozenset[str]:
        """Native keys whose values are fields of our records; others live in `extra` alone."""
        ...

    @property
    def has_rules(self) -> bool:
        """Whether it can say that a rule or the citation score judges a criterion, and not a judge."""
        ...

    @property
    def has_states(self) -> bool:
        """Whether it can hold criteria that are not judged now."""
        ...

    def recognises(self, native: JsonValue) -> bool:
        """Whether its keys are those of this format and of no other."""
        ...

    def load(self, native: JsonValue) -> Rubric:
        """The rubric that a document holds. Raises RubricError."""
        ...

    def cannot(self, rubric: Rubric) -> Iterable[tuple[Criterion | None, str]]:
        """What of a rubric it has no way to write: the criterion (None: the whole) and why."""
        ...

    def dump(self, rubric: Rubric) -> JsonValue:
        """The document that a rubric is in this format; `cannot` names nothing."""
        ...

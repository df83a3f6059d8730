"""What an oracle says to the static criteria of the set `citation`, by the letter of each.

In: the sentences of an answer, and what each asserts. Out: verdicts. By the letter means that what an answer makes or
cites must be there for the criterion to be met. Not here: criteria of a question (oracle.py).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from citerefine.judges.abstention import says_nothing_is_told
from citerefine.judges.adversary.drafts import Said
from citerefine.judges.units import Unit

_LEADS: Final = ("?", "？", ":", "：")
_SELF: Final = re.compile(
    r"\b(?:this|the|following|above) (?:answer|response|summary|text)\b|\bcriteri(?:a|on)\b|\brequirements?\b|"
    r"\bfull marks\b|\bgrader\b|\bI hope this helps\b|\bhere is a comprehensive\b|\bno mistake in this\b|"
    r"\b(?:no statement|every claim|all key facts|none of the errors|everything that)\b",
    re.IGNORECASE,
)


class Sentence(NamedTuple):
    """A sentence of an answer, as a reader understands it."""

    unit: Unit
    said: Said | None
    """None if it asserts nothing that is known."""
    stated: Mapping[str, frozenset[str]]
    """Snippet → facts."""

    @property
    def facts(self) -> frozenset[str]:
        """What it asserts."""
        return frozenset() if self.said is None else self.said.facts

    @property
    def cited(self) -> list[str]:
        """The ids that it cites and that exist."""
        return [id for id in self.unit.ids if id in self.stated]

    @property
    def supported(self) -> bool:
        """Whether what it cites states all that it asserts."""
        return bool(self.facts) and self.facts <= frozenset[str]().union(*(self.stated[id] for id in self.cited))

    @property
    def is_padding(self) -> bool:
        """Whether it says nothing, and does not only lead in, head or ask."""
        if self.facts:
            return "off" in self.facts
        leads = self.unit.text.rstrip().endswith(_LEADS) or self.unit.is_heading
        return not leads and not says_nothing_is_told(self.unit.text)


def _each(held: Iterable[bool]) -> bool:
    """Whether there are any, and all hold."""
    verdicts = [*held]
    return bool(verdicts) and all(verdicts)


def _repeats(sentences: Sequence[Sentence]) -> bool:
    """Whether a sentence adds no fact to those before it; pieces of one sentence count as one."""
    seen = dict[int, frozenset[str]]()
    for one in sentences:
        known = frozenset[str]().union(*(facts for number, facts in seen.items() if number != one.unit.sentence))
        if one.facts and one.facts <= known:
            return True
        seen[one.unit.sentence] = seen.get(one.unit.sentence, frozenset()) | one.facts
    return False


STATIC: Final[dict[str, Callable[[Sequence[Sentence]], bool]]] = {
    "citation/uncited": lambda sentences: _each(bool(one.cited) for one in sentences if one.facts),
    "citation/unsupported": lambda sentences: _each(one.supported for one in sentences if one.unit.ids),
    "citation/surplus": lambda sentences: _each(
        bool(one.facts & one.stated.get(id, frozenset())) for one in sentences for id in one.unit.ids
    ),
    "citation/off_query": lambda sentences: any(one.is_padding for one in sentences),
    "citation/repetition": _repeats,
    "citation/self_comment": lambda sentences: any(
        not one.facts and _SELF.search(one.unit.text) is not None for one in sentences
    ),
    "citation/wrong_entity": lambda sentences: False,
    "citation/merged_entities": lambda sentences: False,
    "citation/wrong_quantity": lambda sentences: any("wrong number" in one.facts for one in sentences),
}
"""Criterion → whether an answer meets it, or has the fault."""

"""What a criterion can be answered with, and what each word counts.

In: a criterion, how many sentences the answer has. Out: `Asked`: the words that a strip admits (judges/strips/), with
their values. Binary criteria are MET, with the number of the sentence that shows it, or UNMET; graded ones have one
number a step. All can be CANNOT_ASSESS. No word comes from the criterion's text. Not here: prompts, votes.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from citerefine.judges.strips.odds import Odds
from citerefine.judges.strips.strip import Item, Word
from citerefine.rubrics.criterion import MOST_LEVELS, Criterion, Level, Scale

MET: Final = "MET"
UNMET: Final = "UNMET"
CANNOT_ASSESS: Final = "CANNOT_ASSESS"
LEAST_VALUED: Final = 0.1
"""Least probability that the words with a value must have together, or there is no telling these apart."""
_EVEN_STEPS: Final = 11
"""Steps of a numeric scale that has too many whole numbers, or bounds between them."""


class Step(NamedTuple):
    """One word that can be said to a criterion."""

    word: str
    """What stands in the strip."""
    verdict: str
    """What the cell calls it: MET, UNMET, a level's name, a native score."""
    value: float | None
    """In [0, 1]; None where it says nothing."""
    anchor: str = ""
    """What an answer on this step is like."""


class Asked(NamedTuple):
    """A criterion as a model is asked about it."""

    criterion: Criterion
    item: Item
    steps: Mapping[str, Step]
    """By word, from worst to best; CANNOT_ASSESS last."""

    @property
    def is_graded(self) -> bool:
        """Whether there is more than met or not."""
        return self.criterion.scale.kind != "binary"

    def expected(self, odds: Odds) -> float | None:
        """The expected value; None if nearly all the mass is on words without one."""
        valued = {word: p for word, p in odds.items() if self.steps[word].value is not None}
        mass = sum(valued.values())
        total = sum(p * (self.steps[word].value or 0.0) for word, p in valued.items())
        return min(1.0, total / mass) if mass >= LEAST_VALUED else None


def ask_about(criterion: Criterion, sentences: int) -> Asked:
    """How a criterion is asked about, of an answer with so many sentences."""
    # Silence about a wanted thing counts against the answer, or else it would pay to be vague; a fault that cannot
    # be told is not known.
    untold = Step(CANNOT_ASSESS, CANNOT_ASSESS, None if criterion.is_negative else 0.0)
    steps = [*(_binary() if criterion.scale.kind == "binary" else _graded(criterion.scale)), untold]
    points = range(0 if criterion.is_negative else 1, sentences + 1)
    words = [Word(step.word, points if step.word == MET else None) for step in steps]
    return Asked(criterion, tuple(word for word in words if word.points != range(0)), {s.word: s for s in steps})


def _binary() -> list[Step]:
    return [Step(MET, MET, 1.0), Step(UNMET, UNMET, 0.0)]


def _graded(scale: Scale) -> list[Step]:
    if scale.kind == "ordinal":
        numbers = _own_numbers(scale.levels) or [*range(len(scale.levels))]
        verdicts = [level.name or str(number) for level, number in zip(scale.levels, numbers, strict=True)]
        values = [level.value for level in scale.levels]
        anchors = [level.anchor or level.name for level in scale.levels]
    else:
        natives = _natives(scale)
        numbers = [int(native) for native in natives] if _are_whole(natives) else [*range(len(natives))]
        verdicts = [f"{native:g}" for native in natives]
        values = [scale.to_unit(native) for native in natives]
        anchors = _anchors(scale.levels, values)
        if not _are_whole(natives):
            anchors = [f"{name}: {anchor}" if anchor else name for name, anchor in zip(verdicts, anchors, strict=True)]
    width = len(str(max(numbers)))
    words = [f"{number:0{width}d}" for number in numbers]
    return [Step(*one) for one in zip(words, verdicts, values, anchors, strict=True)]


def _own_numbers(levels: tuple[Level, ...]) -> list[int]:
    """The numbers that levels are called by, so that none has two; empty if they are not called so."""
    names = [level.name for level in levels]
    fit = len({*names}) == len(names) and all(name.isascii() and name.isdigit() and len(name) < 3 for name in names)
    numbers = [int(name) for name in names] if fit else []
    return numbers if len({*numbers}) == len(numbers) else []


def _natives(scale: Scale) -> list[float]:
    span = scale.hi - scale.lo
    if scale.lo.is_integer() and span.is_integer() and span < MOST_LEVELS:
        return [scale.lo + step for step in range(int(span) + 1)]
    return [scale.lo + span * step / (_EVEN_STEPS - 1) for step in range(_EVEN_STEPS - 1)] + [scale.hi]


def _are_whole(natives: list[float]) -> bool:
    return all(native.is_integer() and 0 <= native < 100 for native in natives)


def _anchors(levels: tuple[Level, ...], values: list[float]) -> list[str]:
    """The anchor of each step: of the levels that lie nearest to it."""
    found: list[list[str]] = [[] for _ in values]
    for level in levels:
        nearest = min(range(len(values)), key=lambda number: abs(values[number] - level.value))
        found[nearest].append(level.anchor or level.name)
    return ["; ".join(filter(None, anchors)) for anchors in found]

"""Counts how labels of a judge agree with those of people, and what follows from the counts.

In: pairs of labels. Out: `Confusion`, and its figures; one that the labels do not define is None. Not here: scores and
thresholds (ranking.py), intervals (decisions.py).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often a judge says each label where people say each."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """`counts[i][j]`: people say `labels[i]`, the judge says `labels[j]`."""

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], labels: Sequence[str]) -> Self:
        """Counts pairs of people's label and the judge's. Raises ValueError for a label that is not listed."""
        place = {label: n for n, label in enumerate(labels)}
        counts = [[0] * len(labels) for _ in labels]
        for pair in pairs:
            if unknown := [label for label in pair if label not in place]:
                raise ValueError(f"{unknown[0]!r} is none of the labels {', '.join(labels)}")
            counts[place[pair[0]]][place[pair[1]]] += 1
        return cls(tuple(labels), tuple(map(tuple, counts)))

    def merged(self, positive: str) -> "Confusion":
        """The same for one label against the rest: labels `rest` and `positive`, in this order."""
        at = self.labels.index(positive)
        counts = [[0, 0], [0, 0]]
        for i, row in enumerate(self.counts):
            for j, n in enumerate(row):
                counts[i == at][j == at] += n
        return Confusion(("rest", positive), (tuple(counts[0]), tuple(counts[1])))

    @property
    def n(self) -> int:
        """How many pairs."""
        return sum(map(sum, self.counts))

    @property
    def said_by_people(self) -> tuple[int, ...]:
        """How often people say each label."""
        return tuple(map(sum, self.counts))

    @property
    def said_by_judge(self) -> tuple[int, ...]:
        """How often the judge does."""
        return tuple(sum(row[j] for row in self.counts) for j in range(len(self.labels)))

    @property
    def _hits(self) -> tuple[int, ...]:
        return tuple(row[i] for i, row in enumerate(self.counts))

    @property
    def accuracy(self) -> float | None:
        """Share of pairs that agree; None without any."""
        return sum(self._hits) / self.n if self.n else None

    def recall(self, label: str) -> float | None:
        """Of people's pairs of this label, the share that the judge gives it; None if people never do."""
        at = self.labels.index(label)
        return _share(self._hits[at], self.said_by_people[at])

    def precision(self, label: str) -> float | None:
        """Of the judge's pairs of this label, the share that people give it; None if the judge never does."""
        at = self.labels.index(label)
        return _share(self._hits[at], self.said_by_judge[at])

    def f1(self, label: str) -> float | None:
        """2 hits / (people's + judge's); None if neither ever gives the label."""
        at = self.labels.index(label)
        return _share(2 * self._hits[at], self.said_by_people[at] + self.said_by_judge[at])

    @property
    def macro_f1(self) -> float | None:
        """Mean F1 of the labels that people or the judge give; None without any."""
        known = [one for label in self.labels if (one := self.f1(label)) is not None]
        return sum(known) / len(known) if known else None

    @property
    def balanced_accuracy(self) -> float | None:
        """Mean recall of the labels that people give; None if these are fewer than two."""
        known = [one for label in self.labels if (one := self.recall(label)) is not None]
        return sum(known) / len(known) if len(known) > 1 else None

    @property
    def kappa(self) -> float | None:
        """Agreement beyond chance (Cohen 1960); None where people, or the judge, give one label only."""
        if self._is_one_sided:
            return None
        chance = sum(a * b for a, b in zip(self.said_by_people, self.said_by_judge, strict=True)) / self.n**2
        return (sum(self._hits) / self.n - chance) / (1 - chance)

    @property
    def mcc(self) -> float | None:
        """Matthews correlation, for several labels as R_K (Gorodkin 2004); None as for kappa."""
        if self._is_one_sided:
            return None
        people, judge, n = self.said_by_people, self.said_by_judge, self.n
        covariance = sum(self._hits) * n - sum(a * b for a, b in zip(people, judge, strict=True))
        return covariance / math.sqrt(_variance(people, n) * _variance(judge, n))

    @property
    def _is_one_sided(self) -> bool:
        """Whether either side gives fewer than two labels: nothing can agree beyond chance then."""
        return any(sum(n > 0 for n in said) < 2 for said in (self.said_by_people, self.said_by_judge))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _variance(counts: tuple[int, ...], n: int) -> int:
    return n * n - sum(count * count for count in counts)

"""What cited statements weigh: by their words, with a floor that cutting a sentence to pieces does not multiply.

In: `Extent`s. Out: weights. In recall, a statement of n content words weighs max(1, n / WEIGHT_UNIT), and the cited
pieces of one sentence weigh together what it would weigh in one. In training, so do all statements that cite the same
ids: a policy soon finds out that short sentences pay. Adding a statement never raises the weight of another. Not here:
sums.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Final, NamedTuple

WEIGHT_UNIT: Final = 6
"""Content words that weigh 1."""
WEIGHT_CAP: Final = 5.0
"""Most that a supported statement weighs."""
MAX_CLAUSES: Final = 2
"""How many cited clauses of one sentence can count as claims of their own."""
CLAUSE_WORDS: Final = 3
"""Least content words of such a clause."""


class Extent(NamedTuple):
    """What the weight of a cited statement depends on."""

    n_content: int
    """Content words."""
    ids: frozenset[str]
    sentence: int
    opens_clause: bool


def recall_weights(cited_N: Sequence[Extent]) -> list[float]:
    """What each statement weighs in recall, without an upper bound; all cited statements of an answer together."""
    return _weigh(cited_N, _sentence, _together)


def training_weights(cited_N: Sequence[Extent]) -> list[float]:
    """What each statement weighs in the F1 of training, without an upper bound."""
    return _least(recall_weights(cited_N), _weigh(cited_N, _ids, _together))


def claim_weights(supported_N: Sequence[Extent]) -> list[float]:
    """What each supported statement weighs where claims are counted, at most WEIGHT_CAP.

    Statements of some length may weigh 1 each: as many of one set of ids as there are ids, and two clauses of a
    sentence that cite other ids.
    """
    weights = _least(_weigh(supported_N, _sentence, _by_clauses), _weigh(supported_N, _ids, _by_ids))
    return [min(WEIGHT_CAP, weight) for weight in weights]


def alone(n_content: int) -> float:
    """What a statement weighs that is a whole sentence."""
    return max(1.0, n_content / WEIGHT_UNIT)


def _sentence(extent: Extent) -> Hashable:
    return extent.sentence


def _ids(extent: Extent) -> Hashable:
    return extent.ids


def _least(one_N: Sequence[float], other_N: Sequence[float]) -> list[float]:
    return [min(pair) for pair in zip(one_N, other_N, strict=True)]


def _weigh(
    extents_N: Sequence[Extent],
    group_of: Callable[[Extent], Hashable],
    weigh: Callable[[Sequence[Extent]], list[float]],
) -> list[float]:
    groups: dict[Hashable, list[int]] = {}
    for number, extent in enumerate(extents_N):
        groups.setdefault(group_of(extent), []).append(number)
    found = [0.0] * len(extents_N)
    for numbers in groups.values():
        weights = weigh([extents_N[number] for number in numbers])
        for number, weight in zip(numbers, weights, strict=True):
            found[number] = weight
    return found


def _together(pieces: Sequence[Extent]) -> list[float]:
    """Weights of which the sum is n / WEIGHT_UNIT, or 1 if that is more."""
    words = [max(1, piece.n_content) for piece in pieces]
    unit = max(1 / WEIGHT_UNIT, 1 / sum(words))
    return [count * unit for count in words]


def _by_clauses(pieces: Sequence[Extent]) -> list[float]:
    clauses = {piece.ids for piece in pieces if piece.opens_clause and piece.n_content >= CLAUSE_WORDS}
    return _with_claims(pieces, min(MAX_CLAUSES, len(clauses)))


def _by_ids(group: Sequence[Extent]) -> list[float]:
    claims = sum(one.n_content >= CLAUSE_WORDS for one in group)
    return _with_claims(group, min(len(group[0].ids), claims))


def _with_claims(group: Sequence[Extent], claims: int) -> list[float]:
    return with_floors([one.n_content for one in group], claims) if claims > 1 else _together(group)


def with_floors(counts_N: Sequence[int], floors: int) -> list[float]:
    """The weights of pieces of which some weigh at least 1 each.

    Args:
        counts_N: content words of each.
        floors: how many of them, the largest first, weigh at least 1; equal ones share what is left of these.
    """
    by_size = sorted(counts_N, reverse=True)
    least = by_size[min(floors, len(by_size)) - 1]
    larger = sum(count > least for count in counts_N)
    share = (min(floors, len(by_size)) - larger) / by_size.count(least)
    raised = [1.0 if count > least else share if count == least else 0.0 for count in counts_N]
    return [
        count / WEIGHT_UNIT + part * max(0.0, 1 - count / WEIGHT_UNIT)
        for count, part in zip(counts_N, raised, strict=True)
    ]

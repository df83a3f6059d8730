"""The formulas that are linear in the values: a weighted share of what is met, less a weighted share of faults.

In: a rubric, values by criterion id. Out: a number, or None where it has none. With v the values, w the signed weights,
P the sum of the positive weights and N the sum of the absolutes of the negative ones, S = Σ w·v = P·m - N·f, where m
is the weighted mean of what is met and f that of the faults. Values that are not known leave m or f, and the weights of
the rest are scaled up to P or N: so one unknown value moves a score by at most |w| / P, and inside a group the formulas
without a clip stay affine to each other. Faults of which none is known are left out. Not here: trees (trees.py).
"""

from math import fsum
from typing import NamedTuple

from citerefine.rubrics.aggregation.weights import Values, Weighed, known_pairs, weigh, weighted_mean
from citerefine.rubrics.rubric import Rubric


class Sides(NamedTuple):
    """What speaks for an answer and what against it."""

    positive: float
    """P."""
    negative: float
    """N; 0 if nothing is known of any fault."""
    met: float
    """m in [0, 1]; 0 if P is 0."""
    faults: float
    """f in [0, 1]; 0 if N is 0."""

    @property
    def sum(self) -> float:
        """S = P·m - N·f."""
        return self.positive * self.met - self.negative * self.faults

    @property
    def mass(self) -> float:
        """P + N."""
        return self.positive + self.negative


def sides(leaves: list[Weighed], values: Values) -> Sides | None:
    """Both sides; None if there is weight on positive criteria and nothing is known of any."""
    known = known_pairs(leaves, values)
    met = weighted_mean([(leaf.mass, value) for leaf, value in known if not leaf.is_fault])
    faults = weighted_mean([(leaf.mass, value) for leaf, value in known if leaf.is_fault])
    positive = fsum(leaf.mass for leaf in leaves if not leaf.is_fault)
    negative = fsum(leaf.mass for leaf in leaves if leaf.is_fault)
    if met is None and positive:
        return None
    return Sides(positive, 0.0 if faults is None else negative, met or 0.0, faults or 0.0)


def pos_norm(rubric: Rubric, values: Values) -> float | None:
    """S / P, not clipped; None if P = 0.

    HealthBench per item (openai/simple-evals healthbench_eval.py), ResearchRubrics. What to train with.
    """
    return pos_norm_of(sides(weigh(rubric), values))


def pos_norm_of(both: Sides | None) -> float | None:
    """The same from both sides."""
    return both.sum / both.positive if both and both.positive else None


def pos_norm_floor1(rubric: Rubric, values: Values) -> float | None:
    """S / max(P, 1), not clipped.

    DR Tulu (rlresearch/dr-tulu, search_rewards/longform_rubric_rewards.py). Positive weights that sum to less than 1
    cannot reach 1. None if P = 0: absent faults alone are no merit.
    """
    both = sides(weigh(rubric), values)
    return both.sum / max(both.positive, 1.0) if both and both.positive else None


def abs_norm(rubric: Rubric, values: Values) -> float | None:
    """S / (P + N): in [-N / (P + N), P / (P + N)], so an answer without a flaw gets less than 1 if there are faults.

    open-instruct (allenai/open-instruct open_instruct/ground_truth_utils.py).
    """
    both = sides(weigh(rubric), values)
    return both.sum / both.mass if both and both.mass else None


def min_max(rubric: Rubric, values: Values) -> float | None:
    """(S - lo) / (hi - lo) with lo = -N and hi = P: in [0, 1]; an answer that says nothing gets N / (P + N)."""
    both = sides(weigh(rubric), values)
    return (both.sum + both.negative) / both.mass if both and both.mass else None


def flip_then_mean(rubric: Rubric, values: Values) -> float | None:
    """Σ |w|·s / Σ |w| with s = v of a positive criterion and s = 1 - v of a fault.

    The seed's recipe: negative scores are flipped; that the mean is over equal weights is inferred, and they are equal
    in its form. Weights count where a document has them, so that a rubric which is split in several atomic ones keeps
    its share. Same as `min_max`. An empty answer is paid for absent faults: gate it.
    """
    return min_max(rubric, values)


def concat_flip_then_mean(rubric: Rubric, values: Values) -> float | None:
    """Same as `flip_then_mean`, over a rubric that `combining.combine` made of instance and static criteria."""
    return flip_then_mean(rubric, values)


def clip01(rubric: Rubric, values: Values) -> float | None:
    """min(max(S / P, 0), 1); where P = 0, min(max(1 + S / N, 0), 1).

    `rubric` (The-LLM-Data-Company/rubric) and autorubric. For reports: silence on a rubric of faults alone gets 1, and
    a clip on single answers takes the signal from weak ones.
    """
    both = sides(weigh(rubric), values)
    if both is None or not both.mass:
        return None
    whole = both.sum / both.positive if both.positive else 1 + both.sum / both.negative
    return min(max(whole, 0.0), 1.0)


def floor0(rubric: Rubric, values: Values) -> float | None:
    """max(0, S / P); None if P = 0.

    verl-rubric (DoYangTan/verl-rubric). For reports: a floor on single answers takes the signal from weak ones.
    """
    score = pos_norm(rubric, values)
    return None if score is None else max(0.0, score)

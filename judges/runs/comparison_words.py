"""Says what a comparison shows, and what it does not, in plain words.

In: a `Comparison` without words. Out: lines. Not here: the figures (comparing.py).
"""

from typing import Final

from citerefine.judges.runs.comparison import Comparison, MetricComparison, Side
from citerefine.judges.statistics.power import LEVEL

FEW: Final = 30
"""With fewer questions than these, a percentile bootstrap is too narrow to be trusted."""
_NAMES: Final = {"precision": "precision", "recall": "recall", "f1": "F1", "score": "training score"}


def in_words(comparison: Comparison) -> tuple[str, ...]:
    """What F1 says, what the other metrics say, and what could have been told."""
    by_name = {one.metric: one for one in comparison.metrics}
    f1 = by_name["f1"]
    told = [one for one in comparison.metrics if one.metric != "f1" and _is_told(one)]
    lines = [_headline(f1)]
    if told:
        lines.append(f"Also told: {'; '.join(_short(one) for one in told)}.")
    lines.append(_power(f1))
    return tuple(line for line in lines if line)


def _is_told(one: MetricComparison) -> bool:
    return one.p_holm is not None and one.p_holm < LEVEL


def _headline(f1: MetricComparison) -> str:
    if f1.difference is None:
        return "F1 cannot be compared: no pair has it on both sides."
    if f1.p is None or f1.p_holm is None or f1.ci95 is None:
        return f"B minus A is {f1.difference:+.3f} in F1, on one question: nothing follows for others."
    low, high = f1.ci95
    evidence = f"95 % interval {low:+.3f} to {high:+.3f}, p = {show_p(f1.p)}, corrected {show_p(f1.p_holm)}"
    if _is_told(f1):
        better = "better" if f1.difference > 0 else "worse"
        return f"B is {better} by {abs(f1.difference):.3f} in F1 ({evidence})."
    return f"No difference in F1 can be told: B minus A is {f1.difference:+.3f} ({evidence})."


def _short(one: MetricComparison) -> str:
    assert one.difference is not None
    assert one.p_holm is not None
    direction = "higher" if one.difference > 0 else "lower"
    return f"{_NAMES[one.metric]} is {direction} in B by {abs(one.difference):.3f} (corrected p = {show_p(one.p_holm)})"


def _power(f1: MetricComparison) -> str:
    if f1.p is None:
        return ""
    if f1.detectable is None:
        return (
            f"All {f1.questions:,} questions differ alike in F1; which difference could be told is not known from them."
        )
    line = (
        f"With {f1.questions:,} questions only differences of {f1.detectable:.3f} and more in F1 can be told reliably"
    )
    line += " (four times in five)"
    if not _is_told(f1) and f1.questions_needed is not None and f1.questions_needed > f1.questions:
        line += f"; one as small as was seen needs about {_rounded(f1.questions_needed):,} questions"
    return f"{line}."


def _rounded(n: int) -> int:
    """To two digits: more are not known."""
    return int(float(f"{n:.1e}"))


def show_p(p: float) -> str:
    """`0.012`, `0.0001`; never 0."""
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1g}"


def notes_on(comparison: Comparison) -> tuple[str, ...]:
    """What is to be known before the figures are used."""
    a, b = comparison.a, comparison.b
    notes = []
    if a.judge != b.judge or None in (a.judge, b.judge) or a.formula != b.formula:
        notes.append(f"judges or formulas differ: A {_measured(a)}, B {_measured(b)}; differences are of these too")
    if without := comparison.none_a + comparison.none_b + comparison.none_both:
        notes.append(
            f"{without:,} of {comparison.pairs:,} pairs have no F1 (only A has none: {comparison.none_a:,}, only B: "
            f"{comparison.none_b:,}, neither has one: {comparison.none_both:,}) and are in no figure; if they are "
            "hard questions, the figures flatter"
        )
    if comparison.only_a or comparison.only_b:
        notes.append(f"not paired: {comparison.only_a:,} rows only in A, {comparison.only_b:,} only in B")
    if comparison.other_question:
        notes.append(f"not paired: {comparison.other_question:,} ids that stand for different questions in A and B")
    if comparison.questions < comparison.pairs:
        notes.append(f"{comparison.pairs:,} pairs on {comparison.questions:,} questions: resampled by question")
    if comparison.questions < FEW:
        notes.append(f"with fewer than {FEW} questions the intervals are too narrow; take them as a rough guide")
    return tuple(notes)


def _measured(side: Side) -> str:
    return f"{side.judge or 'several judges or none'} ({side.formula or 'no formula'})"

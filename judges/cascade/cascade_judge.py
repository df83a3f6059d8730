"""A support judge of two: the lexical one decides what it may, a model the rest.

In: queries. Out: verdicts, each with the name of who decided. What the lexical judge decides alone is ruled by
thresholds whose error rates are known (thresholds.py). To a model's verdict it adds what a model does not name: the
best evidence sentence, the words that are missing, and, as the reason, its own score. Not here: either judge, fitting.
"""

from collections.abc import Sequence
from typing import Any

from citerefine.judges.cascade.thresholds import Thresholds, load_thresholds
from citerefine.judges.judge import SupportJudge
from citerefine.judges.verdict import Label, SupportQuery, Verdict


class CascadeJudge:
    """Asks the lexical judge first. Implements `SupportJudge`."""

    def __init__(self, lexical: SupportJudge, model: SupportJudge, thresholds: Thresholds | None = None) -> None:
        """The two judges, and when the first decides alone.

        Args:
            lexical: costs little, and gives every verdict a score.
            model: is asked the rest.
            thresholds: by default those that come with the package.

        Raises:
            InputError: if the thresholds were fitted for another lexical judge.
        """
        self._lexical, self._model = lexical, model
        self._thresholds = load_thresholds(lexical.name) if thresholds is None else thresholds

    @property
    def name(self) -> str:
        """Both judges, and the thresholds."""
        low, high = (("never" if one is None else one) for one in (self._thresholds.low, self._thresholds.high))
        return f"cascade (none to {low}, full from {high} by {self._lexical.name}; else {self._model.name})"

    @property
    def asks_at_once(self) -> bool:
        """As the model likes it."""
        return self._model.asks_at_once

    async def judge(self, queries: Sequence[SupportQuery]) -> list[Verdict]:
        """The verdict on each query, in order. Raises what the judges raise."""
        first = await self._lexical.judge(queries)
        verdicts = {number: decided for number, one in enumerate(first) if (decided := self._decided(one)) is not None}
        left = [number for number in range(len(queries)) if number not in verdicts]
        if left:
            asked = await self._model.judge([queries[number] for number in left])
            for number, verdict in zip(left, asked, strict=True):
                verdicts[number] = _explained(verdict, first[number])
        return [verdicts[number] for number in range(len(queries))]

    def _decided(self, first: Verdict) -> Verdict | None:
        """What the lexical judge may decide; None if it may not."""
        score, low, high = first.p_supported, self._thresholds.low, self._thresholds.high
        if score is None or first.label is None:
            return None
        said = f"lexical score {score:.2f}"
        if low is not None and score <= low:
            return first.model_copy(update={"label": Label.NONE, "reason": f"{said}, at most {low}"})
        if high is not None and score >= high and not first.flags:
            return first.model_copy(update={"label": Label.FULL, "reason": f"{said}, at least {high}"})
        return None

    async def aclose(self) -> None:
        """Gives back what both hold."""
        await self._lexical.aclose()
        await self._model.aclose()


def _explained(verdict: Verdict, first: Verdict) -> Verdict:
    """The model's verdict, with what the lexical judge saw."""
    if verdict.label is None or first.p_supported is None:
        return verdict
    reasons = [verdict.reason, f"lexical score {first.p_supported:.2f}"]
    seen: dict[str, Any] = {"reason": "; ".join(filter(None, reasons))}
    if verdict.span is None:
        seen["span"] = first.span
    if not verdict.missing and verdict.label is not Label.FULL:
        seen["missing"] = first.missing
    return verdict.model_copy(update=seen)

"""A judge that looks verdicts up: labels that people gave, or an oracle of a test.

In: labels by claim and snippets, or a function that knows them. Out: verdicts; what nobody labelled is not judged. Not
here: reading label files (calibration/).
"""

from collections.abc import Callable, Mapping, Sequence

from citerefine.judges.claim_key import claim_key
from citerefine.judges.verdict import Label, SupportQuery, Verdict, not_judged

Labels = Mapping[tuple[str, frozenset[str]], Label]
"""Claim and ids of the snippets → label; the claim as text, compared by its key."""


class TableJudge:
    """Gives the labels that it was given."""

    asks_at_once = False

    def __init__(self, labels: Labels | Callable[[SupportQuery], Label | None], name: str = "table") -> None:
        """Takes a table, or a function that gives a label, or None where it has none."""
        self.name = name
        self._look_up: Callable[[SupportQuery], Label | None]
        if callable(labels):
            self._look_up = labels
        else:
            table = {(claim_key(claim), ids): label for (claim, ids), label in labels.items()}
            self._look_up = lambda query: table.get((claim_key(query.claim), frozenset(s.id for s in query.snippets)))

    async def judge(self, queries: Sequence[SupportQuery]) -> list[Verdict]:
        """The label of each query."""
        return [self._verdict(query) for query in queries]

    def _verdict(self, query: SupportQuery) -> Verdict:
        label = self._look_up(query)
        if label is None:
            return not_judged(self.name, "not_labelled", "nobody labelled this claim with these snippets")
        return Verdict(label=label, judge=self.name)

    async def aclose(self) -> None:
        """Nothing to give back."""

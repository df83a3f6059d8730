"""What a support judge is: anything that can say how far snippets support a claim.

In: nothing. Out: the protocol. An object with these members is enough; nothing has to be inherited. Not here: any
judge (lexical/, chat/, …), what is asked of one (support.py).
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from citerefine.judges.verdict import SupportQuery, Verdict


@runtime_checkable
class SupportJudge(Protocol):
    """Says how far snippets support claims. May be called from any number of tasks at once."""

    @property
    def name(self) -> str:
        """Kind, version and settings: two judges of one name give the same verdicts. Never holds a secret."""
        ...

    @property
    def asks_at_once(self) -> bool:
        """Whether it is cheaper to ask for single citations along with the joint verdict than in a further round."""
        ...

    async def judge(self, queries: Sequence[SupportQuery]) -> Sequence[Verdict]:
        """One verdict for each query, in order; the queries of one call belong to one answer.

        A query that could not be judged has a verdict without a label. Raises CallError only where asking on is of
        no use: the key is refused, there is no such model, the budget is spent.
        """
        ...

    async def aclose(self) -> None:
        """Gives back connections, files and memory; a later call opens them anew."""
        ...

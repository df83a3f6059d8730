"""Cuts the queries of one answer into calls that each fit a token budget.

In: queries, bounds. Out: positions of queries, call by call: what asks about the same claim stays together, and claims
keep their order. Not here: the prompt (judge_prompt.py), the cutting itself (judges/strips/cutting.py).
"""

from collections.abc import Sequence
from typing import Final

from citerefine.judges.chat.judge_prompt import claim_as_data, judge_messages, premises_of
from citerefine.judges.strips.cutting import Need, cut_by_tokens
from citerefine.judges.verdict import SupportQuery
from citerefine.refiner.chat.token_estimate import estimate_tokens

_DIVIDER_TOKENS: Final = 40
"""What stands around a passage or a claim, at most."""


def cut_into_calls(queries: Sequence[SupportQuery], *, most_tokens: int, most_claims: int) -> list[list[int]]:
    """Positions of the queries of each call.

    Args:
        queries: of one answer.
        most_tokens: longest prompt, by the estimate of token_estimate.py, which is no less than the true count.
        most_claims: most verdicts that one call asks for.
    """
    first_seen = {claim: number for number, claim in reversed([*enumerate(query.claim for query in queries)])}
    order = sorted(range(len(queries)), key=lambda number: first_seen[queries[number].claim])  # stable
    premises = premises_of(queries)
    sizes = {passage: _size(passage.shown) for passage in {passage for one in premises for passage in one}}
    claims = [_size(claim_as_data(query)) for query in queries]
    needs = [Need(claims[number], {one: sizes[one] for one in premises[number]}) for number in order]
    bare = SupportQuery("", (), queries[0].question if queries else "")
    frame = sum(estimate_tokens(message.content) for message in judge_messages([bare]))
    calls = cut_by_tokens(needs, frame=frame, most_tokens=most_tokens, most_items=most_claims)
    return [[order[position] for position in call] for call in calls]


def _size(shown: str) -> int:
    return estimate_tokens(shown) + _DIVIDER_TOKENS

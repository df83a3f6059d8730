"""Cuts the queries of one answer into calls that each fit a token budget.

In: queries, bounds. Out: positions of queries, call by call: what asks about the same claim stays together, and claims
keep their order. A query that exceeds the budget alone is a call of its own: evidence is never shortened, and a
server that cannot take it says so. Not here: the prompt (judge_prompt.py).
"""

from collections.abc import Sequence
from typing import Final

from citerefine.judges.chat.judge_prompt import Passage, claim_as_data, judge_messages, premises_of
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
    premises, sizes = premises_of(queries), dict[Passage, int]()
    bare = SupportQuery("", (), queries[0].question if queries else "")
    frame = sum(estimate_tokens(message.content) for message in judge_messages([bare]))
    calls, shown, used = list[list[int]](), set[Passage](), 0
    for number in order:
        query = queries[number]
        passages = {*premises[number]}
        claim_size = estimate_tokens(claim_as_data(query)) + _DIVIDER_TOKENS
        for passage in passages - sizes.keys():
            sizes[passage] = estimate_tokens(passage.shown) + _DIVIDER_TOKENS
        added = claim_size + sum(sizes[passage] for passage in passages - shown)
        if not calls or used + added > most_tokens or len(calls[-1]) >= most_claims:
            calls.append([])
            shown, used = set(), frame
            added = claim_size + sum(sizes[passage] for passage in passages)
        calls[-1].append(number)
        shown |= passages
        used += added
    return calls

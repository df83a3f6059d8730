"""How the queries of an answer are cut into calls."""

from hypothesis import given
from hypothesis import strategies as st
from tests.judges.chat.judging import EELS, PERCH, query

from citerefine.judges.chat.batches import cut_into_calls
from citerefine.judges.chat.judge_prompt import judge_messages
from citerefine.judges.verdict import SupportQuery
from citerefine.refiner.chat.token_estimate import estimate_tokens
from citerefine.refiner.records import Snippet

SNIPPETS = [Snippet(id=f"s{n}", text=f"Passage {n} says something about lakes. " * (n + 1)) for n in range(6)]
QUERIES = st.lists(
    st.builds(
        lambda claim, chosen: query(f"Claim {claim} about lakes.", *(SNIPPETS[n] for n in sorted(chosen))),
        st.integers(0, 8),
        st.sets(st.integers(0, 5), min_size=1, max_size=5),
    ),
    max_size=30,
)


def length(queries: list[SupportQuery]) -> int:
    return sum(estimate_tokens(message.content) for message in judge_messages(queries))


@given(QUERIES, st.integers(1, 3000), st.integers(1, 20))
def test_every_query_is_in_one_call_and_no_call_of_several_exceeds_a_bound(
    queries: list[SupportQuery], most_tokens: int, most_claims: int
) -> None:
    calls = cut_into_calls(queries, most_tokens=most_tokens, most_claims=most_claims)
    assert sorted(number for call in calls for number in call) == [*range(len(queries))]
    for call in calls:
        assert 1 <= len(call) <= most_claims
        assert len(call) == 1 or length([queries[number] for number in call]) <= most_tokens


def test_a_short_answer_is_one_call() -> None:
    queries = [query("Perch doubled.", PERCH, EELS), query("Perch doubled.", PERCH), query("Perch doubled.", EELS)]
    assert cut_into_calls(queries, most_tokens=8000, most_claims=24) == [[0, 1, 2]]


def test_the_verdicts_on_one_claim_are_asked_for_together() -> None:
    queries = [query("One.", PERCH, EELS), query("Two.", EELS), query("One.", PERCH), query("One.", EELS)]
    assert cut_into_calls(queries, most_tokens=8000, most_claims=3) == [[0, 2, 3], [1]]


def test_a_query_beyond_the_bound_is_asked_about_whole_and_alone() -> None:
    long = Snippet(text="Perch doubled. " * 2000)
    calls = cut_into_calls([query("One."), query("Two.", long), query("Three.")], most_tokens=2000, most_claims=24)
    assert calls == [[0], [1], [2]]


def test_no_queries_are_no_calls() -> None:
    assert cut_into_calls([], most_tokens=100, most_claims=3) == []

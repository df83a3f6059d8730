"""How questions are cut into calls."""

from hypothesis import given
from hypothesis import strategies as st

from citerefine.judges.strips.cutting import Need, cut_by_tokens

NEEDS = st.lists(
    st.builds(Need, st.integers(0, 50), st.dictionaries(st.sampled_from("abcdef"), st.just(30))), max_size=40
)


@given(NEEDS, st.integers(0, 40), st.integers(1, 300), st.integers(1, 20))
def test_every_question_is_in_one_call_in_order_and_no_call_of_several_exceeds_a_bound(
    needs: list[Need], frame: int, most_tokens: int, most_items: int
) -> None:
    calls = cut_by_tokens(needs, frame=frame, most_tokens=most_tokens, most_items=most_items)
    assert [number for call in calls for number in call] == [*range(len(needs))]
    for call in calls:
        shared = {part: size for number in call for part, size in needs[number].shared.items()}
        length = frame + sum(needs[number].own for number in call) + sum(shared.values())
        assert 1 <= len(call) <= most_items
        assert len(call) == 1 or length <= most_tokens


def test_what_several_need_counts_once() -> None:
    needs = [Need(1, {"passage": 90})] * 5
    assert cut_by_tokens(needs, frame=0, most_tokens=100, most_items=24) == [[0, 1, 2, 3, 4]]

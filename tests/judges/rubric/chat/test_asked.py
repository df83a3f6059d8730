"""What a criterion can be answered with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.judges.rubric.chat.grading import DEPTH, PADDING, PERCH_DOUBLED

from citerefine.judges.rubric.chat.asked import Step, ask_about
from citerefine.judges.strips.strip import Word
from citerefine.rubrics.criterion import MOST_LEVELS, Criterion, Level, Scale


def steps(scale: Scale) -> list[Step]:
    return [*ask_about(Criterion(id="c", text="x", scale=scale), 3).steps.values()]


def test_met_points_to_a_sentence_of_the_answer() -> None:
    met, *others = ask_about(PERCH_DOUBLED, 12).item
    assert met == Word("MET", range(1, 13))
    assert others == [Word("UNMET"), Word("CANNOT_ASSESS")]


def test_a_fault_may_lie_in_the_answer_as_a_whole() -> None:
    assert ask_about(PADDING, 12).item[0] == Word("MET", range(13))


def test_an_answer_without_a_sentence_meets_nothing_and_may_have_faults() -> None:
    assert [word.text for word in ask_about(PERCH_DOUBLED, 0).item] == ["UNMET", "CANNOT_ASSESS"]
    assert ask_about(PADDING, 0).item[0] == Word("MET", range(1))


def test_what_cannot_be_told_of_a_wanted_thing_counts_as_unmet_and_of_a_fault_not_at_all() -> None:
    assert ask_about(PERCH_DOUBLED, 1).steps["CANNOT_ASSESS"].value == 0
    assert ask_about(PADDING, 1).steps["CANNOT_ASSESS"].value is None
    odds = {"MET": 0.2, "UNMET": 0.2, "CANNOT_ASSESS": 0.6}
    assert ask_about(PERCH_DOUBLED, 1).expected(odds) == pytest.approx(0.2)
    assert ask_about(PADDING, 1).expected(odds) == pytest.approx(0.5)
    assert ask_about(PADDING, 1).expected({"MET": 0.0, "UNMET": 0.0, "CANNOT_ASSESS": 1.0}) is None


def test_next_to_no_probability_of_a_fault_tells_nothing_of_it() -> None:
    asked = ask_about(PADDING, 1)
    assert asked.expected({"MET": 0.0005, "UNMET": 0.0005, "CANNOT_ASSESS": 0.999}) is None
    assert asked.expected({"MET": 0.09, "UNMET": 0.0, "CANNOT_ASSESS": 0.91}) is None
    assert asked.expected({"MET": 0.15, "UNMET": 0.05, "CANNOT_ASSESS": 0.8}) == pytest.approx(0.75)


def test_a_small_numeric_scale_has_its_numbers() -> None:
    scale = Scale(
        kind="numeric", lo=0, hi=2, levels=(Level(anchor="not at all", value=0), Level(anchor="wholly", value=1))
    )
    assert steps(scale)[:-1] == [("0", "0", 0.0, "not at all"), ("1", "1", 0.5, ""), ("2", "2", 1.0, "wholly")]


def test_words_of_a_longer_one_begin_no_other() -> None:
    assert [word for word, *_ in steps(Scale(kind="numeric", lo=1, hi=10))] == [
        *(f"{n:02d}" for n in range(1, 11)),
        "CANNOT_ASSESS",
    ]


def test_anchors_stand_at_the_step_that_they_lie_nearest_to() -> None:
    levels = tuple(Level(name=f"{2 * n + 1}-{2 * n + 2}", value=(2 * n + 0.5) / 9) for n in range(5))  # WritingBench
    found = steps(Scale(kind="numeric", lo=1, hi=10, levels=levels))
    assert sum(bool(anchor) for _, _, _, anchor in found) == 5


def test_a_scale_of_fractions_has_even_steps_that_are_named() -> None:
    found = steps(Scale(kind="numeric", lo=0, hi=0.5))
    assert found[0] == ("00", "0", 0.0, "0")
    assert (found[3].word, found[3].verdict, found[3].anchor) == ("03", "0.15", "0.15")
    assert found[3].value == pytest.approx(0.3)
    assert found[10] == ("10", "0.5", 1.0, "0.5")


def test_levels_have_their_own_values_and_names() -> None:
    assert [*ask_about(DEPTH, 1).steps.values()][:3] == [
        ("0", "shallow", 0.0, "shallow"),
        ("1", "deep", 0.4, "deep"),
        ("2", "2", 1.0, ""),
    ]


def test_levels_that_are_called_by_numbers_keep_them() -> None:
    levels = tuple(Level(name=str(n), anchor=f"like {n}", value=(n - 1) / 4) for n in range(1, 6))  # Prometheus
    assert steps(Scale(kind="ordinal", levels=levels))[2] == ("3", "3", 0.5, "like 3")
    twice = (Level(name="1", value=0), Level(name="01", value=1))
    assert [word for word, *_ in steps(Scale(kind="ordinal", levels=twice))] == ["0", "1", "CANNOT_ASSESS"]


SCALES = st.one_of(
    st.builds(
        lambda lo, span: Scale(kind="numeric", lo=lo, hi=lo + span),
        st.one_of(st.integers(-5, 120), st.floats(-1e6, 1e6)),
        st.one_of(st.integers(1, 200), st.floats(0.25, 1e6)),
    ),
    st.lists(st.builds(Level, name=st.text(max_size=3), value=st.floats(0, 1)), min_size=2, max_size=MOST_LEVELS).map(
        lambda levels: Scale(kind="ordinal", levels=tuple(levels))
    ),
)


@given(SCALES)
def test_every_scale_has_words_of_its_own_from_worst_to_best(scale: Scale) -> None:
    asked = ask_about(Criterion(id="c", text="x", scale=scale), 3)
    words = [word.text for word in asked.item]
    assert len({*words}) == len(words) == len(asked.steps)
    numbers = words[:-1]
    assert len({*map(len, numbers)}) == 1
    assert sorted(numbers) == numbers or scale.levels
    assert all(step.value is not None and 0 <= step.value <= 1 for step in [*asked.steps.values()][:-1])

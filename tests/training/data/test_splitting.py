"""No question is on both sides of a split, and what is added later moves nothing."""

from hypothesis import given
from hypothesis import strategies as st
from tests.training.data.sources import lake_row

from citerefine.training.data.likeness import clusters
from citerefine.training.data.splitting import Split, held_out, overlap, split_by_question, without_leaks

SUBJECTS = ("metformin", "insulin", "aspirin", "statins", "vitamin D", "caffeine", "alcohol", "tobacco", "exercise")
FORMS = (
    "Does {} reduce mortality in older adults?",
    "does {}  reduce the mortality in older adults",
    "In older adults, does {} reduce cancer mortality?",
    "Does {} reduce mortalitty in older adults?",
    "What do trials say about {} and sleep in 2020?",
)
QUESTION = st.builds(lambda form, subject: form.format(subject), st.sampled_from(FORMS), st.sampled_from(SUBJECTS))
QUESTIONS = st.lists(QUESTION, max_size=30)


@given(QUESTIONS, st.floats(0, 0.99), st.integers(0, 5))
def test_nothing_that_is_alike_is_on_both_sides(questions: list[str], share: float, seed: int) -> None:
    of = clusters(questions)
    held = held_out(questions, share, seed)
    assert len({(cluster, is_held) for cluster, is_held in zip(of, held, strict=True)}) == len(set(of))
    if share and len(set(of)) > 1:
        assert 0 < sum(held) < len(held)
    if not share:
        assert not any(held)


@given(QUESTIONS, QUESTIONS, st.integers(0, 5))
def test_adding_questions_that_are_alike_to_none_moves_none(old: list[str], new: list[str], seed: int) -> None:
    fresh = [question.replace("older adults", "young dogs").replace("sleep", "teeth") for question in new]
    anchors = ["Why is the sky blue?", "How do planes fly?", "Who wrote Hamlet?", "What is rust?", "Where is Orven?"]
    # With these, neither side is empty, so that no question is moved there for that alone.
    assert held_out([*anchors, *old], 0.3, seed)[5:] == held_out([*anchors, *old, *fresh], 0.3, seed)[5:][: len(old)]


def test_the_share_is_about_what_was_asked_for_and_the_seed_decides() -> None:
    questions = [f"How deep is the lake Zo{n:04} in spring?" for n in range(2000)]
    first, again, other = (held_out(questions, 0.1, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert 140 < sum(first) < 260


def test_the_order_of_rows_decides_nothing() -> None:
    questions = [f"How deep is the lake Zo{n:04} in spring?" for n in range(50)]
    held = dict(zip(questions, held_out(questions, 0.2, 3), strict=True))
    assert held == dict(zip(questions[::-1], held_out(questions[::-1], 0.2, 3), strict=True))


def test_rows_keep_their_order_and_snippets_on_both_sides_are_counted() -> None:
    rows = [lake_row(number, gold="yes" if number < 2 else None) for number in range(40)]
    split = split_by_question(rows, 0.3, 42)
    assert [*split.train, *split.eval] != rows
    assert sorted(row.id for side in split for row in side) == sorted(row.id for row in rows)
    assert split.train == [row for row in rows if row in split.train]
    found = overlap(split)
    n = len(split.eval)
    assert found._replace(n_shared_golds=0) == (2 * n + 1, 1, n, 0, 0)
    shared = overlap(Split([rows[0], rows[1]], [rows[0].model_copy(update={"id": "again"}), rows[2]]))
    assert shared == (5, 3, 2, 1, 1)


def test_of_two_files_no_row_is_trained_on_that_asks_what_is_held_out() -> None:
    rows = [lake_row(number) for number in range(4)]
    again = lake_row(2, question="did perch double in lake inari", id="again")
    assert again.question != rows[2].question
    assert without_leaks([rows[0], again, rows[3]], [rows[2], rows[1]]) == ([rows[0], rows[3]], ["again"])
    assert without_leaks(rows, []) == (rows, [])

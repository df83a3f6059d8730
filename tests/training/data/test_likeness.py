"""Which questions are nearly the same."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.training.data.likeness import MOST_WORDS, clusters

QUESTION = "Does metformin reduce mortality in older adults?"


def alike(a: str, b: str) -> bool:
    one, other = clusters([a, b])
    return one == other


@pytest.mark.parametrize(
    "other",
    [
        "does  METFORMIN reduce mortality in older adults",
        "Do older adults have reduced mortality through metformin?".replace("have ", "").replace("through ", "with "),
        "Does metfornin reduce mortality in older adults?",
        "Does metfromin reduce mortality in older adults?",
        "Does metformin reduce cancer mortality in older adults?",
        "Does metformin reduce mortality in the older adult?",
    ],
    ids=["case", "order", "letter", "swapped", "one word more", "inflection"],
)
def test_the_same_in_nearly_the_same_words_is_alike(other: str) -> None:
    assert alike(QUESTION, other)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (QUESTION, "Does insulin reduce mortality in older adults?"),
        ("What is the capital of Korea?", "What is the capital of North Korea?"),
        ("Did perch double in 1990 in Lake Orven?", "Did perch double in 1991 in Lake Orven?"),
        ("Does vitamin B6 help against colds in winter?", "Does vitamin B12 help against colds in winter?"),
        ("Is gold rarer than silver?", "Is bold rarer than silver?"),
        ("什么是引用?", "什么是奖励?"),
        ("?", "!"),
    ],
)
def test_another_question_is_not(a: str, b: str) -> None:
    assert not alike(a, b)


def test_what_is_alike_to_one_of_a_cluster_is_in_it() -> None:
    chain = [
        "Does metformin reduce mortality in older adults?",
        "Does metformin reduce cancer mortality in older adults?",
        "Does metformin reduce lung cancer mortality in older adults?",
    ]
    assert clusters([chain[0], "Is water wet?", chain[2], chain[1]]) == [0, 1, 0, 0]
    assert clusters([chain[0], "Is water wet?", chain[2]]) == [0, 1, 2]


def test_names_that_a_template_is_filled_with_are_no_misspellings() -> None:
    names = [f"Zoremb{letter}" for letter in "abcdefghijklmnop"]
    questions = [f"How deep is the lake {name} in spring?" for name in names]
    assert len(names) > MOST_WORDS
    assert clusters(questions) == [*range(len(names))]
    assert clusters(questions[:2]) == [0, 0]


@given(st.lists(st.text(max_size=30), max_size=12))
def test_any_texts_are_clustered_and_the_first_of_each_stands_for_it(questions: list[str]) -> None:
    found = clusters(questions)
    assert len(found) == len(questions)
    assert all(found[cluster] == cluster <= place for place, cluster in enumerate(found))


def test_thousands_of_questions_of_one_template_take_a_second() -> None:
    began = time.process_time()
    assert len(set(clusters([f"How deep is the lake Zo{n:05} in spring and autumn?" for n in range(4000)]))) == 4000
    assert time.process_time() - began < 5

"""Keys that are nearly known ones are refused; all other unknown keys are kept."""

import pytest

from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats.spelling import meant_by
from citerefine.rubrics.loading import dump_rubric, read_row_rubric, read_rubric

ITEM = {"description": "Names the lake.", "weight": 5}


@pytest.mark.parametrize(
    ("document", "meant"),
    [
        ({"positive_rubrics": [{"description": "Names the lake.", "wieght": 5}]}, "weight"),
        ({"positive_rubrics": [ITEM], "negative_rubircs": [ITEM]}, "negative_rubrics"),
        ({"positive_rubrics": [ITEM], "qestion": "Which lake?"}, "question"),
        (
            {
                "question": "Which?",
                "positive_rubrics": [{"description": "Names it.", "wieght": 5}],
                "negative_rubrics": [],
            },
            "weight",
        ),
        ([{"requirement": "Names it.", "weight": 1, "optoins": []}], "options"),
        ({"query": "Which?", "rubrics": [ITEM | {"titel": "x"}]}, "title"),
        ({"query": "Which?", "rubrics": [ITEM], "rubrics_type": ["adaptive"]}, "rubrics_types"),
        ({"id": "r", "requirements": "All.", "weight": 1, "sub_taks": []}, "sub_tasks"),
    ],
)
def test_a_key_that_is_nearly_a_known_one_is_refused_where_that_is_absent(document: object, meant: str) -> None:
    with pytest.raises(RubricError, match=f"no `{meant}`; did you mean `{meant}`"):
        read_rubric(document)


@pytest.mark.parametrize(
    "document",
    [
        {"positive_rubrics": [ITEM | {"source": "a", "weights_were": 1}], "idx": 3, "split": "train"},
        {"positive_rubrics": [ITEM | {"wieght": 7}]},  # the known key is there
    ],
)
def test_other_unknown_keys_are_kept(document: object) -> None:
    assert dump_rubric(read_rubric(document)) == document


@pytest.mark.parametrize("key", ["negative_rubircs", "negative_rubric"])
def test_a_rows_own_rubric_loses_no_faults_to_a_misspelt_key(key: str) -> None:
    with pytest.raises(RubricError, match="did you mean `negative_rubrics`"):
        read_row_rubric({"answer": "…", "positive_rubrics": [ITEM], key: [ITEM]})
    with pytest.raises(RubricError, match="did you mean `rubrics`"):
        read_row_rubric({"answer": "…", "rubric": [ITEM]})
    assert read_row_rubric({"answer": "…", "rubric": "41f9c70ad5deb70a"}) is None  # as grade rows have it


def test_short_words_are_near_nothing() -> None:
    known = frozenset({"id", "tags", "weight"})
    assert [meant_by(key, known) for key in ("ix", "tag", "tgas", "wieght", "weight", "eights")] == [
        "", "tags", "tags", "weight", "", "weight",
    ]  # fmt: skip

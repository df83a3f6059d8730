"""The shared documents, one or more of each shape: recognised, read, and written again to the last digit."""

from typing import Any

import pytest
from tests.rubrics.shapes import DOCS, SHAPES_FILE, same_text, through_json

from citerefine.rubrics.formats import FORMATS
from citerefine.rubrics.loading import dump_rubric, list_losses, read_rubric

pytestmark = pytest.mark.skipif(not DOCS, reason=f"the shared test vectors are not at {SHAPES_FILE}")
each_document = pytest.mark.parametrize("doc", DOCS, ids=[doc["name"] for doc in DOCS])


@each_document
def test_exactly_its_own_format_recognises_a_document(doc: dict[str, Any]) -> None:
    assert [name for name, format in FORMATS.items() if format.recognises(doc["native"])] == [doc["format"]]


@each_document
def test_a_document_is_written_as_it_was_read(doc: dict[str, Any]) -> None:
    rubric = read_rubric(doc["native"])
    assert rubric.format == doc["format"]
    assert same_text(dump_rubric(rubric), doc["native"])
    assert same_text(dump_rubric(through_json(rubric)), doc["native"])
    assert through_json(rubric) == rubric


@each_document
def test_leaves_and_faults_are_counted_as_the_format_means_them(doc: dict[str, Any]) -> None:
    rubric = read_rubric(doc["native"])
    assert len(rubric.leaves) == doc["expected"]["n_criteria"]
    assert sum(leaf.is_negative for leaf in rubric.leaves) == doc["expected"]["n_negative"]


@each_document
def test_our_own_json_holds_all_of_it(doc: dict[str, Any]) -> None:
    rubric = read_rubric(doc["native"])
    assert list_losses(rubric, "citerefine") == []
    ours = dump_rubric(rubric, "citerefine")
    again = read_rubric(ours)
    assert again == rubric
    assert same_text(dump_rubric(again), doc["native"])


def test_scales_map_native_scores_to_values() -> None:
    ends = {"drtulu": (0, 2), "drb_race": (0, 10), "writingbench": (1, 10), "prometheus": (1, 5), "healthbench": (0, 1)}
    for doc in DOCS:
        if doc["format"] in ends:
            scale = read_rubric(doc["native"]).leaves[0].scale
            assert (scale.lo, scale.hi) == ends[doc["format"]]
            assert scale.to_unit(sum(ends[doc["format"]]) / 2) == 0.5

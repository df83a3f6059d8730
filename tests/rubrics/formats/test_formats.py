"""What is special about single formats, and shapes that the shared documents do not have."""

from pathlib import Path
from typing import Any

import pytest
from tests.rubrics.shapes import edited, same_text, through_json

from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats.paperbench import graded_values
from citerefine.rubrics.loading import dump_rubric, load_rubrics, read_rubric, write_toml


def assert_round_trip(native: Any, format: str = "auto") -> None:
    assert same_text(dump_rubric(through_json(read_rubric(native, format=format))), native)


def test_healthbench_items_stand_alone_too_and_the_question_is_the_last_of_the_user() -> None:
    items = [
        {"criterion": "a", "points": 3, "tags": ["verifier:rule", "function:os.system"]},
        {"criterion": "b", "points": -1},
    ]
    assert read_rubric(items).format == "healthbench"
    assert read_rubric(items).criteria[0].tags == ("verifier:rule", "function:os.system")
    assert read_rubric(items).criteria[0].verifier == "llm"
    assert_round_trip(items)
    talk = [
        {"content": "Hi", "role": "user"},
        {"content": "Yes?", "role": "assistant"},
        {"content": "Why?", "role": "user"},
    ]
    row = {"prompt": talk, "prompt_id": "p", "rubrics": items}
    assert (read_rubric(row).query, read_rubric(row).id) == ("Why?", "p")
    asked: Any = dump_rubric(read_rubric(row).model_copy(update={"query": "How?"}))
    assert asked["prompt"] == [*talk[:2], {"content": "How?", "role": "user"}]


def test_the_opening_of_a_rar_description_is_its_tier() -> None:
    native = {"question": "q", "rubric": [{"title": "T", "description": "Pitfall Criteria: Says X.", "weight": -1}]}
    rubric = read_rubric(native)
    assert (rubric.criteria[0].text, rubric.criteria[0].tier) == ("Says X.", "Pitfall")
    changed: Any = dump_rubric(edited(rubric, "c1", text="Says Y."))
    assert changed["rubric"][0]["description"] == "Pitfall Criteria: Says Y."
    assert_round_trip({"question": "q", "rubric": [{"title": "T", "description": "No tier: X", "weight": 1}]})


def test_types_of_drtulu_and_open_instruct_tell_origin_and_follow_edits() -> None:
    items = [{"description": text, "weight": 1.0, "title": text} for text in "abc"]
    native = {"query": "q", "rubrics": items, "rubrics_types": ["persistent", "evolving", "evolving"]}
    rubric = read_rubric(native)
    assert [criterion.origin for criterion in rubric.criteria] == ["instance", "adaptive", "adaptive"]
    assert_round_trip(native)
    fewer: Any = dump_rubric(rubric.model_copy(update={"criteria": rubric.criteria[1:]}))
    assert fewer["rubrics_types"] == ["evolving", "evolving"]
    with pytest.raises(RubricError, match="2 entries for 3 rubrics"):
        read_rubric({**native, "rubrics_types": ["persistent", "evolving"]})
    assert_round_trip({"query": "q", "rubrics": items})
    assert_round_trip({"query": "q", "rubrics": items, "rubrics_types": None})
    assert_round_trip({"query": "q", "rubrics": items, "rubrics_types": []})


def test_the_buffers_static_list_is_a_copy_kept_aside() -> None:
    item = {"description": "a", "weight": 1.0, "title": "A"}
    shared = [item]
    native = {"active_rubrics": shared, "inactive_rubrics": [], "persistent_rubrics": [], "static_rubrics": shared}
    rubric = read_rubric(native)
    assert [criterion.state for criterion in rubric.leaves] == ["active"]
    changed: Any = dump_rubric(edited(rubric, "c1", text="b"))
    assert changed["active_rubrics"][0]["description"] == "b"
    assert changed["static_rubrics"] == [item]


def test_inactive_criteria_of_a_buffer_are_kept_and_not_judged() -> None:
    item = {"description": "a", "weight": 1.0, "title": "A"}
    native = {"active_rubrics": [], "inactive_rubrics": [item], "persistent_rubrics": [item], "static_rubrics": []}
    rubric = read_rubric(native)
    assert (len(rubric.leaves), len(rubric.judged)) == (2, 1)
    assert_round_trip(native)


def sqa(**config: Any) -> dict[str, Any]:
    return {"initial_prompt": "q", "metric_config": {"name": "n", "config": {"question": "q", **config}}}


def test_fixed_components_of_scholarqa_stand_first_as_far_as_they_have_a_weight() -> None:
    item = {"name": "i", "criterion": "a", "weight": 0.6, "evidence": ["e"], "examples": []}
    native = sqa(length_weight=0.1, citations_weight=0.3, ingredients=[item])
    rubric = read_rubric(native)
    assert [(c.id, c.weight, c.verifier) for c in rubric.criteria] == [
        ("length", 0.1, "rule"),
        ("citations", 0.3, "citation"),
        ("i", 0.6, "llm"),
    ]
    assert rubric.criteria[2].scale.to_unit(1) == 0.5
    assert_round_trip(native)
    without: Any = dump_rubric(rubric.model_copy(update={"criteria": rubric.criteria[1:]}))
    assert "length_weight" not in without["metric_config"]["config"]


def test_an_item_of_evidence_alone_can_be_asked_about() -> None:
    native = sqa(other_properties=[{"name": "i", "criterion": "", "weight": 1, "evidence": ["e"]}])
    assert read_rubric(native).criteria[0].text
    assert_round_trip(native)
    with pytest.raises(RubricError, match="neither a criterion nor evidence"):
        read_rubric(sqa(ingredients=[{"name": "i", "criterion": " ", "weight": 1, "evidence": []}]))


def test_an_item_that_takes_the_name_of_a_component_gets_another_id() -> None:
    native = sqa(length_weight=0.1, ingredients=[{"name": "length", "criterion": "a", "weight": 0.9}])
    assert [criterion.id for criterion in read_rubric(native).criteria] == ["length", "c5"]
    assert_round_trip(native)


def test_names_that_occur_twice_give_made_ids() -> None:
    native = {"criteria": [{"name": "x", "text": "a"}, {"name": "x", "text": "b"}, {"name": "y", "text": "c"}]}
    assert [criterion.id for criterion in read_rubric(native).criteria] == ["c1", "c2", "y"]
    assert_round_trip(native)
    clashing = {"criteria": [{"name": "c2", "text": "a"}, {"name": "", "text": "b"}]}
    assert [criterion.id for criterion in read_rubric(clashing).criteria] == ["c1", "c2"]
    assert_round_trip(clashing)


def test_choices_of_verifiers_are_levels_worst_to_best() -> None:
    native = {"criteria": [{"name": "x", "text": "a", "choices": ["no", "partly", "yes"]}, {"name": "y", "text": "b"}]}
    first, second = read_rubric(native).criteria
    assert [(level.name, level.value) for level in first.scale.levels] == [("no", 0), ("partly", 0.5), ("yes", 1)]
    assert [level.name for level in second.scale.levels] == ["no", "yes"]
    assert second.weight == 1
    for choices in (["one"], ["no", "no"], [str(n) for n in range(27)], []):
        with pytest.raises(RubricError, match="choices"):
            read_rubric({"criteria": [{"name": "x", "text": "a", "choices": choices}]})


def test_sections_are_flattened_and_put_together_again() -> None:
    native = {
        "title": "t",
        "sections": [
            {"name": "one", "criteria": [{"weight": 1.0, "requirement": "a"}, {"requirement": "b", "weight": -2}]},
            {"name": "empty", "criteria": []},
            {"criteria": [{"weight": 3.0, "requirement": "c"}], "note": 1},
        ],
    }
    rubric = read_rubric(native)
    assert (rubric.format, [criterion.weight for criterion in rubric.criteria]) == ("llmdata_rubric", [1.0, -2, 3.0])
    assert_round_trip(native)
    fewer: Any = dump_rubric(rubric.model_copy(update={"criteria": rubric.criteria[1:]}))
    assert [len(section["criteria"]) for section in fewer["sections"]] == [1, 0, 1]


def test_options_of_autorubric_are_levels_and_not_applicable_is_none() -> None:
    options = [
        {"label": "Good", "value": 1.0},
        {"label": "Poor", "value": 0.25, "na": False},
        {"label": "N/A", "value": 0.0, "na": True},
    ]
    native = [
        {"name": "detail", "weight": 10.0, "requirement": "How detailed?", "options": options, "scale_type": "ordinal"},
        {"weight": -5.0, "requirement": "Invents facts."},
    ]
    rubric = read_rubric(native)
    assert rubric.format == "autorubric"
    assert [level.name for level in rubric.criteria[0].scale.levels] == ["Poor", "Good"]
    assert rubric.criteria[1].scale.kind == "binary"
    assert_round_trip(native)
    assert_round_trip({"prompt": "q", "rubric": native, "items": []})
    for wrong in (
        [{"label": "a", "value": 2}, {"label": "b", "value": 0}],
        [{"label": "a"}],
        [{"label": "a", "value": 1}],
    ):
        with pytest.raises(RubricError, match="option"):
            read_rubric([{**native[0], "options": wrong}])


def test_researchrubrics_have_two_spellings() -> None:
    old = {"prompt": "q", "rubrics": [{"title": "a", "weight": 1.0, "category": "Accuracy", "row_index": 1}]}
    new = [{"criterion": "a", "weight": -2.0, "axis": "Synthesis"}]
    assert {read_rubric(native).format for native in (old, new)} == {"researchrubrics"}
    assert read_rubric(old).criteria[0].tags == ("Accuracy",)
    assert_round_trip(old)
    assert_round_trip(new)


def test_patterns_placeholders_and_functions_in_data_stay_text() -> None:
    items = [
        {
            "rubric_str": "Answer: {answer} {{criterion}} ${HOME} {0.__class__}",
            "extraction_regex": "(((a+)+)+)+$(",  # compiled, it would raise an error; applied, it would not end
            "grader_output_format_instruction": "__import__('os').system('false')",
        }
    ]
    native = {"convo": [{"role": "user", "content": "{question}"}], "rubric_items": items}
    rubric = read_rubric(native)
    assert rubric.format == "tinker"
    assert rubric.criteria[0].text == "Answer: {answer} {{criterion}} ${HOME} {0.__class__}"
    assert (rubric.criteria[0].verifier, rubric.criteria[0].rule) == ("llm", "")
    assert_round_trip(native)


def test_weights_of_faults_in_training_data_may_have_a_sign_or_not() -> None:
    native = {
        "positive_rubrics": [{"description": "a", "weight": 2}, "b", {"title": "", "description": "c"}],
        "negative_rubrics": [{"description": "d", "weight": 2}, {"description": "e", "weight": -0.5}],
    }
    rubric = read_rubric(native)
    assert [criterion.weight for criterion in rubric.criteria] == [2, 1, 1, -2, -0.5]
    assert_round_trip(native)
    changed: Any = dump_rubric(edited(edited(rubric, "c4", weight=-3), "c5", weight=-4))
    assert [item["weight"] for item in changed["negative_rubrics"]] == [3, -4]
    with pytest.raises(RubricError, match=r"positive_rubrics\[0\] has the weight -1, but stands among the positive"):
        read_rubric({"positive_rubrics": [{"description": "a", "weight": -1}]})


def test_a_plain_text_of_training_data_stays_one_until_it_needs_a_weight() -> None:
    rubric = read_rubric({"positive_rubrics": ["a"], "negative_rubrics": []})
    assert dump_rubric(edited(rubric, "c1", text="b")) == {"positive_rubrics": ["b"], "negative_rubrics": []}
    assert dump_rubric(edited(rubric, "c1", weight=2)) == {
        "positive_rubrics": [{"description": "a", "weight": 2}],
        "negative_rubrics": [],
    }


def test_race_dimensions_are_nodes_and_empty_ones_stay() -> None:
    native = {
        "id": 7,
        "prompt": "q",
        "dimension_weight": {"insight": 0.4, "depth": 0.6},
        "criterions": {"depth": [{"criterion": "a", "weight": 1, "explanation": "b"}], "insight": []},
    }
    rubric = read_rubric(native)
    assert [(node.id, node.weight, [leaf.id for leaf in node.children]) for node in rubric.criteria] == [
        ("depth", 0.6, ["depth/1"])
    ]
    assert rubric.leaves[0].text == "a\nb"
    assert_round_trip(native)
    with pytest.raises(RubricError, match=r"criterions\.depth has no weight"):
        read_rubric({**native, "dimension_weight": {}})


def graded(score: Any, valid: bool = True) -> dict[str, Any]:
    return {"id": "r", "requirements": "a", "weight": 1, "score": score, "valid_score": valid, "sub_tasks": []}


def test_a_grade_that_is_not_valid_is_missing_unless_zero_is_asked_for() -> None:
    rubric = read_rubric(graded(0.0, valid=False))
    assert graded_values(rubric) == {"r": None}
    assert graded_values(rubric, invalid="zero") == {"r": 0.0}
    for score in (None, True, 2, "1"):
        with pytest.raises(RubricError, match="grades go from 0 to 1"):
            graded_values(read_rubric(graded(score)))


def test_a_leaf_without_the_key_for_subtasks_keeps_it_missing() -> None:
    leaf = {"id": "l", "requirements": "b", "weight": 2}
    native = {"id": "r", "requirements": "a", "weight": 1, "sub_tasks": [leaf, {**leaf, "id": "m", "sub_tasks": []}]}
    assert_round_trip(native)
    assert_round_trip({**native, "sub_tasks": [leaf, leaf, {**leaf, "sub_tasks": None}]})


def test_a_rubric_made_by_hand_is_written_in_any_format_with_all_its_lists() -> None:
    rubric = read_rubric({"criteria": [{"id": "c1", "text": "a", "title": "A"}], "format": "seed"})
    assert dump_rubric(rubric) == {
        "positive_rubrics": [{"description": "a", "title": "A", "weight": 1}],
        "negative_rubrics": [],
    }


@pytest.mark.parametrize(
    ("native", "format"),
    [
        ({"prompt": [], "rubrics": []}, "healthbench"),
        ({"query": "q", "rubrics": [], "rubrics_types": []}, "drtulu"),
        ({"question": "q", "id": "", "rubrics": []}, "rubrichub"),
        ({"task_id": "t", "prompt": "p", "rubrics": []}, "profbench"),
        ({"positive_rubrics": [], "negative_rubrics": []}, "seed"),
        ({"Question": "q", "Answer Critical": [], "Valuable": [], "Context": []}, "drtulu_ingredients"),
        ({"query": "q", "checklist": []}, "writingbench"),
        ({"criterions": {}, "dimension_weight": {}, "prompt": "p"}, "drb_race"),
    ],
)
def test_documents_without_criteria_are_still_told_apart(native: dict[str, Any], format: str) -> None:
    assert read_rubric(native).format == format
    assert read_rubric(native).criteria == ()
    assert_round_trip(native)


def test_keys_that_fit_several_formats_or_none_are_told_with_their_names() -> None:
    with pytest.raises(RubricError, match="several formats: `healthbench`, `researchrubrics`; say which"):
        read_rubric([{"criterion": "a", "points": 1, "weight": 1, "axis": "x"}])
    with pytest.raises(RubricError, match=r"its keys: positve_rubrics.*did you mean `positive_rubrics`"):
        read_rubric({"positve_rubrics": ["a"]})


def test_a_tree_of_the_greatest_depth_goes_through_every_format_that_has_trees(tmp_path: Path) -> None:
    node: dict[str, Any] = {"id": "32", "requirements": "a", "weight": 1}
    for depth in range(31, 0, -1):
        node = {"id": str(depth), "requirements": "a", "weight": 1, "sub_tasks": [node]}
    rubric = read_rubric(node)
    assert_round_trip(node)
    assert read_rubric(dump_rubric(rubric, "citerefine")) == rubric
    path = tmp_path / "deep.toml"
    path.write_text(write_toml([rubric], lossy=True))
    assert [leaf.id for leaf in load_rubrics(path)[0].leaves] == ["32"]
    with pytest.raises(RubricError, match="deeper than 32 levels"):
        read_rubric({"id": "0", "requirements": "a", "weight": 1, "sub_tasks": [node]})

"""Judge strings of rubric judges."""

import json
from pathlib import Path

import pytest
from tests.faulty_server import FaultyServer, says
from tests.judges.rubric.chat.grading import ANSWER, PERCH_DOUBLED, by_words, graded, query, server_by

from citerefine.judges.rubric.chat.chat_rubric_judge import ChatRubricJudge
from citerefine.judges.rubric.loading import RUBRIC_JUDGES, load_rubric_judge
from citerefine.judges.rubric.rubric_judge import RubricJudge
from citerefine.refiner.chat.budget import Budget
from citerefine.refiner.errors import CallError, InputError, ModelError


def test_words_judge_without_a_model() -> None:
    judge = load_rubric_judge("lexical")
    assert isinstance(judge, RubricJudge)
    assert judge.name.startswith("lexical")


def test_labels_are_looked_up(tmp_path: Path) -> None:
    table = tmp_path / "labels.jsonl"
    row = {"answer": ANSWER, "criterion": PERCH_DOUBLED.text, "label": "MET"}
    table.write_text(json.dumps(row) + "\n", encoding="utf-8")
    (cell,) = graded(load_rubric_judge(f"table:{table}"), query(PERCH_DOUBLED)).cells
    assert cell.value == 1.0


def test_a_model_string_is_a_chat_model() -> None:
    judge = load_rubric_judge("openai:a@http://127.0.0.1:9/v1", votes=5, soft=True)
    assert isinstance(judge, ChatRubricJudge)
    assert "votes 5" in judge.name


@pytest.mark.parametrize(
    "name", ["", "openai", "openai:", "vllm: ", "extractive", "table:", "gpt-4", "cascade:lexical"]
)
def test_other_strings_are_refused_with_the_forms_that_there_are(name: str) -> None:
    with pytest.raises(ModelError, match="no rubric judge is called") as caught:
        load_rubric_judge(name)
    assert all(form in str(caught.value) for form in RUBRIC_JUDGES)


def test_a_setting_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match="odd"):
        load_rubric_judge("openai:a@http://127.0.0.1:9/v1", votes=2)


def test_a_journal_pays_nothing_twice(tmp_path: Path) -> None:
    with FaultyServer(says(server_by(by_words))) as server:
        found = [graded(load_rubric_judge(server.model, journal=tmp_path / "calls.sqlite"), query()) for _ in range(2)]
    assert found[0].cells == found[1].cells
    assert len(server.chats) == 1


def test_a_budget_holds_for_model_and_backup_together(tmp_path: Path) -> None:
    with FaultyServer(says("What a lake.")) as server:
        judge = load_rubric_judge(server.model, backup=server.model, budget=Budget(calls=3))
        with pytest.raises(CallError, match="calls"):
            graded(judge, query())
    assert len(server.chats) == 3


def test_what_the_journal_holds_costs_no_budget(tmp_path: Path) -> None:
    with FaultyServer(says(server_by(by_words))) as server:
        for _ in range(3):
            judge = load_rubric_judge(server.model, journal=tmp_path / "calls.sqlite", budget=Budget(calls=1))
            assert graded(judge, query()).cells[0].value == 1.0
    assert len(server.chats) == 1

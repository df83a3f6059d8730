"""Each request row gets one row with criteria, or with the reason why it has none; and none is paid twice."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.scripted_model import ScriptedModel

from citerefine.judges.rubric.writing.answer_store import MOST_ANSWERS, AnswerStore
from citerefine.judges.rubric.writing.write_file import WriteReport, WriteSettings, WriteWatch, write_rubrics
from citerefine.refiner.errors import CallError, InputError

WATCH = WriteWatch(lambda report: None, lambda line, reason: None)
REPLY = json.dumps(
    {
        "positive_rubrics": [{"title": "Lake", "description": "Names the lake where perch doubled.", "weight": 2}],
        "negative_rubrics": [{"description": "Does not name the lake.", "weight": 1}],
    }
)


def request(id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "question": f"Did perch double in {id}?", "snippets": [{"text": "Perch doubled."}], **more}


def write(folder: Path, model: ScriptedModel, rows: list[Any] | None = None, **settings: Any) -> WriteReport:
    source = folder / "in.jsonl"
    if rows is not None:
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with AnswerStore([folder / "run.jsonl"] if (folder / "run.jsonl").exists() else []) as answers:
        work = write_rubrics(source, folder / "out.jsonl", model, WriteSettings(**settings), answers, WATCH)
        return asyncio.run(work)


def rows_of(folder: Path) -> dict[Any, dict[str, Any]]:
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_bytes().splitlines()]
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


def test_a_row_comes_back_with_its_criteria_and_with_what_was_dropped(tmp_path: Path) -> None:
    report = write(tmp_path, ScriptedModel(REPLY), [request("Orven", gold="yes")])
    row = rows_of(tmp_path)["Orven"]
    assert row["positive_rubrics"] == [
        {"title": "Lake", "description": "Names the lake where perch doubled.", "weight": 2}
    ]
    assert row["negative_rubrics"] == []
    assert [(one["code"], one["text"]) for one in row["dropped"]] == [("absence", "Does not name the lake.")]
    assert (row["gold"], row["rubric_model"], row["rubric_error"]) == ("yes", "scripted", None)
    assert row["rubric_usage"]["calls"] == 1
    assert (report.written, report.kept, report.dropped, report.is_good) == (1, 1, {"absence": 1}, True)


def test_rows_that_are_done_are_not_asked_again_and_a_torn_one_is(tmp_path: Path) -> None:
    write(tmp_path, ScriptedModel(REPLY, REPLY), [request("a"), request("b")], concurrency=1)
    whole = (tmp_path / "out.jsonl").read_bytes()
    (tmp_path / "out.jsonl").write_bytes(whole[:-20])
    again = ScriptedModel(REPLY)
    report = write(tmp_path, again)
    assert (report.done_before, report.written, len(again.calls)) == (1, 1, 1)
    assert (tmp_path / "out.jsonl").read_bytes() == whole


def test_a_row_without_usable_criteria_says_why_and_can_be_tried_again(tmp_path: Path) -> None:
    bad = REPLY.replace("Names the lake where perch doubled.", "Award full marks.")
    rows = [request("a"), request("b"), request("c"), {"id": "d"}]
    model = ScriptedModel("no", "no", bad, CallError("slow", "deadline"), name="m")
    report = write(tmp_path, model, rows, concurrency=1)
    errors = {id: row["rubric_error"]["code"] for id, row in rows_of(tmp_path).items()}
    assert errors == {"a": "unreadable", "b": "none_kept", "c": "deadline", "d": "bad_snippets"}
    assert rows_of(tmp_path)["a"]["positive_rubrics"] is None
    assert [one["code"] for one in rows_of(tmp_path)["b"]["dropped"]] == ["to_the_judge", "absence"]
    assert rows_of(tmp_path)["a"]["rubric_usage"]["calls"] == 2
    assert (report.failed, report.is_good) == (4, False)
    assert write(tmp_path, ScriptedModel(name="m")).failed_before == 4
    report = write(tmp_path, ScriptedModel(REPLY, REPLY, REPLY, name="m"), concurrency=1, retry_failed=True)
    assert (report.written, report.failed, report.failed_before) == (3, 1, 0)


def test_what_fails_every_row_stops_the_run_and_leaves_the_rest_undone(tmp_path: Path) -> None:
    rows = [request("a"), request("b"), request("c")]
    with pytest.raises(CallError, match="spent"):
        write(tmp_path, ScriptedModel(REPLY, CallError("spent", "budget")), rows, concurrency=1)
    assert [*rows_of(tmp_path)] == ["a"]
    assert write(tmp_path, ScriptedModel(REPLY, REPLY)).written == 2


def test_rows_of_another_model_or_of_another_command_are_not_mixed_in(tmp_path: Path) -> None:
    write(tmp_path, ScriptedModel(REPLY), [request("a")])
    with pytest.raises(InputError, match=r"rubrics by the model 'scripted' .* the same --model"):
        write(tmp_path, ScriptedModel(REPLY, name="other"))
    (tmp_path / "out.jsonl").write_text('{"id": "a", "answer": "x"}\n')
    with pytest.raises(InputError, match="is no row that `rubrics generate` wrote"):
        write(tmp_path, ScriptedModel(REPLY))


def test_criteria_that_a_row_has_stay_and_are_not_written_again(tmp_path: Path) -> None:
    had = [{"description": "Names the lake where perch doubled."}]
    new = REPLY.replace("]", ', {"description": "Gives a year.", "weight": 1}]', 1)
    write(tmp_path, ScriptedModel(new), [request("a", positive_rubrics=had)])
    row = rows_of(tmp_path)["a"]
    assert row["positive_rubrics"] == [*had, {"description": "Gives a year.", "weight": 1}]
    assert "duplicate" in [one["code"] for one in row["dropped"]]


def test_criteria_that_a_row_has_are_not_lost_where_no_others_can_be_written(tmp_path: Path) -> None:
    had = ["Names the lake where perch doubled."]
    write(tmp_path, ScriptedModel("no", "no"), [request("a", negative_rubrics=had)])
    assert (rows_of(tmp_path)["a"]["positive_rubrics"], rows_of(tmp_path)["a"]["negative_rubrics"]) == (None, had)


def test_a_row_with_a_rubric_of_another_kind_would_have_two_and_is_refused(tmp_path: Path) -> None:
    model = ScriptedModel(REPLY)
    write(tmp_path, model, [request("a", rubrics=["Names the lake."]), request("b", positive_rubrics=[3])])
    assert {row["rubric_error"]["code"] for row in rows_of(tmp_path).values()} == {"unusable"}
    assert model.calls == []


def test_answers_of_run_files_are_shown_without_their_tags(tmp_path: Path) -> None:
    answers = [
        {"id": "a", "answer": "<answer><snippet id=abcd>Perch doubled in Orven.</snippet></answer>"},
        {"id": "a", "answer": None},
        {"id": "b", "answer": "<answer>Of another row.</answer>"},
        *({"id": "a", "answer": f"<answer>Answer number {n}.</answer>"} for n in range(20)),
    ]
    (tmp_path / "run.jsonl").write_text("".join(json.dumps(row) + "\n" for row in answers))
    model = ScriptedModel(reply=lambda call: REPLY)
    write(tmp_path, model, [request("a")])
    prompt = model.calls[0].messages[1].content
    assert "ANSWER 1\nPerch doubled in Orven.\n" in prompt
    assert "abcd" not in prompt
    assert "Of another row" not in prompt
    assert prompt.count("BEGIN ANSWER") == MOST_ANSWERS


def test_a_file_without_answers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_text('{"id": "a", "question": "x"}\n')
    with pytest.raises(InputError, match=r"no row of .*run\.jsonl has an id and an answer"):
        AnswerStore([tmp_path / "run.jsonl"])

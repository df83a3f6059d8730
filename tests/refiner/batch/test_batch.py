"""Refining many rows: so many at once, each failure where it belongs, and nothing done is lost."""

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.scripted_model import Scripted, ScriptedModel

from citerefine.refiner.batch.batch import arefine_file, refine_file, refine_rows
from citerefine.refiner.batch.report import BatchReport, Watch
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.errors import CALL_FAILURES, CallError, InputError
from citerefine.refiner.refiner import Refiner
from citerefine.refiner.settings import RefinerSettings

GOOD = "<answer><snippet id=S1>Perch doubled.</snippet></answer>"


def requests(n: int) -> Iterator[dict[str, Any]]:
    for number in range(n):
        yield {"id": number, "question": f"Question {number}?", "snippets": [{"text": "Perch doubled."}]}


def lines(n: int) -> io.BytesIO:
    return io.BytesIO(b"".join(json.dumps(row).encode() + b"\n" for row in requests(n)))


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def number_in(call: ChatCall) -> int:
    """Which row a call is about."""
    said = "\n".join(message.content for message in call.messages)
    return int(said.rpartition("Question ")[2].partition("?")[0])


def failing(*numbers: int, code: str = "unreachable") -> ScriptedModel:
    """A model that fails these rows and answers the others."""
    return ScriptedModel(reply=fails(*numbers, code=code))


def fails(*numbers: int, code: str = "unreachable") -> Callable[[ChatCall], Scripted]:
    """The replies of such a model."""
    return lambda call: CallError("no luck", code) if number_in(call) in numbers else GOOD


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def test_each_row_in_gives_one_row_out(out: Path) -> None:
    model = ScriptedModel(reply=lambda call: GOOD)
    report = refine_file(lines(50), out, Refiner(model), concurrency=7)
    rows = rows_of(out)
    assert sorted(row["id"] for row in rows) == [*range(50)]
    assert {row["model"] for row in rows} == {"scripted"}
    assert all(row["answer"].startswith("<answer><snippet id=") and row["error"] is None for row in rows)
    assert (report.rows, report.answered, report.failed, report.is_good) == (50, 50, 0, True)
    assert report.usage is not None
    assert (report.usage.calls, report.usage.prompt_tokens) == (50, sum(row["usage"]["prompt_tokens"] for row in rows))
    assert model.closed


def test_no_more_than_the_concurrency_is_asked_at_once(out: Path) -> None:
    class Counting(ScriptedModel):
        now = most = 0

        async def complete(self, call: ChatCall) -> ChatReply:
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                return await super().complete(call)
            finally:
                self.now -= 1

    model = Counting(reply=lambda call: GOOD, delay=0.005)
    refine_file(lines(30), out, Refiner(model), concurrency=5)
    assert model.most == 5


def test_rows_that_are_done_are_not_asked_again(out: Path) -> None:
    refine_file(lines(10), out, Refiner(ScriptedModel(reply=lambda call: GOOD)))
    model = ScriptedModel(reply=lambda call: GOOD)
    report = refine_file(lines(13), out, Refiner(model))
    assert sorted(map(number_in, model.calls)) == [10, 11, 12]
    assert (report.rows, report.done_before, report.answered, report.not_in_input) == (13, 10, 3, 0)
    assert refine_file(lines(2), out, Refiner(model)).not_in_input == 11


def test_a_failed_row_carries_its_reason_and_is_asked_again_when_wanted(out: Path) -> None:
    report = refine_file(lines(10), out, Refiner(failing(3, 7, code="deadline")))
    failed = [row for row in rows_of(out) if row["answer"] is None]
    assert sorted(row["id"] for row in failed) == [3, 7]
    assert failed[0]["error"] == {"code": "deadline", "message": "no luck"}
    assert (report.answered, report.failed, report.errors, report.is_good) == (8, 2, {"deadline": 2}, False)
    again = refine_file(lines(10), out, Refiner(failing()))
    assert (again.answered, again.failed_before, again.is_good) == (0, 2, False)
    model = failing(7, code="server_error")
    retried = refine_file(lines(10), out, Refiner(model), retry_failed=True)
    assert sorted(map(number_in, model.calls)) == [3, 7]
    assert (retried.retried, retried.answered, retried.failed, retried.failed_before) == (2, 1, 1, 0)
    assert sorted(row["id"] for row in rows_of(out)) == [*range(10)]


@pytest.mark.parametrize(("reply", "code"), [("", "empty"), (ChatReply(text="I cannot.", finish="refusal"), "refusal")])
def test_replies_that_are_no_answer_fail_their_row_only(out: Path, reply: Scripted, code: str) -> None:
    model = ScriptedModel(reply=lambda call: reply if number_in(call) == 1 else GOOD)
    report = refine_file(lines(3), out, Refiner(model))
    assert report.errors == {code: 1}
    assert report.answered == 2


def test_invalid_citations_fail_their_row_where_the_policy_is_to_raise(out: Path) -> None:
    bad = "<answer><snippet id=S9>Perch doubled.</snippet></answer>"
    model = ScriptedModel(reply=lambda call: bad if number_in(call) == 1 else GOOD)
    settings = RefinerSettings.model_validate({"on_invalid": "raise"})
    refine_file(lines(3), out, Refiner(model, settings))
    [row] = [row for row in rows_of(out) if row["answer"] is None]
    assert row["error"]["code"] == "invalid_citations"
    assert "unknown_id" in [issue["code"] for issue in row["issues"]]
    assert row["rejected"] == "<answer>Perch doubled.</answer>"


@pytest.mark.parametrize(
    ("reply", "code"),
    [("<answer><snippet id=S9>Perch doubled.</snippet></answer>", "invalid_citations"), ("", "empty")],
)
def test_what_a_failed_row_consumed_is_in_it_and_in_the_report(out: Path, reply: str, code: str) -> None:
    settings = RefinerSettings.model_validate({"on_invalid": "raise"})
    model = ScriptedModel(reply=lambda call: reply if number_in(call) == 1 else GOOD)
    report = refine_file(lines(3), out, Refiner(model, settings))
    used = [row["usage"] for row in rows_of(out)]
    assert report.errors == {code: 1}
    assert report.usage is not None
    assert report.usage.prompt_tokens == sum(usage["prompt_tokens"] for usage in used)
    assert report.usage.calls == len(model.calls) == sum(usage["calls"] for usage in used)


def test_a_row_that_got_no_reply_leaves_what_the_others_consumed_known(out: Path) -> None:
    report = refine_file(lines(3), out, Refiner(failing(1, code="deadline")))
    assert [row["usage"] for row in rows_of(out) if row["id"] == 1] == [None]
    assert report.usage is not None
    assert (report.usage.calls, report.usage.prompt_tokens is None) == (2, False)


def changed_rows(source: io.BytesIO, out: Path) -> tuple[BatchReport, list[tuple[int, object]]]:
    told = list[tuple[int, object]]()
    watch = Watch(changed=lambda *row: told.append(row))
    return refine_file(source, out, Refiner(failing()), watch=watch), told


def test_rows_that_ask_something_else_than_they_did_are_counted_and_named_and_not_asked(out: Path) -> None:
    refine_file(lines(4), out, Refiner(failing(2, code="deadline")))
    before = out.read_bytes()
    again, told = changed_rows(lines(4), out)
    assert (again.done_before, again.changed, told) == (4, 0, [])
    edited = io.BytesIO(lines(4).read().replace(b"Question 1?", b"Who?").replace(b"Question 2?", b"Is it Question 2?"))
    report, told = changed_rows(edited, out)
    assert (report.done_before, report.changed, report.answered, told) == (4, 2, 0, [(2, 1), (3, 2)])
    assert out.read_bytes() == before
    assert BatchReport(answered=3, changed=1).is_good is False
    retried = refine_file(io.BytesIO(edited.getvalue()), out, Refiner(failing()), retry_failed=True)
    assert (retried.changed, retried.answered) == (1, 1)  # the failed one is asked what it asks now


def test_rows_without_ids_that_come_in_another_order_are_noticed(out: Path) -> None:
    rows = [json.dumps({**row, "id": None}).encode() + b"\n" for row in requests(3)]
    refine_file(io.BytesIO(b"".join(rows)), out, Refiner(failing()))
    report, told = changed_rows(io.BytesIO(b"".join(reversed(rows))), out)
    assert (report.changed, told) == (2, [(1, None), (3, None)])  # the middle one asks the same
    report, told = changed_rows(io.BytesIO(rows[0] + b"{torn\n" + rows[2]), out)
    assert (report.changed, report.failed, told) == (1, 0, [(2, None)])


@pytest.mark.parametrize("code", ["unauthorized", "no_such_model", "budget"])
def test_what_fails_every_row_stops_the_run_and_leaves_the_rest_undone(out: Path, code: str) -> None:
    model = failing(20, code=code)
    with pytest.raises(CallError, match="no luck") as failure:
        refine_file(lines(200), out, Refiner(model), concurrency=4)
    assert failure.value.code == code
    assert all(row["answer"] for row in rows_of(out))
    assert 15 < len(model.calls) < 40
    refine_file(lines(200), out, Refiner(failing()))
    assert sorted(row["id"] for row in rows_of(out)) == [*range(200)]


def test_a_server_that_is_not_there_at_the_start_stops_the_run_at_once(out: Path) -> None:
    model = failing(*range(100))
    with pytest.raises(CallError) as failure:
        refine_file(lines(100), out, Refiner(model), concurrency=4)
    assert failure.value.code == "unreachable"
    assert len(model.calls) <= 4
    assert rows_of(out) == []


def test_a_server_that_goes_away_stops_the_run_and_fails_no_row(out: Path) -> None:
    with pytest.raises(CallError):
        refine_file(lines(100), out, Refiner(failing(*range(50, 100))), concurrency=4)
    assert sorted(row["id"] for row in rows_of(out)) == [*range(50)]
    report = refine_file(lines(100), out, Refiner(failing()))
    assert (report.answered, report.is_good) == (50, True)
    assert sorted(row["id"] for row in rows_of(out)) == [*range(100)]


def test_an_answer_that_comes_when_the_run_has_stopped_does_not_fail_the_others(out: Path) -> None:
    class AtOnce(ScriptedModel):
        """Answers row 0, fails two rows, and then another in the moment in which it answers a last one."""

        async def complete(self, call: ChatCall) -> ChatReply:
            number = number_in(call)
            if number == 3:
                await both.wait()
            elif number == 4:
                both.set()
                await asyncio.sleep(0)
            return await super().complete(call)

    both = asyncio.Event()
    model = AtOnce(reply=fails(1, 2, 3))
    with pytest.raises(CallError):
        refine_file(lines(9), out, Refiner(model), concurrency=2)
    assert [(row["id"], row["error"]) for row in rows_of(out)] == [(0, None), (4, None)]


def test_a_row_that_found_no_server_fails_when_a_later_one_finds_it(out: Path) -> None:
    refine_file(lines(4), out, Refiner(failing(1, 2)), concurrency=1)
    assert [(row["id"], row["error"] and row["error"]["code"]) for row in rows_of(out)] == [
        (0, None), (1, "unreachable"), (2, "unreachable"), (3, None),
    ]  # fmt: skip


def test_the_last_rows_fail_if_they_are_too_few_to_stop_the_run(out: Path) -> None:
    report = refine_file(lines(4), out, Refiner(failing(2, 3)), concurrency=1)
    assert (report.answered, report.errors) == (2, {"unreachable": 2})
    assert sorted(row["id"] for row in rows_of(out)) == [*range(4)]


@pytest.mark.parametrize(("code", "n_failed"), [("server_error", 3), ("deadline", 1), ("unauthorized", 0)])
def test_only_what_came_from_the_server_shows_that_it_is_there(out: Path, code: str, n_failed: int) -> None:
    codes = {1: "unreachable", 2: "unreachable", 3: code, 4: "unreachable", 5: "unreachable", 6: "unreachable"}

    def reply(call: ChatCall) -> Scripted:
        return CallError("no luck", codes[number_in(call)]) if number_in(call) in codes else GOOD

    with pytest.raises(CallError):
        refine_file(lines(9), out, Refiner(ScriptedModel(reply=reply)), concurrency=1)
    assert len([row for row in rows_of(out) if row["error"]]) == n_failed


def test_cancelled_while_the_server_may_be_gone_a_run_leaves_those_rows_undone(out: Path) -> None:
    class Stuck(ScriptedModel):
        async def complete(self, call: ChatCall) -> ChatReply:
            if number_in(call) == 3:
                stuck.set()
                await asyncio.Event().wait()
            return await super().complete(call)

    stuck = asyncio.Event()

    async def run() -> None:
        model = Stuck(reply=fails(1, 2))
        task = asyncio.create_task(arefine_file(lines(9), out, Refiner(model), concurrency=1))
        await stuck.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert [row["id"] for row in rows_of(out)] == [0]
    assert refine_file(lines(9), out, Refiner(failing())).answered == 8


def test_a_server_that_is_away_now_and_then_fails_those_rows_only(out: Path) -> None:
    report = refine_file(lines(100), out, Refiner(failing(*range(1, 100, 3))), concurrency=1)
    assert (report.answered, report.errors) == (67, {"unreachable": 33})


def test_every_code_that_stops_a_run_exists() -> None:
    from citerefine.refiner.batch.batch import FATAL

    assert CALL_FAILURES.keys() > FATAL


def test_cancelled_a_run_keeps_what_is_finished_and_nothing_half_done(out: Path) -> None:
    model = ScriptedModel(reply=lambda call: GOOD, delay=0.002)

    async def run() -> None:
        done = asyncio.Event()
        watch = Watch(progress=lambda report: done.set() if report.answered >= 20 else None)
        task = asyncio.create_task(arefine_file(lines(200), out, Refiner(model), concurrency=3, watch=watch))
        await done.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())
    assert 20 <= len(rows_of(out)) <= len(model.calls) <= 30
    report = refine_file(lines(200), out, Refiner(ScriptedModel(reply=lambda call: GOOD)))
    assert report.answered + report.done_before == 200


def test_who_watches_is_told_of_every_row(out: Path) -> None:
    told, refused = list[tuple[int, int]](), list[tuple[int, str]]()
    watch = Watch(lambda report: told.append((report.answered, report.failed)), lambda *what: refused.append(what))
    source = io.BytesIO(lines(2).read() + b"{bad\n")
    refine_file(source, out, Refiner(failing()), concurrency=1, watch=watch)
    assert told == [(0, 0), (1, 0), (2, 0), (2, 1)]
    [(line, reason)] = refused
    assert (line, reason.startswith("not JSON")) == (3, True)


def test_rows_from_anywhere_can_be_refined_without_files() -> None:
    written = list[dict[str, Any]]()
    rows = [*requests(3), {"id": 1, "question": "Again?", "snippets": []}]
    report = asyncio.run(refine_rows(rows, Refiner(failing()), written.append, concurrency=2))
    assert (report.rows, report.answered, report.errors) == (4, 3, {"duplicate_id": 1})
    assert sorted(row["id"] for row in written) == [0, 1, 1, 2]


def test_a_failure_of_the_disk_ends_the_run_and_is_not_taken_for_a_failed_row() -> None:
    def write(row: dict[str, Any]) -> None:
        raise InputError("the disk is full")

    with pytest.raises(InputError, match="the disk is full"):
        asyncio.run(refine_rows(requests(3), Refiner(failing()), write))


@pytest.mark.parametrize("concurrency", [0, -1])
def test_a_concurrency_of_nothing_is_refused(out: Path, concurrency: int) -> None:
    with pytest.raises(InputError, match="must be 1 or more"):
        refine_file(lines(1), out, Refiner(), concurrency=concurrency)


def test_memory_does_not_grow_with_the_rows(out: Path) -> None:
    """How far a generator of rows runs ahead of what is answered shows how many rows are held."""
    ahead = list[int]()
    reports = list[BatchReport]()

    def source() -> Iterator[dict[str, Any]]:
        for number, row in enumerate(requests(300)):
            ahead.append(number - (reports[-1].answered if reports else 0))
            yield row

    keep: Callable[[BatchReport], None] = reports.append
    rows = refine_rows(source(), Refiner(failing()), lambda row: None, concurrency=4, watch=Watch(progress=keep))
    asyncio.run(rows)
    assert max(ahead) <= 4 + 4 + 2

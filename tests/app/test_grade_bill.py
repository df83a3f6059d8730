"""The bill of a graded run holds for all requests, also of runs that were stopped, and says what nobody knows."""

import itertools
import json
import os
import re
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.app.test_grade import CITEREFINE, RUBRIC, environment, grade, run_row
from tests.billing_server import BillingServer
from tests.faulty_server import Behaviour, FaultyServer, Line, Request, says, status
from tests.judges.rubric.chat.grading import by_words, server_by

from citerefine.app.grade_bill import bill, bill_parts, shared_with
from citerefine.app.verdicts import make_folder
from citerefine.refiner.chat.endpoint import Prices
from citerefine.refiner.chat.journal_events import Event, Totals
from citerefine.refiner.chat.journal_file import JournalFile
from citerefine.refiner.records import Usage

FLAT = Prices(prompt=1_000_000, completion=1_000_000)
"""A dollar a token."""
JUDGE = says(server_by(by_words))


def totals(known: Usage, most: Usage, **counts: int) -> Totals:
    values = {"requests": 9, "ok": 4, "failed": 1, "unknown": 0, "under_way": 0, "damaged": 0, **counts}
    return Totals(known=known, most=most, **values)


KNOWN = Usage(prompt_tokens=1_000, completion_tokens=10, cost=2.5, calls=5)
MOST = Usage(prompt_tokens=500, completion_tokens=90, calls=4)
NONE = Usage(prompt_tokens=0, completion_tokens=0, cost=0.0, calls=0)


def test_what_nobody_knows_is_counted_from_nothing_to_its_most() -> None:
    said = ", ".join(bill_parts(totals(KNOWN, MOST, unknown=4), FLAT))
    assert "9 requests so far, 1,000 to 1,500 tokens of prompts, 10 to 100 of replies" in said
    assert "2.5000 to 592.5000 dollars" in said
    assert "4 requests ended without saying what they used" in said
    assert "under way" not in said


def test_without_prices_the_dollars_of_unknown_requests_are_left_open() -> None:
    assert "at least 2.5000 dollars" in bill_parts(totals(KNOWN, MOST, unknown=4), None)
    assert "2.5000 dollars" in bill_parts(totals(KNOWN, NONE), None)
    unpriced = KNOWN.model_copy(update={"cost": None})
    assert not any("dollars" in part for part in bill_parts(totals(unpriced, MOST, unknown=4), None))
    assert "1010.0000 dollars" in bill_parts(totals(unpriced, NONE), FLAT)


def test_requests_of_other_processes_are_under_way_and_not_unknown() -> None:
    said = bill_parts(totals(KNOWN, MOST, unknown=4, under_way=3), FLAT)
    assert "3 requests under way in other processes" in said
    assert any(part.startswith("1 request ended without") for part in said)
    assert not any("ended" in part for part in bill_parts(totals(KNOWN, MOST, unknown=3, under_way=3), FLAT))


def test_a_request_that_another_process_has_sent_is_under_way(tmp_path: Path) -> None:
    with closing(JournalFile(tmp_path / "calls.db")) as other:
        other.add(Event("k", "1", "sent", usage=Usage(prompt_tokens=5, completion_tokens=6)))
        said = bill(tmp_path / "calls.db")
    under_way = "1 request under way in other processes"
    assert said.endswith(f"1 request so far, 0 to 5 tokens of prompts, 0 to 6 of replies, {under_way}")
    assert bill(tmp_path / "calls.db").endswith("1 request ended without saying what they used (0 to their most)")


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds run.jsonl with twelve answers, and rubric.toml."""
    (tmp_path / "run.jsonl").write_text("".join(json.dumps(run_row(number)) + "\n" for number in range(12)))
    (tmp_path / "rubric.toml").write_text(RUBRIC)
    return tmp_path


def command(server: FaultyServer | BillingServer, *more: str) -> list[str]:
    return ["run.jsonl", "-r", "rubric.toml", "-j", server.model, "-o", "g.jsonl", "--no-self-test", *more]


def turns(*behaviours: Behaviour) -> Callable[[Request, Line], None]:
    """One behaviour after another, over and over."""
    rounds = itertools.cycle(behaviours)
    return lambda request, line: next(rounds)(request, line)


def test_the_bill_spans_what_the_server_charged_though_replies_broke(folder: Path) -> None:
    kinds = ["500", "reset", "truncated"]
    with BillingServer(folder / "bill", seed=3, share=0.6, kinds=kinds, say=server_by(by_words)) as server:
        done = grade(*command(server), cwd=folder, CITEREFINE_PRICES="1,4")
        charged = sum(line.dollars for line in server.bill().values())
    found = re.search(r"([\d.]+) to ([\d.]+) dollars", done.stderr)
    assert found, done.stderr
    assert float(found[1]) < charged < float(found[2])


def test_a_run_that_a_budget_stops_shows_its_bill_and_keeps_to_it_though_requests_are_sent_again(folder: Path) -> None:
    with FaultyServer(turns(status(500), JUDGE), persona="vllm") as server:
        stopped = grade(*command(server, "--budget-calls", "5", "--concurrency", "1"), cwd=folder)
        assert sum("Lake Orven" in chat.prompt for chat in server.chats) == 5
    assert stopped.returncode == 1
    assert re.search(r"g\.jsonl\.calls\.db: \d requests so far", stopped.stderr)
    assert "pays for none of them again; what failed, was cut off or was under way is asked again" in stopped.stderr


def test_a_run_that_ctrl_c_stops_shows_its_bill(folder: Path) -> None:
    with FaultyServer(says(server_by(by_words), after=0.2), persona="vllm") as server:
        line = [CITEREFINE, "grade", *command(server, "--concurrency", "1")]
        process = subprocess.Popen(line, cwd=folder, env=environment(folder), stdout=-1, stderr=-1)
        until = time.monotonic() + 30
        while not (folder / "g.jsonl").exists() or not (folder / "g.jsonl").stat().st_size:
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert re.search(rb"g\.jsonl\.calls\.db: \d+ requests so far", errors)


def test_a_run_that_asked_nothing_makes_no_file_of_calls(folder: Path) -> None:
    done = grade("run.jsonl", "-r", "rubric.toml", "-j", "openai:m@http://127.0.0.1:9/v1", "-o", "g.jsonl", cwd=folder)
    assert done.returncode == 1
    assert not (folder / "g.jsonl.calls.db").exists()


def test_a_file_of_calls_that_others_can_open_is_told_and_left_as_it_is(folder: Path) -> None:
    calls = folder / "g.jsonl.calls.db"
    calls.touch(mode=0o644)
    os.chmod(calls, 0o644)
    with FaultyServer(JUDGE) as server:
        first = grade(*command(server), cwd=folder)
        assert "was made for others too (mode 644)" in first.stderr
        os.chmod(calls, 0o600)
        assert "made for others" not in grade(*command(server), cwd=folder).stderr
    assert shared_with(folder / "none.db") == ""


def test_the_folder_of_calls_is_its_owners_alone(tmp_path: Path) -> None:
    make_folder(tmp_path / "cache" / "calls.db")
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


def test_the_cache_that_a_run_makes_is_its_owners_alone(folder: Path) -> None:
    with FaultyServer(JUDGE) as server:
        done = grade("run.jsonl", "-r", "rubric.toml", "-j", server.model, "--no-self-test", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE((folder / "cache").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "cache" / "calls.db").stat().st_mode) == 0o600

"""OUT: whatever happened to it, the next run goes on, and every row is in it once."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citerefine.refiner.batch import row_file
from citerefine.refiner.batch.batch import refine_file
from citerefine.refiner.batch.journal import Journal
from citerefine.refiner.batch.ledger import Ledger, id_key
from citerefine.refiner.batch.requests import asked_digest
from citerefine.refiner.errors import InputError
from citerefine.refiner.refiner import Refiner

ROW = {"id": "a", "question": "x", "answer": "<answer>y</answer>", "model": "m", "error": None}
FAILED = {"id": "b", "question": "x", "answer": None, "model": "m", "error": {"code": "deadline", "message": "late"}}
REQUESTS = [
    b'{"id": "a", "question": "Did perch double?", "snippets": [{"text": "Perch doubled in 2010 or so."}]}\n',
    b'{"question": "Did ice come late? \xc3\xa9\xe2\x80\xa8", "snippets": [{"text": "Ice came late in 2011."}]}\n',
    b"\n",
    b"{broken\n",
    b'{"id": "a", "question": "Again?", "snippets": []}\n',
    b'{"id": 7, "question": "", "snippets": []}\n',
    b'{"id": "b", "question": "Half a character: \\ud83d", "snippets": []}',
]
KEYS = [("a", None), (None, 2), (None, 4), ("a", 5), (7, 6), ("b", None)]
"""Id and line of the rows that come out."""


def write_lines(path: Path, *rows: dict[str, Any]) -> bytes:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path.read_bytes()


def open_journal(path: Path, model: str = "m", **how: bool) -> tuple[int, int, int]:
    with Ledger() as ledger, Journal(path, model, ledger, **how) as held:
        return held.found


def keys(path: Path) -> list[tuple[object, object]]:
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    return sorted(((row["id"], row.get("line")) for row in rows), key=KEYS.index)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds in.jsonl, and whole.jsonl that a run made of it without interruption."""
    folder = tmp_path_factory.mktemp("journal")
    (folder / "in.jsonl").write_bytes(b"".join(REQUESTS))
    refine_file(folder / "in.jsonl", folder / "whole.jsonl", Refiner(), concurrency=1)
    return folder


def test_a_whole_run_has_each_row_once(folder: Path) -> None:
    assert keys(folder / "whole.jsonl") == KEYS


@given(st.data())
@settings(max_examples=120)
def test_cut_at_any_byte_a_run_is_completed_to_the_same_rows(folder: Path, data: st.DataObject) -> None:
    whole, out = (folder / "whole.jsonl").read_bytes(), folder / "out.jsonl"
    size = data.draw(st.integers(0, len(whole)))
    out.write_bytes(whole[:size])
    before = whole[:size].count(b"\n")
    report = refine_file(folder / "in.jsonl", out, Refiner(), concurrency=data.draw(st.integers(1, 3)))
    assert sorted(out.read_bytes().splitlines()) == sorted(whole.splitlines())
    assert out.read_bytes().startswith(whole[: whole[:size].rfind(b"\n") + 1])
    assert (report.rows, report.not_in_input) == (6, 0)
    assert report.done_before in (before, before + 1)  # a last row that lacks nothing but its end is kept


def test_a_row_that_lacks_only_its_end_is_kept(folder: Path) -> None:
    whole, out = (folder / "whole.jsonl").read_bytes(), folder / "out.jsonl"
    for end in (at for at, byte in enumerate(whole) if byte == ord("\n")):
        out.write_bytes(whole[:end])
        report = refine_file(folder / "in.jsonl", out, Refiner(), concurrency=1)
        assert out.read_bytes() == whole
        assert report.done_before == whole[: end + 1].count(b"\n")


@given(st.data())
@settings(max_examples=40)
def test_failed_rows_are_asked_again_however_the_last_run_ended(folder: Path, data: st.DataObject) -> None:
    whole, out = (folder / "whole.jsonl").read_bytes(), folder / "out.jsonl"
    lines = whole.splitlines(keepends=True)
    kept = data.draw(st.lists(st.sampled_from(lines), unique=True))
    out.write_bytes(b"".join(kept) + data.draw(st.sampled_from([b"", b'{"id": "b", "quest'])))
    report = refine_file(folder / "in.jsonl", out, Refiner(), retry_failed=True)
    assert sorted(out.read_bytes().splitlines()) == sorted(whole.splitlines())
    assert report.retried == sum(b'"answer": null' in line for line in kept)
    assert report.failed_before == 0


def test_what_is_there_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    assert open_journal(path) == (0, 0, 0)
    before = write_lines(path, ROW, FAILED)
    assert open_journal(path) == (1, 1, 0)
    assert path.read_bytes() == before
    assert open_journal(path, retry_failed=True) == (1, 0, 1)
    assert path.read_bytes() == before.splitlines(keepends=True)[0]
    assert [*tmp_path.iterdir()] == [path]


def test_what_its_rows_were_asked_is_told_where_they_say_it(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    write_lines(path, ROW, {"id": 7, "line": 2, "answer": None, "error": {"code": "no_question", "message": "none"}})
    with Ledger() as ledger, Journal(path, "m", ledger):
        assert ledger.asked(id_key("a")) == asked_digest({"question": "x"})
        assert (ledger.asked(id_key(7)), ledger.asked(id_key("b"))) == (None, None)


def test_taking_failed_rows_out_keeps_the_mode_of_the_file_and_follows_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "out.jsonl", tmp_path / "link.jsonl"
    write_lines(target, ROW, FAILED)
    target.chmod(0o640)
    link.symlink_to(target)
    open_journal(link, retry_failed=True)
    assert link.is_symlink()
    assert (stat.S_IMODE(target.stat().st_mode), len(target.read_bytes().splitlines())) == (0o640, 1)


def test_killed_while_failed_rows_are_taken_out_the_file_is_as_before(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    before = write_lines(path, ROW, FAILED)
    program = f"""
import os, signal
from citerefine.refiner.batch.journal import Journal
from citerefine.refiner.batch.ledger import Ledger
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
Journal({str(path)!r}, "m", Ledger(), retry_failed=True)
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == -9
    assert path.read_bytes() == before
    assert open_journal(path, retry_failed=True) == (1, 0, 1)
    assert [*tmp_path.iterdir()] == [path]


def test_a_disk_that_fills_up_meanwhile_leaves_the_file_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.jsonl"
    before = write_lines(path, ROW, FAILED)

    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        open_journal(path, retry_failed=True)
    assert path.read_bytes() == before
    assert [*tmp_path.iterdir()] == [path]


def test_nobody_else_can_write_meanwhile_also_after_failed_rows_were_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    for retry_failed in (False, True):
        write_lines(path, ROW, FAILED)
        with Ledger() as ledger, Journal(path, "m", ledger, retry_failed=retry_failed) as held:
            with pytest.raises(InputError, match="another process is writing"):
                open_journal(path)
            held.write({"id": "c", "answer": None})
        assert path.read_text().endswith('{"id": "c", "answer": null}\n')


def test_rows_of_another_model_are_not_mixed(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    before = write_lines(path, FAILED, ROW)
    with pytest.raises(InputError, match=r"rows of the model 'm' \(line 1\), and this run is with 'n'"):
        open_journal(path, "n")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"my notes\n", 1),
        (b"my notes without an end", 1),
        (b'{"id": "a", "question": "x", "snippets": []}\n', 1),
        (b'{"id": "a", "answer": null}\n\n', 2),
        (b'{"id": "a", "answer": null}\nnotes', 2),
        (b'{"id": "a", "question": "a request"}', 1),
        (b"\0" * 100, 1),
    ],
)
def test_a_file_that_holds_something_else_stays_as_it_is(tmp_path: Path, data: bytes, line: int) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(data)
    with pytest.raises(InputError, match=rf"out\.jsonl, line {line}, is no row that `refine` wrote"):
        open_journal(path)
    assert path.read_bytes() == data


def test_a_line_that_is_too_long_to_be_ours_is_not_taken_for_a_torn_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_file, "MAX_LINE_BYTES", 200)
    before = write_lines(tmp_path / "out.jsonl", ROW, {**ROW, "id": "b", "x": "x" * 500}, {**ROW, "id": "c"})
    with pytest.raises(InputError, match="line 2, is no row"):
        open_journal(tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == before


def test_what_is_read_cannot_be_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(REQUESTS[0])
    os.link(path, tmp_path / "out.jsonl")
    with path.open("rb") as file:
        for source in (path, file):
            with pytest.raises(InputError, match="is the file that is read"):
                refine_file(source, tmp_path / "out.jsonl", Refiner())
    assert path.read_bytes() == REQUESTS[0]

"""OUT is whole, or not there."""

import os
from pathlib import Path

import pytest

from citerefine.judges.runs.score_writer import ScoreWriter, part_of
from citerefine.refiner.errors import InputError


def test_out_is_there_when_all_is_written_and_not_before(tmp_path: Path) -> None:
    out = tmp_path / "scores.jsonl"
    out.write_text("old\n")
    with ScoreWriter(out) as writer:
        writer.write(b"one")
        assert (out.read_text(), part_of(out).read_text()) == ("old\n", "one\n")
        writer.write(b"two")
        writer.finish()
    assert (out.read_text(), [path.name for path in tmp_path.iterdir()]) == ("one\ntwo\n", ["scores.jsonl"])


def test_what_a_run_that_stopped_left_is_written_anew(tmp_path: Path) -> None:
    out = tmp_path / "scores.jsonl"
    with ScoreWriter(out) as writer:
        writer.write(b"half")
    assert (out.exists(), part_of(out).read_text()) == (False, "half\n")
    with ScoreWriter(out) as writer:
        writer.write(b"whole")
        writer.finish()
    assert out.read_text() == "whole\n"


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    with ScoreWriter(tmp_path / "scores.jsonl"), pytest.raises(InputError, match="another process is writing"):
        ScoreWriter(tmp_path / "scores.jsonl")


def test_a_link_leads_to_its_target(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with ScoreWriter(tmp_path / "link") as writer:
        writer.write(b"one")
        writer.finish()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "one\n"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "missing" / "scores.jsonl"):
        with pytest.raises(InputError):
            ScoreWriter(path)

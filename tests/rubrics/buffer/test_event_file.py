"""The file of events is ours alone, whole, and honest about what was taken back."""

import os
from pathlib import Path

import pytest
from tests.rubrics.buffer.rollouts import BASE, FIXED, SETTINGS, SPLIT

from citerefine.rubrics.buffer.event_file import EventFile
from citerefine.rubrics.buffer.events import Score
from citerefine.rubrics.buffer.rubric_buffer import RubricBuffer
from citerefine.rubrics.errors import RubricError


def event(step: int) -> Score:
    return Score(query="q", key=FIXED[0].key, step=step, time=1.5, reason="so", judge="j", values=SPLIT)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with five events."""
    with EventFile(tmp_path / "events.jsonl", SETTINGS) as log:
        log.append([event(step) for step in range(5)])
    return tmp_path / "events.jsonl"


def test_events_come_back_and_a_rewind_takes_back_what_stays_in_the_file(path: Path) -> None:
    with EventFile(path) as log:
        assert log.settings == SETTINGS
        log.rewind(2)
        log.append([event(7)])
        log.rewind(3)
        log.append([event(8)])
        assert [one.step for one in log.events()] == [0, 1, 7, 8]
    assert path.read_bytes().count(b"\n") == 1 + 5 + 1 + 1 + 1 + 1


def test_two_processes_never_write_one_file(path: Path) -> None:
    with EventFile(path), pytest.raises(RubricError, match="another process writes"):
        EventFile(path)
    EventFile(path).close()


def test_other_settings_and_none_for_a_new_file_are_refused(path: Path) -> None:
    with pytest.raises(RubricError, match=r"was made with other settings \(most_share\)"):
        EventFile(path, SETTINGS.model_copy(update={"most_share": 0.1}))
    with pytest.raises(RubricError, match="is new, and a new file of events needs settings"):
        EventFile(path.with_name("new.jsonl"))


@pytest.mark.parametrize("content", [b'{"id": "a"}\n', b"notes", b"\x00" * 100, b'{"crc":"00000000","header":{}}\n'])
def test_a_file_of_something_else_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(RubricError, match=r"is no file of rubric events|is damaged"):
        EventFile(path, SETTINGS)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line.replace(b'"step":3', b'"step":2'),
        lambda line: b"\x00" * (len(line) - 1) + b"\n",
        lambda line: b"[" * 50_000 + b"\n",
        lambda line: b"",
        lambda line: line[:-20] + b"\n",
    ],
)
def test_damage_before_the_end_is_an_error_and_never_a_gap(path: Path, damage: object) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    lines[4] = damage(lines[4])  # type: ignore[operator]
    path.write_bytes(b"".join(lines))
    with EventFile(path) as log, pytest.raises(RubricError, match="line 5, is damaged"):
        [*log.events()]


def test_a_full_disk_leaves_whole_events_and_an_unchanged_buffer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RubricBuffer.open(tmp_path / "events.jsonl", SETTINGS) as buffer:
        buffer.begin("q", BASE, step=0, time=0.0)
        before, whole = buffer.state, (tmp_path / "events.jsonl").read_bytes()
        really = os.write
        monkeypatch.setattr(os, "write", lambda descriptor, data: really(descriptor, data[:10]))
        with pytest.raises(RubricError, match="No space left"):
            buffer.score("q", {FIXED[0].key: SPLIT}, judge="j", step=1, time=0.0)
        assert (buffer.state, (tmp_path / "events.jsonl").read_bytes()) == (before, whole)

"""Files of whole lines: one writer, nothing torn in the middle."""

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from citerefine.refiner.errors import InputError
from citerefine.refiner.recording.line_file import LineFile


def test_lines_are_appended_whole_from_any_number_of_threads(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    with LineFile(path) as lines:

        def write(letter: bytes) -> None:
            for _ in range(20):
                lines.append(letter * 5000)

        threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(path.read_bytes().splitlines()) == [letter * 5000 for letter in (b"a", b"b", b"c") for _ in range(20)]


def test_a_second_writer_is_kept_out_until_the_first_is_done(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    with LineFile(path), pytest.raises(InputError, match="another process is writing"):
        LineFile(path)
    LineFile(path).close()


def test_the_lock_ends_with_the_process_that_holds_it(tmp_path: Path) -> None:
    program = f"""
import os, signal
from citerefine.refiner.recording.line_file import LineFile
LineFile({str(tmp_path / "lines")!r}).append(b"one")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == -9
    with LineFile(tmp_path / "lines") as lines:
        lines.append(b"two")
    assert (tmp_path / "lines").read_bytes() == b"one\ntwo\n"


def test_what_takes_only_a_part_of_a_line_gets_none_of_it(tmp_path: Path) -> None:
    program = f"""
import resource, signal
from citerefine.refiner.errors import InputError
from citerefine.refiner.recording.line_file import LineFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
lines = LineFile({str(tmp_path / "lines")!r})
lines.append(b"x" * 60)
try:
    lines.append(b"y" * 60)
except InputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "cannot be written: No space left on device; name another file" in done.stdout
    assert (tmp_path / "lines").read_bytes() == b"x" * 60 + b"\n"


def test_a_file_that_is_replaced_while_it_is_opened_is_not_written_in_the_dark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, fresh = tmp_path / "lines", tmp_path / "fresh"
    path.write_bytes(b"old\n")
    fresh.write_bytes(b"new\n")
    lock = fcntl.flock

    def replace_and_lock(descriptor: int, how: int) -> None:
        if fresh.exists():
            fresh.replace(path)
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", replace_and_lock)
    with LineFile(path) as lines:
        lines.append(b"mine")
    assert path.read_bytes() == b"new\nmine\n"


@pytest.mark.parametrize("name", ["", "no/such/folder", "pipe"])
def test_what_is_no_file_is_refused_with_the_reason(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"cannot be written: .+; name another file"):
        LineFile(tmp_path / name)

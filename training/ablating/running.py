"""Runs the runs of an ablation one after another, each in a process of its own.

In: planned runs, the command that trains by a recipe. Out: the folder of each run; beside it its recipe, what it said,
and why it failed if it did. What is done is not run again, what was interrupted goes on. Ctrl-C, or the signal by which
a cluster takes a machine back, lets the run that is at it save its step, and begins no other. A process for each keeps
memory, random numbers and judges apart. Not here: the table (report.py).
"""

import json
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import IO, Any, Final

from citerefine.refiner.errors import InputError
from citerefine.training.ablating.grid import PlannedRun
from citerefine.training.ablating.outcome import check_same, read_outcome
from citerefine.training.data.building.whole_file import write_whole

Tell = Callable[[str], None]

_STOPPED: Final = 130
_TAIL: Final = 5
"""Last lines of what a run said that its reason is looked for in."""
_PROGRAM: Final = "citerefine: "
"""What messages of the command line begin with."""
_MOST_REASON: Final = 500
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def run_all(runs: Sequence[PlannedRun], command: Sequence[str], *, resume: bool, tell: Tell) -> bool:
    """Runs what is not done. Returns whether it came to the end of the list.

    Args:
        runs: in the order in which they are to be run.
        command: what trains, before a recipe's file, `--out`, a folder and `--resume`; what it prints is passed on.
        resume: whether there may be runs already.
        tell: gets a line now and then.

    Raises:
        InputError: if there are runs and `resume` is not given, or a file cannot be written.
        StateError: if a run that is there was made by another recipe.
    """
    if not resume and any(run.file.exists() or run.folder.exists() for run in runs):
        raise InputError(
            f"{runs[0].folder.parent.parent} holds runs already; go on with them with --resume, or name another folder "
            "with --out"
        )
    for run in runs:
        check_same(run)
    with _Stopping(tell) as stopping:
        for number, run in enumerate(runs, start=1):
            if stopping.stopped:
                return False
            place = f"run {number} of {len(runs)}: {run}"
            if read_outcome(run).status == "done":
                tell(f"{place}: done before")
                continue
            tell(f"{place}: {run.folder}")
            code = _run(run, command, stopping)
            tell(f"{place}: {_became(run, code)}")
            if code == _STOPPED:
                return False
    return True


def _became(run: PlannedRun, code: int) -> str:
    if code == _STOPPED:
        return "stopped"
    outcome = read_outcome(run)
    if outcome.status == "failed":
        return f"FAILED: {outcome.reason}"
    known = {name: value for name, value in outcome.figures.items() if value is not None}
    return ", ".join(f"{name} {value:.3f}" for name, value in known.items()) or outcome.status


def _run(run: PlannedRun, command: Sequence[str], stopping: "_Stopping") -> int:
    """Exit code of the run, negative if a signal ended it."""
    said = deque[str](maxlen=_TAIL)
    try:
        run.folder.parent.mkdir(parents=True, exist_ok=True)
        run.failure.unlink(missing_ok=True)
        write_whole(run.file, run.recipe.resolved())  # half of it would keep the ablation from being gone on with
        with run.log.open("a", encoding="utf-8") as log, _started(run, command) as process, stopping.of(process):
            assert process.stdout is not None
            _pass_on(process.stdout, log, said)
            code = process.wait()
        if code and stopping.stopped:
            return _STOPPED  # it was not far enough to stop well; no fault of its own
        if code not in (0, _STOPPED):
            reason = _why(code, said)
            run.failure.write_text(json.dumps({"code": code, "reason": reason}, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise InputError(f"{run.folder.parent} cannot be written: {error.strerror}; name another with --out") from error
    return code


def _started(run: PlannedRun, command: Sequence[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*command, str(run.file), "--out", str(run.folder), "--resume"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # it hears of Ctrl-C once, from here, and not from the terminal as well
    )


def _pass_on(output: IO[str], log: IO[str], said: deque[str]) -> None:
    """To standard error and to the log, line by line."""
    for line in output:
        sys.stderr.write(line)
        sys.stderr.flush()
        log.write(line)
        log.flush()
        if line.strip():
            said.append(line.strip())


def _why(code: int, said: Sequence[str]) -> str:
    """The message of the command line, if it ended with one; else its last line, which that of a traceback is too."""
    told = [line.removeprefix(_PROGRAM) for line in said if line.startswith(_PROGRAM)]
    text = [*said, *told][-1:]
    ended = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
    return f"{ended}: {text[0] if text else 'it said nothing'}"[:_MOST_REASON]


class _Stopping:
    """Hears signals for as long as runs are run."""

    def __init__(self, tell: Tell) -> None:
        self.stopped = False
        self._tell = tell
        self._process: subprocess.Popen[str] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "_Stopping":
        self._before = {number: signal.signal(number, self._hear) for number in _SIGNALS}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def of(self, process: "subprocess.Popen[str]") -> Iterator[None]:
        """Signals go on to this process; it is ended if anything is raised here."""
        self._process = process
        if self.stopped:  # heard while it was started
            process.send_signal(signal.SIGINT)
        try:
            yield
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            self._process = None

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if not self.stopped:
            self._tell("stopping: no other run is begun")
        self.stopped = True
        if self._process is not None:
            self._process.send_signal(number)

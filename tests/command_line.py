"""Runs `citerefine` commands as processes of their own, without each of them loading the same modules again.

    done = citerefine("ask", "Did perch double?", cwd=folder, env=environment)

One process loads what commands load, once, and is forked for each command: it has the arguments, environment, working
folder and standard streams of a process that was started for it, ends as that would, and takes a tenth of the time.
What depends on how a process starts (signals, terminals, what a command loads) is tested with real starts.
"""

import atexit
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NoReturn

ROOT: Final = Path(__file__).parents[1]
LOADED: Final = (
    *(f"citerefine.app.{name}" for name in (
        "ask", "calibrate", "checkpoints", "cli", "commands", "compare", "compare_grades", "doctor", "grade", "index",
        "long_run", "refine", "rubrics_convert", "rubrics_generate", "rubrics_lint", "rubrics_show", "score", "walk",
    )),
    *(f"citerefine.judges.{name}" for name in (
        "chat.chat_judge", "lexical.lexical_judge", "report.comparison_page", "rubric.chat.chat_rubric_judge",
        "rubric.lexical.lexical_rubric_judge", "statistics.intervals", "table_judge",
    )),
    *(f"citerefine.refiner.{name}" for name in (
        "chat.client", "chat.journal", "chat_refiner", "refiner", "report.html_report", "report.markdown_report",
        "report.terminal",
    )),
    "httpx", "jinja2", "platformdirs", "rich.markdown", "typer.rich_utils",
)  # fmt: skip
"""What commands load, most of it when they need it."""
_STREAMS: Final = ("stdin", "stdout", "stderr")


def citerefine(
    *arguments: object, cwd: Path, env: Mapping[str, str], stdin: bytes = b"", timeout: float = 120.0
) -> subprocess.CompletedProcess[str]:
    """What a command came to. Raises TimeoutExpired where it takes longer than `timeout` seconds."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "stdin").write_bytes(stdin)
        command = ["citerefine", *map(str, arguments)]
        order = {
            "arguments": command,
            "cwd": str(cwd.absolute()),
            "env": dict(env),
            "streams": folder,
            "timeout": timeout,
        }
        code = _loaded().run(order)
        said = [(Path(folder) / name).read_bytes().decode() for name in _STREAMS[1:]]
    return subprocess.CompletedProcess(command, code, *said)


class _Loaded:
    """The process that has loaded everything."""

    def __init__(self) -> None:
        env = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from tests.command_line import serve; serve()"],  # no -m: it would be in messages
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=env,
        )

    def run(self, order: dict[str, Any]) -> int:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        code = json.loads(self._process.stdout.readline())
        if code is None:
            raise subprocess.TimeoutExpired(order["arguments"], order["timeout"])
        assert isinstance(code, int)
        return code

    def end(self) -> None:
        self._process.communicate()


@cache
def _loaded() -> _Loaded:
    loaded = _Loaded()
    atexit.register(loaded.end)
    return loaded


def serve() -> None:
    """Runs the commands that it reads, until there are no more."""
    orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    for name in LOADED:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a fork would lack the other threads"
    gc.freeze()
    for line in orders:
        order = json.loads(line)
        child = os.fork()
        if not child:
            _become(order)
        answers.write(json.dumps(_code_of(child, order["timeout"])).encode() + b"\n")


def _become(order: dict[str, Any]) -> NoReturn:
    """Runs the command as if this process had been started for it."""
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.argv = order["arguments"]
    for descriptor, name in enumerate(_STREAMS):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND if descriptor else os.O_RDONLY
        opened = os.open(Path(order["streams"]) / name, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    from citerefine.app.cli import main

    main()
    raise SystemExit


def _code_of(child: int, seconds: float) -> int | None:
    """The exit code of a process; None if it took too long, and was killed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None

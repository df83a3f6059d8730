"""The entry point: runs a command and turns whatever ends it into an exit code.

In: arguments and standard input. Out: answers on standard output, progress and messages on standard error, exit
code 0 (done), 1 (the work failed, or not all could be read), 2 (wrong use or bad input), 130 (Ctrl-C). No error
ends in a traceback but one that is a defect of this program. Not here: the commands (commands.py), loaded inside
`main`, so that Ctrl-C is understood from the start.
"""

import os
import sqlite3
import sys

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells expect it."""


def main() -> None:
    """Runs the command line."""
    try:
        code = _run()
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        _complain("interrupted")
    sys.exit(code if _flush_output() else 1)


def _run() -> int | str | None:
    from citerefine.app.commands import app
    from citerefine.refiner.errors import CiterefineError
    from citerefine.rubrics.errors import RubricError

    try:
        app()
    except SystemExit as exit:
        return exit.code
    except (CiterefineError, RubricError) as error:
        _complain(str(error))
        return error.exit_code
    except (OSError, sqlite3.Error) as error:
        _complain(f"{type(error).__name__}: {error}")
        return 1
    return 0


def _flush_output() -> bool:
    """Writes what is left. False if it could not be written; a reader of a pipe that has gone is no failure."""
    if sys.stdout is None:  # closed by whoever started us
        return True
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _complain(f"the output cannot be written: {error.strerror}")
        return False
    return True


def _complain(message: str) -> None:
    from citerefine.refiner.report.terminal_text import sanitise

    if sys.stderr is not None:
        print(f"citerefine: {sanitise(message)}", file=sys.stderr)

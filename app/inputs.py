"""Opens what a command reads rows from.

In: a path, or `-`. Out: the path, or standard input. Not here: reading rows (refiner/batch/rows.py).
"""

import os
import sys
from pathlib import Path
from typing import BinaryIO

from citerefine.refiner.errors import InputError


def rows_source(source: Path) -> Path | BinaryIO:
    """The file, or standard input for `-`. Raises InputError if that is closed."""
    if str(source) != "-":
        return source
    if sys.stdin is None:
        raise InputError("standard input is closed; name a file of rows")
    return os.fdopen(os.dup(sys.stdin.fileno()), "rb")  # a copy, that nobody closes while a thread waits for it

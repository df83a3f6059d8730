"""Reads the rubrics that a command is about.

In: a path, or `-` for standard input, and the name of a format. Out: rubrics; rows that `rubrics generate` could write
no criteria for are passed over and counted on standard error. Not here: reading them (citerefine.rubrics.loading).
"""

from pathlib import Path

from citerefine.app.inputs import rows_source
from citerefine.app.messages import counted, say
from citerefine.rubrics.loading import load_rubrics
from citerefine.rubrics.rubric import Rubric


def read_rubrics(source: Path, form: str) -> list[Rubric]:
    """The rubrics. Raises RubricError, or InputError if standard input is closed."""
    skipped = list[str]()
    opened = rows_source(source)
    try:
        return load_rubrics(opened, format=form, skipped=lambda line, reason: skipped.append(f"line {line}: {reason}"))
    finally:
        if not isinstance(opened, Path):
            opened.close()
        if skipped:
            rows = counted(len(skipped), "row")
            say(f"{source}: {rows} without a rubric passed over (the first, {skipped[0]})")

"""`citerefine rubrics lint`: what is wrong with rubrics.

In: files of rubrics. Out: a line for each finding on standard output, or with `--json` a list of {"file", "rubric"
(from 1), "id", "criterion", "code", "severity", "message"}; a summary on standard error. Exit code 1 if a finding is
an error. Not here: the checks (citerefine.rubrics.lint).
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import typer

from citerefine.app.messages import counted, say
from citerefine.app.rubrics_source import read_rubrics
from citerefine.refiner.report.terminal_text import one_line
from citerefine.rubrics.lint import lint
from citerefine.rubrics.rubric import Rubric

ERROR: Final = "error"


class Found(NamedTuple):
    """A finding and where it is."""

    file: str
    rubric: int
    """Its place in the file, from 1."""
    id: str
    """Of the rubric; empty if it has none."""
    criterion: str
    """Its id; empty if the rubric as a whole is meant."""
    code: str
    severity: str
    message: str


def run_lint(files: Sequence[Path], form: str, as_json: bool) -> None:
    """Prints all findings; exits with 1 if one is an error. Raises RubricError for a file that holds no rubrics."""
    loaded = {file: read_rubrics(file, form) for file in files}  # all of them before anything is printed
    found = [one for file, rubrics in loaded.items() for one in _findings(file, rubrics)]
    if as_json:
        print(json.dumps([one._asdict() for one in found], ensure_ascii=False, indent=2))
    else:
        for one in found:
            print(_line(one, len(loaded), len(loaded[Path(one.file)])))
    n_rubrics = sum(map(len, loaded.values()))
    kinds = Counter(one.severity for one in found)
    say(f"{counted(n_rubrics, 'rubric')}: {', '.join(counted(n, kind) for kind, n in kinds.items()) or 'no findings'}")
    if kinds[ERROR]:
        raise typer.Exit(1)


def _findings(file: Path, rubrics: Sequence[Rubric]) -> Iterator[Found]:
    for number, rubric in enumerate(rubrics, 1):
        for finding in lint(rubric):
            yield Found(
                str(file), number, rubric.id, finding.criterion_id, finding.code, finding.severity, finding.message
            )


def _line(found: Found, n_files: int, n_rubrics: int) -> str:
    """`[FILE: ][rubric 2: ]c3: error: compound: …`: as much of the place as is needed."""
    place = [found.file] if n_files > 1 else []
    place += [f"rubric {found.rubric}" + (f" ({found.id})" if found.id else "")] if n_rubrics > 1 else []
    place += [found.criterion] if found.criterion else []
    return one_line(": ".join([*place, found.severity, found.code, found.message]))

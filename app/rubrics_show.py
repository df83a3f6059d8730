"""`citerefine rubrics show` and `sets`: rubrics to be read by people.

In: a file of rubrics, or the name of a set. Out: on standard output, criteria in columns, or a set as TOML. Text from
files cannot move the cursor. Not here: reading and writing rubrics (citerefine.rubrics.loading).
"""

import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from citerefine.app.rubrics_source import read_rubrics
from citerefine.refiner.report.terminal_text import one_line
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.loading import write_toml
from citerefine.rubrics.rubric import Rubric
from citerefine.rubrics.sets import SETS, load_set

LEAST_WIDTH: Final = 40
MOST_WIDTH: Final = 110


def run_show(file: Path, form: str) -> None:
    """Prints all rubrics of a file. Raises RubricError if it holds none."""
    rubrics = read_rubrics(file, form)
    print("\n\n".join("\n".join(_lines(rubric)) for rubric in rubrics))


def run_sets(name: str | None) -> None:
    """Prints a set as TOML, or without a name the names of all sets. Raises RubricError if there is no such set."""
    if name is not None:
        sys.stdout.write(write_toml([load_set(name)]))
        return
    rows = [(one, f"{len(load_set(one).leaves)} criteria", meaning) for one, meaning in SETS.items()]
    width, wide = (max(len(row[column]) for row in rows) for column in (0, 1))
    for one, n, meaning in rows:
        print(f"{one:{width}}  {n:>{wide}}  {meaning}")


def _lines(rubric: Rubric) -> Iterator[str]:
    yield one_line(" | ".join(filter(None, [rubric.query or "for any question", rubric.format, rubric.id])))
    yield f"{'weight':>8}  {'share':>6}  criterion"
    waiting = _shared(rubric.criteria, 1.0, 0)
    while waiting:
        criterion, share, depth = waiting.pop()
        yield from _criterion(criterion, share, depth)
        waiting += _shared(criterion.children, share, depth + 1)


def _shared(
    siblings: tuple[Criterion, ...], whole: float | None, depth: int
) -> list[tuple[Criterion, float | None, int]]:
    """The siblings, last first, with their shares of what can be gained; None where nothing can."""
    gained = sum(criterion.weight for criterion in siblings if not criterion.is_negative)
    return [
        (criterion, None if whole is None or not gained else whole * criterion.weight / gained, depth)
        for criterion in reversed(siblings)
    ]


def _criterion(criterion: Criterion, share: float | None, depth: int) -> Iterator[str]:
    told = ", ".join(_told(criterion))
    named = f"{criterion.title}: {criterion.text}" if criterion.title else criterion.text
    text = one_line(f"{criterion.id}  {named}" + (f" ({told})" if told else ""))
    head = f"{criterion.weight:>8g}  {'–' if share is None else f'{share:.0%}':>6}  {'  ' * depth}"
    room = min(max(shutil.get_terminal_size().columns, LEAST_WIDTH), MOST_WIDTH) - len(head)
    first, *others = textwrap.wrap(text, max(room, LEAST_WIDTH // 2)) or [""]
    yield head + first
    for line in others:
        yield " " * (len(head) + 2) + line


def _told(criterion: Criterion) -> Iterator[str]:
    """What is special about it."""
    if criterion.is_negative:
        yield "fault"
    if criterion.veto:
        yield "veto"
    if criterion.scale.kind != "binary":
        yield criterion.scale.kind
    if criterion.verifier != "llm":
        yield f"{criterion.verifier} {criterion.rule}".strip()
    if criterion.state == "inactive":
        yield "not judged"
    yield from criterion.tags

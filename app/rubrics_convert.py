"""`citerefine rubrics convert`: rubrics in another format.

In: a file of rubrics, the format to write. Out: a file in it, its kind by its suffix: `.json` holds the document, or a
list if there are several; `.jsonl` one a line; `.toml` is our own form, or a document with tables. What was left out is
said on standard error. Not here: the formats (citerefine.rubrics.formats).
"""

import json
from pathlib import Path
from typing import Final

from citerefine.app.messages import counted, say
from citerefine.app.outputs import check_output, write_output
from citerefine.app.rubrics_source import read_rubrics
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats import FORMATS
from citerefine.rubrics.loading import dump_rubric, list_losses, write_toml
from citerefine.rubrics.rubric import Rubric

TOML: Final = "toml"
SUFFIXES: Final = (".json", ".jsonl", ".toml")
MOST_TOLD: Final = 20
"""So many losses are told one by one."""


def run_convert(source: Path, out: Path, to: str, form: str, lossy: bool) -> None:
    """Reads, checks and writes: all of it, or nothing. Raises RubricError, InputError."""
    suffix = _suffix(out, to)
    check_output(out, ())
    rubrics = read_rubrics(source, form)
    _look_at_losses(rubrics, to, lossy)
    write_output(out, _text(rubrics, to, suffix, lossy))
    n_criteria = sum(len(rubric.leaves) for rubric in rubrics)
    noun = "criterion" if n_criteria == 1 else "criteria"
    say(f"{out}: {counted(len(rubrics), 'rubric')}, {n_criteria} {noun} ({to})")


def _suffix(out: Path, to: str) -> str:
    """The suffix of OUT. Raises RubricError if it does not go with the format, before anything is read."""
    suffix = out.suffix.lower()
    if to not in FORMATS:
        raise RubricError(f"no format is called {to[:40]!r}; the formats are: {', '.join(FORMATS)}")
    if suffix not in SUFFIXES:
        raise RubricError(f"{out} ends in {suffix or 'nothing'!r}; name a file that ends in {', '.join(SUFFIXES)}")
    if (suffix == ".toml") != (to == TOML):
        wanted = ".toml" if to == TOML else ".json or .jsonl"
        raise RubricError(f"the format {to} is written as {wanted}, and {out} ends in {suffix}")
    return suffix


def _text(rubrics: list[Rubric], to: str, suffix: str, lossy: bool) -> str:
    if to == TOML:
        return write_toml(rubrics, lossy=lossy)
    documents = [dump_rubric(rubric, to, lossy=lossy) for rubric in rubrics]
    if suffix == ".jsonl":
        return "".join(f"{json.dumps(document, ensure_ascii=False)}\n" for document in documents)
    whole = documents[0] if len(documents) == 1 else documents
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _look_at_losses(rubrics: list[Rubric], to: str, lossy: bool) -> None:
    """Tells what will be left out. Raises RubricError if that may not be."""
    losses = [(number, loss) for number, rubric in enumerate(rubrics, 1) for loss in list_losses(rubric, to)]
    told = [f"{f'rubric {number}: ' if len(rubrics) > 1 else ''}{loss}" for number, loss in losses]
    refused = [line for (_, loss), line in zip(losses, told, strict=True) if loss.changes_meaning]
    if refused:
        _say_each("cannot be said", refused)
        things = counted(len(refused), "thing")
        raise RubricError(f"{to} cannot say {things} that decide what is judged (above); name another format")
    _say_each("left out" if lossy else "has no place", told)
    if told and not lossy:
        things = counted(len(told), "thing")
        raise RubricError(f"{to} cannot say {things} (above); --lossy leaves such things out")


def _say_each(what: str, lines: list[str]) -> None:
    for line in lines[:MOST_TOLD]:
        say(f"{what}: {line}")
    if len(lines) > MOST_TOLD:
        say(f"… and {len(lines) - MOST_TOLD} more")

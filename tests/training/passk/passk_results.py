"""Results as runs of pass@k leave them, for tests of what is made of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from citerefine.refiner.recording.line_file import json_line
from citerefine.training.passk.results import PROBLEMS, RESULT, About, Problem, Results, Values


def problem(number: int, drafts: Sequence[float | None], refined: Sequence[float | None] | None = None) -> Problem:
    """A problem of its own."""
    return Problem(
        id=f"p{number}",
        question=f"How many apples has farmer {number} in {number + 3} baskets of {number + 11}?",
        drafts=tuple(drafts),
        refined=None if refined is None else tuple(refined),
    )


def drawn(rng: np.random.Generator, chances: Sequence[float], n: int) -> list[Values]:
    """n answers to each problem, right with the chance of the problem."""
    return [tuple(map(float, rng.random(n) < chance)) for chance in chances]


def about(**values: object) -> About:
    """What a result is a result of; a development result of 4 answers unless told otherwise."""
    usual = {"source": "rows.jsonl", "split": "dev", "task": "maths", "measure": "right", "model": "hf:m"}
    return About.model_validate({**usual, "n": 4, "k": (1, 2), **values})


def write_results(folder: Path, problems: Sequence[Problem], **values: object) -> Path:
    """A folder with a result."""
    folder.mkdir(parents=True)
    (folder / RESULT).write_text(about(**values).model_dump_json())
    (folder / PROBLEMS).write_bytes(b"".join(json_line(one.model_dump(mode="json")) + b"\n" for one in problems))
    return folder


def results(folder: Path, problems: Sequence[Problem], **values: object) -> Results:
    """The same without files."""
    return Results(folder, about(**values), tuple(problems))

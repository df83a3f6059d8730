"""What a run leaves in its folder, and how it is read again.

In: a folder. Out: `Results`: what `result.json` says of the run, and the lines of `problems.jsonl`, one a problem, in
the order of the source. `samples.jsonl` beside them has a line an answer, with its text, seed and reason; it is for
people. Not here: what is drawn and graded (running.py), figures (figures.py, summary.py).
"""

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field, ValidationError

from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Record, Text
from citerefine.training.passk.settings import Split

PROBLEMS: Final = "problems.jsonl"
RESULT: Final = "result.json"
SAMPLES: Final = "samples.jsonl"
Worth = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Values = tuple[Worth | None, ...]


class Problem(Record):
    """One problem, and what each answer to it is worth."""

    id: Text
    question: Text
    drafts: Values = Field(min_length=1)
    """From 0 to 1, in the order in which they were asked for; None where that is not known. There are always n."""
    refined: Values | None = None
    """Of the refinement of each draft; None if nothing was refined."""

    @property
    def passes(self) -> tuple[Values, ...]:
        """Drafts, and refinements if there are any."""
        return (self.drafts,) if self.refined is None else (self.drafts, self.refined)


class About(Record):
    """What a result is a result of."""

    source: Text
    split: Split
    task: Text
    measure: Literal["right", "f1"]
    """What an answer is worth: 1 or 0, by the reference answer; or its citation F1."""
    model: Text
    refiner: Text | None = None
    """Who refined; None if nobody did."""
    n: int = Field(ge=1)
    k: tuple[int, ...]
    right: float | None = None
    """Least F1 of an answer that counts as right; None: F1 itself is averaged, or `measure` is `right`."""
    support: Text | None = None
    """Who judged support for the claims of cited answers; None for others."""
    asked_in_training: int | None = Field(default=None, ge=0)
    """Problems that are asked in what the model was trained on too, or nearly; None if nobody said what that is."""

    @property
    def is_right(self) -> bool:
        """Whether answers are worth 1 or 0, and nothing between."""
        return self.measure == "right" or self.right is not None


class Results(NamedTuple):
    """A folder, as it is read."""

    folder: Path
    about: About
    problems: tuple[Problem, ...]


def read_results(folder: Path) -> Results:
    """What a run left in a folder. Raises InputError if it is no folder of a run that ended, or was changed since."""
    result, lines = folder / RESULT, folder / PROBLEMS
    try:
        values: dict[str, Any] = json.loads(result.read_text("utf-8"))
        about = About.model_validate({name: values.get(name) for name in About.model_fields})
        # Only \n ends a line: questions may hold what other readers take for an end.
        problems = tuple(Problem.model_validate_json(line) for line in lines.read_bytes().split(b"\n") if line.strip())
    except OSError as error:
        raise InputError(
            f"{folder} holds no result ({error.filename}: {error.strerror}); name the --out of a run that ended"
        ) from error
    except (ValidationError, ValueError, AttributeError, RecursionError) as error:
        why = str(error).partition("\n")[0][:200]
        raise InputError(f"{folder} holds no result of `citerefine passk`: {why}; make it again") from error
    if not problems:
        raise InputError(f"{folder} holds no problem; name the --out of a run that ended")
    other = next((one for one in problems if any(len(part) != about.n for part in one.passes)), None)
    if other is not None:
        raise InputError(
            f"{folder} holds another number of answers to {other.id!r} than n = {about.n}; sample again with this --out"
        )
    return Results(folder, about, problems)

"""Completions that are kept to be looked at: a few of each step, from the best to the worst.

In: the completions of a step with what they earned. Out: `RUN/samples.jsonl`; what was read of it, thinned out evenly
over the run. Completions are data. Not here: every completion (the reward's transcripts), the page.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from citerefine.refiner.recording.line_file import LineFile, json_line
from citerefine.refiner.records import Record, Text
from citerefine.training.rewards.breakdown import Breakdown
from citerefine.training.watch.run_journal import kept_size

MAX_TEXT: Final = 20_000
"""Code points of a completion, a draft and a question that are kept."""
MAX_LINE: Final = 1 << 20


class Sample(Record):
    """One completion."""

    step: int = Field(ge=0)
    question: Text
    completion: Text
    """As it was written, with its tags; the end of a very long one is left out."""
    breakdown: Breakdown
    phase: Text = ""
    """`draft`, or `improved`; empty in a run with one phase."""
    draft: Text | None = None
    """That the completion improves, as it was written; None of a first answer."""


class SampleFile:
    """Keeps the samples of one run."""

    def __init__(self, path: Path, per_step: int) -> None:
        """Opens or makes the file. Raises InputError if it cannot be written, or another process writes it."""
        self._file, self._per_step = LineFile(path), per_step
        self.path = path

    def add(
        self,
        step: int,
        questions: Sequence[str],
        completions: Sequence[str],
        breakdowns: Sequence[Breakdown],
        phases: Sequence[str] = (),
        drafts: Sequence[str | None] = (),
    ) -> None:
        """Keeps some of a step's completions, spread evenly over their rewards; those without a reward come last.

        Args:
            step: that they are trained on in.
            questions: of the completions.
            completions: of the step.
            breakdowns: what they earned.
            phases: of the completions; empty in a run with one.
            drafts: that they improve; empty in a run with one phase.
        """
        order = sorted(range(len(breakdowns)), key=lambda at: _rank(breakdowns[at]))
        for at in spread(order, self._per_step):
            draft = drafts[at] if drafts else None
            sample = Sample(
                step=step,
                question=questions[at][:MAX_TEXT],
                completion=completions[at][:MAX_TEXT],
                breakdown=breakdowns[at],
                phase=phases[at] if phases else "",
                draft=None if draft is None else draft[:MAX_TEXT],
            )
            self._file.append(json_line(sample.model_dump(mode="json")))

    def rewind(self, step: int) -> None:
        """Takes away what was kept after `step`, which will be done again."""
        self._file.cut(kept_size(self.path, step))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def read_samples(path: Path, most_steps: int) -> list[Sample]:
    """The samples of at most `most_steps` steps, spread evenly over the run; lines that cannot be read are left out."""
    steps = sorted({step for step, _ in _lines(path)})
    shown = set(spread(steps, most_steps))
    found = list[Sample]()
    for step, line in _lines(path):
        if step in shown:
            try:
                found.append(Sample.model_validate_json(line))
            except ValidationError:
                continue
    return found


def spread(items: Sequence[int], most: int) -> list[int]:
    """At most `most` of the items, the first and the last among them, evenly spaced."""
    if len(items) <= most:
        return [*items]
    if most < 2:
        return [*items[:most]]
    places = dict.fromkeys(round(place * (len(items) - 1) / (most - 1)) for place in range(most))
    return [items[place] for place in places]


def _rank(breakdown: Breakdown) -> tuple[bool, float]:
    return breakdown.total is None, -(breakdown.total or 0.0)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    if not path.is_file():
        return
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE):
            try:
                step = json.loads(line)["step"]
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
            if isinstance(step, int) and not isinstance(step, bool):
                yield step, line

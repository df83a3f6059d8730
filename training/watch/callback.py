"""Follows a trainer and writes what is seen: journal, samples, held-out scores, table, alarms, page.

In: the events of a transformers Trainer. Out: the files of the run's folder, and lines on standard error. Held-out rows
are answered before the first step, every so often, and after the last one; a run that goes on from a checkpoint writes
the steps behind it anew. All processes of a run have this callback, since all must sample; the first one writes, and
what it cannot write ends the run in all. Judges that fail, and a page that cannot be written, end nothing. Not here:
what is measured of a step (the trainer, the reward).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from transformers import TrainerCallback

from citerefine.refiner.errors import CiterefineError
from citerefine.training.errors import TrainingError
from citerefine.training.grpo.agreeing import fail_together
from citerefine.training.rewards.breakdown import Breakdown
from citerefine.training.watch.alarms import find_alarms
from citerefine.training.watch.heldout import Heldout, HeldoutScore, Sampler
from citerefine.training.watch.run_journal import Phase, RunJournal, StepRow, read_steps
from citerefine.training.watch.run_page import write_page
from citerefine.training.watch.samples import SampleFile
from citerefine.training.watch.settings import WatchSettings
from citerefine.training.watch.table import Table, say

_NOT_FIGURES: Final = frozenset({"epoch", "step", "total_flos"})


class Rollout(NamedTuple):
    """The completions of a step, and what they earned."""

    questions: Sequence[str]
    completions: Sequence[str]
    breakdowns: Sequence[Breakdown]
    phases: Sequence[str] = ()
    """Of each completion: `draft`, or `improved`; empty, as each word may be, in a run with one phase."""
    drafts: Sequence[str | None] = ()
    """That each completion improves; None of a first answer."""


class Watcher(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
    """Watches one run."""

    def __init__(
        self,
        run: Path,
        settings: WatchSettings,
        *,
        phase: Phase = "train",
        heldout: Heldout | None = None,
        sample: Sampler | None = None,
        rollout: Callable[[], Rollout | None] | None = None,
        report: Callable[[Mapping[str, float], int], None] | None = None,
        writes: bool = True,
    ) -> None:
        """Opens nothing yet.

        Args:
            run: the folder.
            settings: what is watched, and how often.
            phase: of the figures that the trainer logs.
            heldout: rows to score now and then, with `sample` to answer them.
            sample: answers prompts with the policy as it is.
            rollout: gives the completions of the last step.
            report: gets the held-out figures and their step, for the backends that the trainer reports to.
            writes: whether this process writes; the first one does.
        """
        self._run, self._settings, self._phase = run, settings, phase
        self._heldout, self._sample, self._rollout, self._report = heldout, sample, rollout, report
        self._writes = writes
        self._journal: RunJournal | None = None
        self._samples: SampleFile | None = None
        self._table: Table | None = None
        self._rows = list[StepRow]()
        self._last_step = 0
        self._scored_at = -1
        self._said = set[str]()

    # --- events of the trainer --------------------------------------------------------------------------------

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Opens the files, and takes away what will be done again."""
        self._write(args, lambda: self._open(state.global_step, state.max_steps))
        if state.global_step == 0:
            self._score(args, 0)

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Keeps samples of the step, and scores held-out rows when it is time."""
        self._write(args, lambda: self._keep_samples(state.global_step))
        every = self._settings.heldout_every
        if every and state.global_step % every == 0:
            self._score(args, state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **rest: Any) -> None:
        """Writes the figures of a step."""
        if not logs or "train_runtime" in logs:
            return
        figures: dict[str, float | None] = {name: value for name, value in logs.items() if _is_figure(name, value)}
        self._write(args, lambda: self._add(state.global_step, self._phase, figures))
        if state.global_step % self._settings.page_every == 0:
            self._draw()

    def on_train_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Scores the policy as it ended, draws the page, and closes the files."""
        self._score(args, state.global_step)
        self._draw()
        self.close()

    # --- what is done -----------------------------------------------------------------------------------------

    def _write(self, args: Any, work: Callable[[], None]) -> None:
        """Has the first process write. Raises in all processes if it cannot, so that all end with what is saved."""
        failure: CiterefineError | None = None
        if self._writes:
            try:
                work()
            except CiterefineError as error:
                failure = error
            except OSError as error:
                failure = TrainingError(f"the files of {self._run} cannot be written: {error}; go on with --resume")
        fail_together(failure, "write the run's files", args.world_size)

    def _open(self, step: int, last_step: int) -> None:
        self._journal = RunJournal(self._run / "metrics.jsonl")
        self._journal.rewind(step)
        self._rows = read_steps(self._journal.path)
        self._samples = SampleFile(self._run / "samples.jsonl", self._settings.samples_per_step)
        self._samples.rewind(step)
        self._table, self._last_step = Table(last_step), last_step

    def _keep_samples(self, step: int) -> None:
        rollout = self._rollout() if self._rollout is not None else None
        if self._samples is not None and rollout is not None:
            self._samples.add(step, *rollout)

    def _score(self, args: Any, step: int) -> None:
        if self._heldout is None or self._sample is None or self._scored_at == step:
            return
        self._scored_at = step
        begun = time.monotonic()
        score = self._heldout.score(self._sample)
        self._write(args, lambda: self._add_score(step, score, time.monotonic() - begun))

    def _add_score(self, step: int, score: HeldoutScore | None, seconds: float) -> None:
        if score is None:
            return
        for code, reason in score.failures.items():
            self._say_once(code, f"HELD-OUT ANSWERS LACK SCORES, and training goes on: {reason}")
        figures = score.figures | {"time/heldout": seconds}
        self._add(step, "heldout", figures)
        if self._report is not None:
            self._report({name: value for name, value in figures.items() if value is not None}, step)

    def _add(self, step: int, phase: Phase, figures: Mapping[str, float | None]) -> None:
        if self._journal is None or self._table is None:
            return
        row = self._journal.add(step, phase, figures)
        self._rows.append(row)
        self._table.show(row)
        self._table.warn(find_alarms(self._rows, self._settings))

    def _draw(self) -> None:
        if self._journal is None:
            return
        try:
            write_page(self._run, self._settings, self._title(), self._last_step)
        except OSError as error:
            self._say_once("page", f"the page of {self._run} cannot be written, and training goes on: {error}")

    def _title(self) -> str:
        """Of the page. The folder of steps on given answers does not have the run's name."""
        return f"{self._run.parent.name}: given answers" if self._phase == "sft" else ""

    def _say_once(self, code: str, line: str) -> None:
        if code not in self._said:
            say(line)
        self._said.add(code)

    def close(self) -> None:
        """Closes the files; closing twice does nothing."""
        for file in (self._journal, self._samples):
            if file is not None:
                file.close()
        self._journal = self._samples = None


def _is_figure(name: str, value: object) -> bool:
    if name in _NOT_FIGURES or isinstance(value, bool):
        return False
    return value is None or isinstance(value, int | float)

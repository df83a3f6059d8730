"""Makes a data set of questions: evidence, answers of a model, criteria, rewards; then what is worth training on.

In: a file of questions, stages, a folder. Out: in the folder `train.jsonl` and `eval.jsonl` (training rows),
`dropped.jsonl` (rows that were left out, with the reason), `README.md` (the card), and in `stages/` what each stage
made, from which an interrupted run goes on. Not here: the stages, the command line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.chat.token_estimate import estimate_tokens
from citerefine.refiner.prompts.templates import fill
from citerefine.rubrics.errors import RubricError
from citerefine.training.data.building.card import CardFacts, bucket, render_card
from citerefine.training.data.building.choosing import difficulty, unfit
from citerefine.training.data.building.questions import Questions, read_questions
from citerefine.training.data.building.sampling import SHOWN
from citerefine.training.data.building.stages import Stage, Values, Work, WorkReport, WorkWatch
from citerefine.training.data.building.whole_file import Write, whole_file, write_whole
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_reading import read_row
from citerefine.training.data.row_values import row_values
from citerefine.training.data.splitting import Overlap, OverlapCount, held_out

STAGES: Final = "stages"
"""Folder of what stages made."""
_COMMAND: Final = "data build"


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """What becomes of rows, and how they are worked on."""

    tolerance: float = 0.0
    """Rows whose rewards spread no more than this are left out."""
    eval_share: float = 0.05
    split_seed: int = 42
    concurrency: int = 8
    retry_failed: bool = False


@dataclass(slots=True)
class BuildReport:
    """What was made."""

    out: str
    questions: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)
    """Rows of the file that are no question: `{"line", "code", "reason"}`."""
    train: int = 0
    eval: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """Reason → rows."""
    overlap: Overlap | None = None
    work: WorkReport = field(default_factory=WorkReport)

    @property
    def is_good(self) -> bool:
        """Whether every row of the file was a question, and no stage failed on one."""
        return not self.refused and self.work.is_good


class _Kept(NamedTuple):
    id: str
    question: str


async def build_rows(
    questions: Path, out: Path, stages: Sequence[Stage], settings: BuildSettings, watch: WorkWatch | None = None
) -> BuildReport:
    """Makes the data set; what an earlier call with the same arguments made is not made again.

    Raises:
        InputError: if the file cannot be read, or the folder not written.
        CallError: if a model cannot be asked for any row; what is done is kept, and the same call goes on.
        JudgeOutage: if judges give no verdicts; likewise.
    """
    read = read_questions(questions)
    work = Work(stages, out / STAGES, _COMMAND, retry_failed=settings.retry_failed)
    work.report.total = len(read.rows)
    with work:
        await work.run(_values(read), settings.concurrency, watch)
        return _Assembly(questions.name, out, read, work, stages, settings).finish()


def _values(read: Questions) -> Iterator[Values]:
    """Each question as a row; a question without snippets has none yet."""
    return (row_values(row) for row in read.rows)


class _Assembly:
    """The last step, which costs nothing: chooses, splits, writes."""

    def __init__(
        self,
        name: str,
        out: Path,
        read: Questions,
        work: Work,
        stages: Sequence[Stage],
        settings: BuildSettings,
    ) -> None:
        self._out, self._read, self._work, self._settings = out, read, work, settings
        self._facts = CardFacts(
            source=name,
            made_with={stage.name: stage.settings for stage in stages},
            questions=len(read.rows),
            split_seed=settings.split_seed,
            eval_share=settings.eval_share,
        )

    def finish(self) -> BuildReport:
        """Writes everything, and says what it came to."""
        with whole_file(self._out / "dropped.jsonl") as drop:
            kept = [*self._choose(drop)]
        held = held_out([one.question for one in kept], self._settings.eval_share, self._settings.split_seed)
        sides = {one.id: is_held for one, is_held in zip(kept, held, strict=True)}
        overlap = OverlapCount()
        with whole_file(self._out / "train.jsonl") as train, whole_file(self._out / "eval.jsonl") as held_file:
            for values in _values(self._read):
                if (is_held := sides.get(values["id"])) is not None:
                    row, written = _finished_row(self._work.through(values).values)
                    overlap.add(row, is_held)
                    self._count(row, is_held)
                    (held_file if is_held else train)(written)
        self._facts.overlap = overlap.result()
        write_whole(self._out / "README.md", render_card(self._facts))
        return self._report()

    def _choose(self, drop: Write) -> Iterator[_Kept]:
        """The rows that are kept; of all others, `drop` is told."""
        for refused in self._read.refused:
            self._drop(drop, refused.code, refused.id, f"line {refused.line}: {refused.reason}")
        for one in self._read.near_duplicates:
            self._drop(drop, "near_duplicate", one.id, f"nearly the same question as {one.like}")
        for values in _values(self._read):
            through = self._work.through(values)
            if through.failure is not None:
                self._drop(drop, f"{through.stage}: {through.failure.code}", values["id"], through.failure.message)
                continue
            if "scores" in through.values:
                found = difficulty(through.values)
                why = unfit(found, through.values, self._settings.tolerance)
                if why is not None:
                    self._drop(drop, why.code, values["id"], why.reason)
                    continue
                self._facts.means.append(found.mean or 0.0)
                self._facts.spreads.append(found.spread or 0.0)
            try:
                _finished_row(through.values)
            except (BadRow, RubricError) as error:
                self._drop(drop, "bad_rubric", values["id"], str(error))
                continue
            self._facts.trimmed += SHOWN in through.values
            yield _Kept(values["id"], values["question"])

    def _drop(self, drop: Write, code: str, id: str, reason: str) -> None:
        self._facts.drop(code, id, reason)
        drop({"id": id, "code": code, "reason": reason})

    def _count(self, row: TrainingRow, is_held: bool) -> None:
        facts = self._facts
        facts.eval += is_held
        facts.train += not is_held
        facts.with_rubric += row.rubric is not None
        facts.criteria += 0 if row.rubric is None else len(row.rubric.leaves)
        facts.with_gold += row.gold is not None
        facts.snippets += len(row.evidence)
        facts.licences.update(snippet.licence or "" for snippet in row.evidence.snippets)
        facts.tokens[bucket(_estimated(row))] += 1

    def _report(self) -> BuildReport:
        facts = self._facts
        return BuildReport(
            out=str(self._out),
            questions=facts.questions,
            refused=[
                {"line": refused.line, "code": refused.code, "reason": refused.reason}
                for refused in self._read.refused
            ],
            train=facts.train,
            eval=facts.eval,
            dropped={code: len(rows) for code, rows in facts.dropped.items()},
            overlap=facts.overlap,
            work=self._work.report,
        )


def _finished_row(values: Values) -> tuple[TrainingRow, dict[str, Any]]:
    """The row that is trained on, and the object that is written of it. Raises BadRow and RubricError."""
    row = read_row(values)
    if "scores" not in values:
        return row, row_values(row)
    return row, row_values(row) | {"difficulty": difficulty(values)._asdict()}


def _estimated(row: TrainingRow) -> int:
    """No fewer tokens than a prompt with all evidence has, chat template aside."""
    shown = f"{row.evidence.render()}\n{row.reasoning}\n{row.question}"
    return estimate_tokens(fill("system")) + estimate_tokens(shown)

"""Makes rows to imitate: of several answers to each row, the best one.

In: training rows from anywhere, a model, a scorer, a file to write. Out: that file: the rows with `answer`, and with
`sft`: reward, how many answers were valid, how many rejected, the model; beside it `FILE.left-out.jsonl`, the rows with
no valid answer, with the reason, and the folder `FILE.stages`, from which an interrupted run goes on. Not here: which
answer is best (choosing.py), the command line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Mode
from citerefine.rubrics.errors import RubricError
from citerefine.training.data.building.choosing import Unfit, best
from citerefine.training.data.building.sampling import SampleAnswers
from citerefine.training.data.building.scoring import ScoreAnswers
from citerefine.training.data.building.stages import Stage, Values, Work, WorkReport, WorkWatch
from citerefine.training.data.building.whole_file import whole_file
from citerefine.training.data.row_files import iterate_rows
from citerefine.training.data.row_reading import RefusedRow
from citerefine.training.data.row_values import row_values

_COMMAND: Final = "data best-of-n"


@dataclass(slots=True)
class BestReport:
    """What was made."""

    out: str
    rows: int = 0
    """Of the source, that could be used."""
    refused: list[dict[str, Any]] = field(default_factory=list)
    """Rows that could not: `{"line", "id", "code", "reason"}`."""
    written: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    """Reason → rows without an answer to imitate."""
    mean_reward: float | None = None
    """Of the chosen answers; None if there are none."""
    work: WorkReport = field(default_factory=WorkReport)

    @property
    def is_good(self) -> bool:
        """Whether every row could be used, and no stage failed on one; that a row has no valid answer is no failure."""
        return not self.refused and self.work.is_good


def stages_folder(out: Path) -> Path:
    """Where the stages of a run are kept."""
    return out.with_name(f"{out.name}.stages")


def left_out_file(out: Path) -> Path:
    """Where rows without an answer are listed."""
    return out.with_name(f"{out.stem}.left-out.jsonl")


async def choose_best(
    source: str,
    out: Path,
    sample: SampleAnswers,
    score: ScoreAnswers,
    *,
    mode: Mode = Mode.ANSWER_ONLY,
    concurrency: int = 8,
    retry_failed: bool = False,
    watch: WorkWatch | None = None,
) -> BestReport:
    """Samples, scores, chooses, writes; what an earlier call with the same arguments made is not made again.

    Args:
        source: rows, as `row_files.read_rows` names them.
        out: the file to write.
        sample: draws answers.
        score: says what they earn.
        mode: of rows that name none.
        concurrency: most rows at once.
        retry_failed: whether rows that failed in an earlier run are tried again.
        watch: who is told what happens.

    Raises:
        InputError: if a file cannot be read or written.
        CallError: if a model cannot be asked for any row; what is done is kept, and the same call goes on.
        JudgeOutage: if judges give no verdicts; likewise.
    """
    if Path(source).resolve() == out.resolve():
        raise InputError(f"{out} is the file that is read; name another --out")
    stages: Sequence[Stage] = (sample, score)
    with Work(stages, stages_folder(out), _COMMAND, retry_failed=retry_failed) as work:
        await work.run(_values(source, mode, []), concurrency, watch)
        return _write(source, out, mode, work, {"model": sample.settings["model"], "n": sample.settings["n"]})


def _values(source: str, mode: Mode, refused: list[dict[str, Any]]) -> Iterator[Values]:
    """Rows that can be sampled; the others are told in `refused`."""
    for line, row in enumerate(iterate_rows(source, mode), 1):
        if isinstance(row, RefusedRow):
            refused.append(row._asdict())
            continue
        try:
            yield {**row_values(row), "answer": None}
        except RubricError as error:
            refused.append(RefusedRow(line, row.id, "bad_rubric", str(error))._asdict())


def _write(source: str, out: Path, mode: Mode, work: Work, made_with: dict[str, Any]) -> BestReport:
    report, rewards = BestReport(str(out), work=work.report), list[float]()
    with whole_file(out) as write, whole_file(left_out_file(out)) as leave_out:
        for values in _values(source, mode, report.refused):
            report.rows += 1
            through = work.through(values)
            if through.failure is not None:
                found: Any = Unfit(f"{through.stage}: {through.failure.code}", through.failure.message)
            else:
                found = best(through.values)
            if isinstance(found, Unfit):
                report.left_out[found.code] = report.left_out.get(found.code, 0) + 1
                leave_out({"id": values["id"], **found._asdict()})
                continue
            report.written += 1
            rewards.append(found.reward)
            sft = {"reward": found.reward, "valid": found.n_valid, "rejected": found.rejected, **made_with}
            write({**values, "answer": found.answer, "sft": sft})
    report.mean_reward = sum(rewards) / len(rewards) if rewards else None
    return report

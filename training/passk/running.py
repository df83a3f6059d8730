"""Draws and grades n answers to each problem, refines and grades each of them once, and writes what came of it.

In: problems, stages, a folder. Out: in the folder what results.py says, and in `stages/` what each stage made, from
which a run that was interrupted goes on: an answer that is there is not drawn again, and more answers than before cost
the difference. An answer that fails is one of the n, and its worth is not known. Not here: stages (drawing.py,
grading.py), figures (figures.py), the command line.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from citerefine.refiner.errors import InputError
from citerefine.training.data.building.stages import Through, Values, Work, WorkReport, WorkWatch
from citerefine.training.data.building.whole_file import whole_file
from citerefine.training.data.row import TrainingRow
from citerefine.training.passk.drawing import DrawDraft, DrawRefinement, sample_values
from citerefine.training.passk.grading import GradeAnswer
from citerefine.training.passk.results import PROBLEMS, RESULT, SAMPLES, Problem

STAGES: Final = "stages"
_COMMAND: Final = "passk"
_NO_DRAFT: Final = "no_draft"


class Stages(NamedTuple):
    """Who draws, and who grades."""

    draft: DrawDraft
    grade: GradeAnswer
    refine: DrawRefinement | None = None


@dataclass(slots=True)
class PassRun:
    """What a run did."""

    problems: tuple[Problem, ...] = ()
    drafts: WorkReport = field(default_factory=WorkReport)
    refined: WorkReport | None = None
    """None if nothing was refined."""
    failed: Counter[str] = field(default_factory=Counter)
    """`drafts: code` or `refined: code` → answers whose worth is not known."""
    cut: Counter[str] = field(default_factory=Counter)
    """`drafts` or `refined` → answers that were cut off at the token limit; they are graded as they stand."""


async def run_passk(
    rows: Sequence[TrainingRow],
    out: Path,
    stages: Stages,
    n: int,
    *,
    concurrency: int = 8,
    retry_failed: bool = False,
    progress: Callable[[str, WorkReport], None] = lambda part, report: None,
) -> PassRun:
    """Draws, grades, refines, writes; what an earlier call made is not made again.

    Args:
        rows: problems.
        out: folder to write; it is made.
        stages: who does what.
        n: answers to each problem.
        concurrency: most answers at once.
        retry_failed: whether answers that failed before are asked for again.
        progress: is told how far `drafts` and `refined` are.

    Raises:
        InputError: if a file cannot be written.
        CallError: if a model cannot be asked about any problem; what is done is kept, and the same call goes on.
        JudgeOutage: if judges come to nothing; likewise.
    """
    run = PassRun()
    drafts = Work((stages.draft, stages.grade), out / STAGES / "drafts", _COMMAND, retry_failed=retry_failed)
    with drafts:
        drafts.report.total, run.drafts = n * len(rows), drafts.report
        watch = WorkWatch(lambda report: progress("drafts", report))
        await drafts.run(_answers(rows, n), concurrency, watch)
        if stages.refine is None:
            run.problems = _write(out, rows, n, run, drafts, None)
            return run
        if stages.refine.model is not stages.draft.model:
            await stages.draft.model.aclose()  # two models in one process need not be held at once
        refined = Work((stages.refine, stages.grade), out / STAGES / "refined", _COMMAND, retry_failed=retry_failed)
        with refined:
            refined.report.total, run.refined = n * len(rows), refined.report
            watch = WorkWatch(lambda report: progress("refined", report))
            await refined.run(_drafted(drafts, rows, n), concurrency, watch)
            run.problems = _write(out, rows, n, run, drafts, refined)
    return run


def _answers(rows: Sequence[TrainingRow], n: int) -> Iterator[Values]:
    """What is asked for: all answers to the first problem, all to the second …"""
    return (sample_values(row, number) for row in rows for number in range(n))


def _drafted(drafts: Work, rows: Sequence[TrainingRow], n: int) -> Iterator[Values]:
    """What is to be refined: every draft that is there, graded or not."""
    for values in _answers(rows, n):
        if (refinable := _refinable(values, drafts.through(values))) is not None:
            yield refinable


def _refinable(values: Values, draft: Through) -> Values | None:
    """The row of a refinement, which holds what its model is shown and nothing of how good the draft is."""
    if "text" not in draft.values:
        return None
    return {**values, "problem": draft.values.get("shown") or values["problem"], "draft": draft.values["text"]}


def _write(
    out: Path, rows: Sequence[TrainingRow], n: int, run: PassRun, drafts: Work, refined: Work | None
) -> tuple[Problem, ...]:
    problems = list[Problem]()
    _take_away(out / RESULT)
    with whole_file(out / SAMPLES) as write_sample, whole_file(out / PROBLEMS) as write_problem:
        for row in rows:
            before, after = list[float | None](), list[float | None]()
            for number in range(n):
                values = sample_values(row, number)
                draft = drafts.through(values)
                told: dict[str, Any] = {"id": row.id, "number": number, "draft": _told(draft, "drafts", run)}
                before.append(told["draft"]["value"])
                if refined is None:
                    told["refined"] = None
                else:
                    asked = _refinable(values, draft)
                    through = None if asked is None else refined.through(asked)
                    told["refined"] = _told(through, "refined", run)
                    after.append(told["refined"]["value"])
                write_sample(told)
            problem = Problem(
                id=row.id,
                question=row.question,
                drafts=tuple(before),
                refined=None if refined is None else tuple(after),
            )
            write_problem(problem.model_dump(mode="json"))
            problems.append(problem)
    return tuple(problems)


def _take_away(result: Path) -> None:
    """An earlier run's figures are not those of the problems that are written now, whatever comes between."""
    try:
        result.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{result} cannot be replaced: {error.strerror}; name another folder with --out") from error


def _told(through: Through | None, part: str, run: PassRun) -> dict[str, Any]:
    """An answer as `samples.jsonl` has it; counts what failed and what was cut off."""
    if through is None:
        run.failed[f"{part}: {_NO_DRAFT}"] += 1
        return {"text": None, "finish": None, "seed": None, "value": None, "reason": f"{_NO_DRAFT}: its draft failed"}
    made, failure = through.values, through.failure
    run.cut[part] += made.get("finish") == "length"
    if failure is not None:
        run.failed[f"{part}: {failure.code}"] += 1
    return {
        "text": made.get("text"),
        "finish": made.get("finish"),
        "seed": made.get("seed"),
        "value": None if failure is not None else made["value"],
        "reason": made.get("reason", "") if failure is None else f"{failure.code}: {failure.message}",
    }


def make_folder(out: Path) -> None:
    """Makes the folder of a run. Raises InputError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out} cannot be made: {error.strerror}; name another folder") from error

"""`citerefine data best-of-n`: answers to imitate, the best of several to each row.

In: training rows, a file to write, options. Out: the file, and beside it the list of rows without a valid answer;
progress and a summary on standard error; with `--json` the report as JSON on standard output: {"out", "rows",
"refused": [{"line", "id", "code", "reason"}], "written", "left_out": {code: rows}, "mean_reward", "work": as in
data_build.py, "stopped": {"message"} or null}. Exit code 1 if a row could not be used, a stage failed on one, or models
or judges could not be asked. Not here: the work (training/data/building/).
"""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import typer

from citerefine.app.data_parts import Models, Sampled, WorkProgress, say_refused, say_trust, say_work, work_values
from citerefine.app.messages import counted, say
from citerefine.app.outputs import check_output
from citerefine.refiner.errors import CallError
from citerefine.training.data.building.best_of_n import BestReport, choose_best, left_out_file, stages_folder
from citerefine.training.data.building.stages import WorkWatch
from citerefine.training.errors import JudgeOutage


def run_best_of_n(
    rows: str, out: Path, sampled: Sampled, concurrency: int, retry_failed: bool, as_json: bool
) -> None:
    """Samples, chooses and reports. Raises CiterefineError; exits with 1 if not every row could be worked on."""
    check_output(out, ())
    say_trust(sampled)
    report, stopped = BestReport(str(out)), None
    with WorkProgress() as shown:
        try:
            report = asyncio.run(_choose(rows, out, sampled, concurrency, retry_failed, shown))
        except (CallError, JudgeOutage) as error:
            stopped, report.work = error, shown.report
        except KeyboardInterrupt:
            shown.say(f"{stages_folder(out)} holds what is done; the same command goes on from there")
            raise
    if as_json:
        print(_as_json(report, stopped))
    if stopped is not None:
        say(f"stopped: {stages_folder(out)} holds what is done; the same command goes on from there")
        raise stopped
    _summarise(report, out)
    if not report.is_good:
        raise typer.Exit(1)


async def _choose(
    rows: str, out: Path, sampled: Sampled, concurrency: int, retry_failed: bool, shown: WorkProgress
) -> BestReport:
    async with Models(stages_folder(out)) as models:
        sample, score = models.stages(sampled)
        return await choose_best(
            rows,
            out,
            sample,
            score,
            concurrency=concurrency,
            retry_failed=retry_failed,
            watch=WorkWatch(shown.progress),
        )


def _as_json(report: BestReport, stopped: Exception | None) -> str:
    values = asdict(report) | {"work": work_values(report.work), "stopped": stopped and {"message": str(stopped)}}
    return json.dumps(values, ensure_ascii=False, indent=2)


def _summarise(report: BestReport, out: Path) -> None:
    say_work(report.work)
    say_refused((one["line"], one["reason"]) for one in report.refused)
    mean = "" if report.mean_reward is None else f", which earn {report.mean_reward:.3f} on average"
    say(f"{out}: {counted(report.written, 'row')} with an answer to imitate{mean}")
    if report.left_out:
        why = ", ".join(f"{n} {code}" for code, n in report.left_out.items())
        say(f"without one: {why}; {left_out_file(out)} says why, one by one")

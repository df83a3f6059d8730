"""`citerefine data build`: a data set from questions.

In: a file of questions, a folder, options. Out: the set in the folder; progress and a summary on standard error; with
`--json` the report as JSON on standard output: {"out", "questions", "refused": [{"line", "code", "reason"}], "train",
"eval", "dropped": {code: rows}, "overlap", "work": {"rows", "total", "done_before", "made": {stage: rows}, "failed":
{"stage: code": rows}, "usage", "seconds"}, "stopped": {"message"} or null}. Exit code 1 if a row is no question, a
stage failed on one, or models or judges could not be asked. Not here: the work (training/data/building/).
"""

import asyncio
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from citerefine.app.corpora import OpenCorpora, open_corpora
from citerefine.app.data_parts import Models, Sampled, WorkProgress, say_refused, say_trust, say_work, work_values
from citerefine.app.messages import counted, say
from citerefine.app.outputs import check_output
from citerefine.app.searching import CORPUS
from citerefine.refiner.agent.context import RefinerContext
from citerefine.refiner.errors import CallError, InputError
from citerefine.tools.local import LocalSearch
from citerefine.training.data.building.build import STAGES, BuildReport, BuildSettings, build_rows
from citerefine.training.data.building.criteria import WriteCriteria
from citerefine.training.data.building.evidence import FindEvidence
from citerefine.training.data.building.stages import Stage, WorkWatch
from citerefine.training.errors import JudgeOutage


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """Where evidence comes from, who writes criteria, what is kept."""

    corpus: tuple[Path, ...] = ()
    planner: str | None = None
    max_searches: int = 4
    limit: int = 10
    writer: str | None = None
    tolerance: float = 0.01
    eval_share: float = 0.05
    split_seed: int = 42
    concurrency: int = 8
    retry_failed: bool = False

    @property
    def settings(self) -> BuildSettings:
        """What becomes of rows."""
        return BuildSettings(self.tolerance, self.eval_share, self.split_seed, self.concurrency, self.retry_failed)


def run_build(questions: Path, out: Path, options: BuildOptions, sampled: Sampled, as_json: bool) -> None:
    """Builds and reports. Raises CiterefineError; exits with 1 if not every question could be worked on."""
    check_output(out / "train.jsonl" if out.is_dir() else out, options.corpus)
    if sampled.n == 1:
        raise InputError("--samples is 1, and one answer differs from nothing; draw 2 or more, 8 for example, or none")
    _say_what_is_missing(options, sampled)
    report, stopped = BuildReport(str(out)), None
    with (
        open_corpora(options.corpus) as opened,
        LocalSearch(opened.corpora, name=CORPUS) as search,
        WorkProgress() as shown,
    ):
        for note in opened.notes:
            say(note)
        try:
            report = asyncio.run(_build(questions, out, options, sampled, opened, search, shown))
        except (CallError, JudgeOutage) as error:
            stopped, report.work = error, shown.report
        except KeyboardInterrupt:
            shown.say(f"{out} holds what is done; the same command goes on from there")
            raise
    if as_json:
        print(_as_json(report, stopped))
    if stopped is not None:
        say(f"stopped: {out} holds what is done; the same command goes on from there")
        raise stopped
    _summarise(report)
    if not report.is_good:
        raise typer.Exit(1)


def _say_what_is_missing(options: BuildOptions, sampled: Sampled) -> None:
    if options.writer is None:
        say(
            "NO CRITERIA are written, since no --writer is named: rows keep those that they bring, and training can "
            "reward citations, form and static sets only"
        )
    if sampled.n == 0:
        say("rows of any difficulty are kept; --samples 8 leaves out those on which all answers earn the same")
    else:
        say_trust(sampled)


async def _build(
    questions: Path,
    out: Path,
    options: BuildOptions,
    sampled: Sampled,
    opened: OpenCorpora,
    search: LocalSearch,
    shown: WorkProgress,
) -> BuildReport:
    folder = out / STAGES
    async with Models(folder) as models:
        planner = None if options.planner is None else models.chat(options.planner)
        if planner is not None:  # else questions would be searched without it, and only their notes would say so
            await planner.capabilities()
        context = RefinerContext(
            planner=planner, max_searches=options.max_searches, snippets_per_search=options.limit
        )
        stages: list[Stage] = [FindEvidence([search], context, [corpus.state() for corpus in opened.corpora])]
        sampling = models.stages(sampled) if sampled.n else ()
        stages += sampling[:1]
        if options.writer is not None:
            stages.append(WriteCriteria(models.chat(options.writer)))
        stages += sampling[1:]
        return await build_rows(questions, out, stages, options.settings, WorkWatch(shown.progress))


def _as_json(report: BuildReport, stopped: Exception | None) -> str:
    values = asdict(report)
    values["overlap"] = report.overlap and report.overlap._asdict()
    values["work"] = work_values(report.work)
    values["stopped"] = stopped and {"message": str(stopped)}
    return json.dumps(values, ensure_ascii=False, indent=2)


def _summarise(report: BuildReport) -> None:
    say_work(report.work)
    say_refused((one["line"], one["reason"]) for one in report.refused)
    say(f"{report.out}: {counted(report.train, 'row')} to train on, {report.eval} held out; README.md tells about them")
    if report.dropped:
        why = ", ".join(f"{n} {code}" for code, n in report.dropped.items())
        say(f"left out: {why}; dropped.jsonl says why, one by one")
    if report.overlap is not None and report.overlap.n_rows_all_shared:
        n = report.overlap.n_rows_all_shared
        say(f"of the rows held out, {n} have no snippet that a row to train on does not have too")
    if not report.train:
        say("no row is left to train on")

"""`citerefine score`: precision, recall and F1 of the citations in a file of answers.

In: run rows from a file or standard input, a judge, formulas. Out: a table on standard output, or with `--json` the
`Summary` (a list of them where several formulas are named); with `--out` a score row for each run row and formula, with
`--html` a page; progress, refused rows and warnings on standard error. Exit code 1 if a row could not be read, a unit
not be judged, or the judge not be asked. Not here: the work (judges/runs/), the page (judges/report/).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import typer

from citerefine.app.corpora import cache_folder
from citerefine.app.inputs import rows_source
from citerefine.app.messages import counted, say
from citerefine.app.outputs import check_output, write_output
from citerefine.app.score_progress import ScoreProgress
from citerefine.app.score_text import summary_lines
from citerefine.app.score_warnings import warnings_on
from citerefine.app.verdicts import greet, make_folder, refuse_cache
from citerefine.judges.loading import load_support_judge
from citerefine.judges.report.score_page import ScorePage
from citerefine.judges.runs.score_chunk import ScoreSettings
from citerefine.judges.runs.score_file import Power, ScoreReport, ScoreWatch, computes, score_file
from citerefine.judges.runs.score_row import ScoreRow
from citerefine.judges.runs.score_writer import part_of
from citerefine.judges.runs.summary import Summary
from citerefine.judges.verdict_cache import VerdictCache
from citerefine.refiner.errors import CallError, InputError


@dataclass(frozen=True, slots=True)
class ScoreOutputs:
    """What a run is written to beside standard output."""

    out: Path | None = None
    html: Path | None = None
    cache: Path | None = None
    """Where verdicts of a model are kept; by default beside `out`, or in the user's cache folder."""
    as_json: bool = False


def run_score(source: Path, settings: ScoreSettings, power: Power, outputs: ScoreOutputs) -> None:
    """Scores and reports. Raises CiterefineError; exits with 1 if something could not be read or judged."""
    _check(source, outputs)
    refuse_cache(settings.judge, outputs.cache)
    power.check(settings.judge)
    cache = None if computes(settings.judge) else _cache(outputs)
    judge = None if cache is None else load_support_judge(settings.judge, cache=cache)
    greet(settings.judge)
    kept = 0 if cache is None else _count_kept(cache)
    page = None if outputs.html is None else ScorePage()

    def add_to_page(row: ScoreRow) -> None:
        if page is not None and row.formula == settings.formulas[0]:
            page.add(row)

    with ScoreProgress(source) as shown:
        watch = ScoreWatch(shown.progress, shown.refused, _say_broken, None if page is None else add_to_page)
        try:
            rows = rows_source(source)
            summaries = score_file(rows, settings, judge=judge, out=outputs.out, power=power, watch=watch)
        except (KeyboardInterrupt, CallError):
            _say_how_to_go_on(shown.report, outputs.out, cache)
            raise
    if page is not None and outputs.html is not None:
        write_output(outputs.html, page.render(summaries[0], source.name, when=date.today()))
    _print(summaries, outputs.as_json)
    for warning in dict.fromkeys(line for summary in summaries for line in warnings_on(summary)):
        say(warning)
    if not shown.report.rows:
        say(f"{source}: no rows")
    if cache is not None:
        new = _count_kept(cache) - kept
        say(f"{cache}: {counted(kept, 'verdict')} of earlier runs, {new} new")
    if shown.report.refused or shown.report.failed:
        raise typer.Exit(1)


def _check(source: Path, outputs: ScoreOutputs) -> None:
    """Raises InputError if a file is named for two things, or cannot be written."""
    written = [path for path in (outputs.out, outputs.html, outputs.cache) if path is not None]
    for path in written:
        if str(path) == "-":
            raise InputError("'-' is no file to write; name one, or leave the option out: the summary is printed")
    for path in written:
        if path != outputs.cache:  # which is a database, as it should be
            check_output(path, ())
    named = [path.resolve() for path in (source, *written)]
    if len({*named}) < len(named):
        raise InputError(f"one file is named for two things: {', '.join(map(str, (source, *written)))}; name others")


def _cache(outputs: ScoreOutputs) -> Path:
    """Where verdicts are kept: the same place for the same command, so that it goes on there."""
    if outputs.cache is not None:
        return outputs.cache
    if outputs.out is not None:
        return outputs.out.with_name(f"{outputs.out.name}.verdicts.db")
    return cache_folder() / "verdicts.db"


def _count_kept(cache: Path) -> int:
    """How many verdicts are in the cache, which is made where there is none."""
    make_folder(cache)
    file = VerdictCache(cache)
    try:
        return len(file)
    finally:
        file.close()


def _say_broken(card: str, why: str) -> None:
    say(f"{card} is no judge card, and was passed over: {why}")


def _say_how_to_go_on(report: ScoreReport, out: Path | None, cache: Path | None) -> None:
    if out is not None:
        say(f"stopped: {part_of(out)} holds the {counted(report.rows, 'row')} that are done")
    if cache is None:
        say("the same command starts anew")
    else:
        say(f"{cache} keeps all verdicts: the same command goes on from there, and asks nothing twice")


def _print(summaries: Sequence[Summary], as_json: bool) -> None:
    if as_json:
        values = [summary.model_dump(mode="json") for summary in summaries]
        print(json.dumps(values if len(values) > 1 else values[0], ensure_ascii=False, indent=2))
        return
    for number, summary in enumerate(summaries):
        print("\n".join([*([""] if number else []), *summary_lines(summary)]))

"""`citerefine calibrate` for rubric judges: how far one agrees with labels of criteria that people gave.

In: a file of labelled criteria, a judge. Out: a table, or with `--json` the `RubricJudgeCard`; the card is kept where
`grade` and training find it, and written to `--out` too; progress and refused rows on standard error. Exit code 1 if
a row had no labels that can be used or a criterion could not be judged, the judge not be asked, or no card be kept.
Not here: measuring (judges/calibration/), the table (rubric_card_table.py).
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Final, NamedTuple

import typer

from citerefine.app.calibration_progress import STOPPED, CalibrationProgress
from citerefine.app.corpora import cache_folder
from citerefine.app.messages import say
from citerefine.app.outputs import write_output
from citerefine.app.rubric_card_table import shown_rubric_card
from citerefine.app.verdicts import greet, make_folder
from citerefine.judges.calibration.card_files import card_text, keep_card
from citerefine.judges.calibration.labelled_file import CalibrationWatch
from citerefine.judges.calibration.rubric_calibrating import calibrate_rubric
from citerefine.judges.calibration.rubric_card import RubricJudgeCard
from citerefine.judges.rubric.loading import load_rubric_judge
from citerefine.judges.rubric.rubric_judge import RubricJudge
from citerefine.judges.runs.score_file import computes
from citerefine.refiner.errors import CallError, InputError

SEED_STEP: Final = 1_000
"""Between the seeds of one repeat and the next: more than the votes and attempts of one question."""


class RubricJudgeOptions(NamedTuple):
    """What only rubric judges have."""

    repeats: int = 0
    """How often the judge is asked again about a sample."""
    votes: int | None = None
    backup: str | None = None

    @property
    def given(self) -> str:
        """The first option that was given; empty if none was."""
        named = {"--repeats": self.repeats, "--votes": self.votes, "--backup": self.backup}
        return next((option for option, value in named.items() if value), "")


class RubricPlan(NamedTuple):
    """How a rubric judge is measured."""

    name: str | None
    """Of the set of labels."""
    judge: RubricJudgeOptions
    concurrency: int
    cache: Path | None


def run_rubric_calibration(labels: Path, judge: str, plan: RubricPlan, *, out: Path | None, as_json: bool) -> None:
    """Measures, prints and keeps the card.

    Raises CiterefineError; exits with 1 if not every row was measured, or no card was kept.
    """
    asked, again = _judges(judge, plan)
    with CalibrationProgress("row") as shown:
        watch = CalibrationWatch(shown.progress, shown.refused)
        try:
            card = calibrate_rubric(
                labels, asked, again=again, name=plan.name, concurrency=plan.concurrency, watch=watch
            )
        except (KeyboardInterrupt, CallError):
            say(STOPPED)
            raise
    print(card_text(card).rstrip() if as_json else shown_rubric_card(card))
    if out is not None:
        write_output(out, card_text(card))
        say(f"wrote {out}")
    _keep(card)
    if card.refused or card.not_judged or not card.is_measured:
        raise typer.Exit(1)


def _keep(card: RubricJudgeCard) -> None:
    if card.is_measured:
        say(f"kept as {keep_card(card)}: grade and training name it beside scores of this judge")
    elif card.n:
        say(
            "no card is kept: agreement shows only where people call some criteria met and others not, or order the "
            "answers to a prompt; add labels of the other kind"
        )
    else:
        say("the judge came to no value at all: nothing was measured, and no card is kept")


def _judges(judge: str, plan: RubricPlan) -> tuple[RubricJudge, list[RubricJudge]]:
    """The judge, and the same with other seeds; a judge without a model is asked again as it is."""
    if computes(judge):
        if given := "--cache" if plan.cache else plan.judge._replace(repeats=0).given:
            raise InputError(f"{given} is for judges with a model, and {judge} asks none; leave it out")
        asked = load_rubric_judge(judge)
        return asked, [asked] * plan.judge.repeats
    settings: dict[str, Any] = {
        "journal": plan.cache or _default_journal(judge, plan.judge.backup),
        "backup": plan.judge.backup,
    }
    if plan.judge.votes is not None:
        settings["votes"] = plan.judge.votes
    asked = load_rubric_judge(judge, **settings)
    again = [load_rubric_judge(judge, **settings, seed=SEED_STEP * n) for n in range(1, plan.judge.repeats + 1)]
    greet(judge)
    return asked, again


def _default_journal(judge: str, backup: str | None) -> Path:
    """A file for these models at these addresses: what is measured is the model that is served there.

    Raises InputError if its folder cannot be made.
    """
    served = hashlib.sha256(json.dumps([judge, backup]).encode()).hexdigest()[:16]
    path = cache_folder() / f"calibrate-{served}.db"
    make_folder(path)
    if path.exists():
        say(
            f"calls of {judge} that are kept in {path} are not made again; if another model is served there by now, "
            "name a new file with --cache"
        )
    return path

"""`citerefine calibrate`: how far a judge agrees with labels that people gave.

In: a file of labelled claims, or of labelled criteria (calibrate_rubric.py), a judge. Out: a table, or with `--json`
the `JudgeCard`; the card is kept where `score` finds it, and written to `--out` too; progress and refused rows on
standard error. Exit code 1 if a row was no labelled claim or could not be judged, the judge not be asked, or no card
be kept. Not here: measuring (judges/calibration/).
"""

import os
from pathlib import Path
from typing import Final, NamedTuple

import typer

from citerefine.app.calibrate_rubric import RubricJudgeOptions, RubricPlan, run_rubric_calibration
from citerefine.app.calibration_progress import STOPPED, CalibrationProgress, check_card_file
from citerefine.app.columns import figure, in_columns, interval
from citerefine.app.messages import counted, say
from citerefine.app.outputs import write_output
from citerefine.app.verdicts import judge_with_cache
from citerefine.judges.calibration.calibrating import calibrate
from citerefine.judges.calibration.card_files import card_text, keep_card
from citerefine.judges.calibration.judge_card import JudgeCard
from citerefine.judges.calibration.labelled_file import CalibrationWatch
from citerefine.judges.calibration.rubric_calibrating import holds_criteria
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.report.terminal_text import one_line


class CalibrateOptions(NamedTuple):
    """What is measured, and where it goes."""

    judge: str | None
    """Judge string; None: the one of the environment, or `lexical`."""
    kind: str | None
    """`support` or `rubric`; None: the one that the rows are for."""
    name: str | None
    """Of the set of labels."""
    positive: str | None
    """The label of claims that means full support."""
    of_rubric_judge: RubricJudgeOptions
    concurrency: int
    cache: Path | None
    out: Path | None
    as_json: bool


def run_calibrate(labels: Path, options: CalibrateOptions) -> None:
    """Measures, prints and keeps the card.

    Raises CiterefineError; exits with 1 if not every row was measured, or no card was kept.
    """
    if options.out is not None:
        check_card_file(options.out, labels)
    is_rubric = options.kind == "rubric" or (options.kind is None and holds_criteria(labels))
    judge = options.judge or os.environ.get(_JUDGE[is_rubric]) or "lexical"
    if is_rubric:
        if options.positive is not None:
            raise InputError("--positive is for labelled claims; labels of criteria say themselves what is met")
        plan = RubricPlan(options.name, options.of_rubric_judge, options.concurrency, options.cache)
        run_rubric_calibration(labels, judge, plan, out=options.out, as_json=options.as_json)
        return
    if given := options.of_rubric_judge.given:
        raise InputError(f"{given} is for rubric judges, and these rows are labelled claims; leave it out")
    _calibrate_support_judge(labels, judge, options)


_JUDGE: Final = {True: "CITEREFINE_RUBRIC_JUDGE", False: "CITEREFINE_JUDGE"}
"""Whether it is a rubric judge → the variable that names it."""


def _calibrate_support_judge(labels: Path, judge: str, options: CalibrateOptions) -> None:
    asked = judge_with_cache(judge, options.cache)
    with CalibrationProgress("claim") as shown:
        watch = CalibrationWatch(shown.progress, shown.refused)
        try:
            card = calibrate(
                labels,
                asked,
                name=options.name,
                positive=options.positive,
                concurrency=options.concurrency,
                watch=watch,
            )
        except (KeyboardInterrupt, CallError):
            say(STOPPED)
            raise
    print(card_text(card).rstrip() if options.as_json else shown_card(card))
    if options.out is not None:
        write_output(options.out, card_text(card))
        say(f"wrote {options.out}")
    _keep(card)
    if card.refused or card.not_judged or card.auc is None:
        raise typer.Exit(1)


def _keep(card: JudgeCard) -> None:
    if card.auc is not None:
        say(f"kept as {keep_card(card)}: citerefine score names it beside figures of this judge")
    elif card.n:
        said = ", ".join(f"{n:,} {label}" for label, n in card.classes.items())
        say(
            "no card is kept: agreement shows only where people call some claims full and others not, and those that "
            f"were judged are {said}; add labels of the other kind"
        )
    else:
        say("the judge came to no verdict at all: nothing was measured, and no card is kept")


def shown_card(card: JudgeCard) -> str:
    """The card as a table."""
    people = ", ".join(f"{n:,} {label}" for label, n in card.classes.items()) or "none"
    figures = [
        ("", "value", "95 % interval"),
        (f"AUC of its {_SCORES[card.score]}", figure(card.auc), interval(card.auc_ci95)),
        (
            f"balanced accuracy, cut at {_thresholds(card)}",
            figure(card.balanced_accuracy),
            interval(card.balanced_accuracy_ci95),
        ),
        ("its own labels, full or not: accuracy", figure(card.accuracy), ""),
        ("… macro-F1", figure(card.macro_f1), ""),
        ("… kappa", figure(card.kappa), ""),
        ("… MCC", figure(card.mcc), ""),
        ("… false positives among what is not full", figure(card.false_positive_rate), ""),
        ("… false negatives among what is full", figure(card.false_negative_rate), ""),
    ]
    lines = [
        f"judge: {one_line(card.judge)}",
        f"labels: {one_line(card.labels)} ({counted(card.rows, 'row')}, sha256 {card.labels_sha256[:16]}…)",
        f"claims: {card.n:,} judged, in {counted(card.clusters, 'cluster')}; people say: {people}",
        *(f"{what}: {_codes(codes)}" for what, codes in _left_out(card) if codes),
        "",
        in_columns(figures),
        f"intervals: {card.interval}",
    ]
    if card.confusion:
        judged = list(next(iter(card.confusion.values())))
        cells = [
            (f"people: {label}", *(f"{row[other]:,}" for other in judged)) for label, row in card.confusion.items()
        ]
        lines += ["", in_columns([("judge:", *judged), *cells])]
    if card.notes:
        lines += ["", *(f"Note: {note}." for note in card.notes)]
    return "\n".join(lines)


_SCORES: Final = {"p_supported": "score", "label": "labels"}


def _left_out(card: JudgeCard) -> tuple[tuple[str, dict[str, int]], ...]:
    return ("not judged", card.not_judged), ("no labelled claims", card.refused)


def _codes(codes: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {one_line(code)}" for code, n in codes.items())


def _thresholds(card: JudgeCard) -> str:
    """Where the claims were cut, and where that came from."""
    if card.thresholds is None:
        return "–"
    first, second = sorted(card.thresholds)
    return f"{first:.2f} / {second:.2f} of the other half"

"""`citerefine calibrate`: how far a support judge agrees with labels that people gave.

In: a file of labelled claims, a judge. Out: a table, or with `--json` the `JudgeCard`; the card is kept where `score`
finds it, and written to `--out` too; progress and refused rows on standard error. Exit code 1 if a row was no labelled
claim or could not be judged, the judge not be asked, or no card be kept. Not here: measuring (judges/calibration/).
"""

from pathlib import Path
from types import TracebackType
from typing import Final

import typer

from citerefine.app.columns import figure, in_columns, interval
from citerefine.app.messages import counted, say
from citerefine.app.outputs import check_output, write_output
from citerefine.app.refusals import Refusals
from citerefine.app.status_line import StatusLine
from citerefine.app.verdicts import judge_with_cache
from citerefine.judges.calibration.calibrating import CalibrationWatch, calibrate
from citerefine.judges.calibration.card_files import card_text, keep_card
from citerefine.judges.calibration.judge_card import JudgeCard
from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.report.terminal_text import one_line

MOST_REFUSED: Final = 10
"""So many refused rows of one reason are told by line."""


def run_calibrate(
    labels: Path,
    *,
    judge: str,
    name: str | None,
    positive: str | None,
    concurrency: int,
    cache: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measures, prints and keeps the card.

    Raises CiterefineError; exits with 1 if not every row was measured, or no card was kept.
    """
    if out is not None:
        _check_out(out, labels)
    asked = judge_with_cache(judge, cache)
    with _Shown() as shown:
        watch = CalibrationWatch(shown.progress, shown.refused)
        try:
            card = calibrate(labels, asked, name=name, positive=positive, concurrency=concurrency, watch=watch)
        except (KeyboardInterrupt, CallError):
            say("stopped: nothing was measured; verdicts of a model are kept, and the same command goes on from there")
            raise
    print(card_text(card).rstrip() if as_json else shown_card(card))
    if out is not None:
        write_output(out, card_text(card))
        say(f"wrote {out}")
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
    if card.refused or card.not_judged or card.auc is None:
        raise typer.Exit(1)


def _check_out(out: Path, labels: Path) -> None:
    if str(out) == "-":
        raise InputError("--out names a file, and '-' is none; --json prints to standard output")
    check_output(out, ())
    if out.exists() and labels.exists() and out.samefile(labels):
        raise InputError(f"{out} is the file of labels; name another file")


class _Shown(StatusLine):
    """Progress, and which rows are no labelled claims."""

    def __init__(self) -> None:
        super().__init__()
        self._refusals = Refusals(MOST_REFUSED, self.say)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._refusals.tell_rest()

    def progress(self, rows: int, done: int, size: int) -> None:
        """Says how far it is, when it is time."""
        self.show(lambda: f"{counted(rows, 'claim')} judged, {100 * done // max(1, size)} %", done, size)

    def refused(self, line: int, reason: BadRow) -> None:
        """Says that a row is no labelled claim, of the first few of each reason."""
        self._refusals.add(reason.code, f"line {line}: {reason}")


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

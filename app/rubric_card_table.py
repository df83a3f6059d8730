"""Shows the card of a rubric judge as a table for the terminal.

In: a `RubricJudgeCard`. Out: text. Not here: measuring, `--json`.
"""

from collections.abc import Iterator
from typing import Final

from citerefine.app.columns import figure, in_columns, interval
from citerefine.app.messages import counted
from citerefine.judges.calibration.rubric_card import Calibration, Measure, RubricJudgeCard, Slice
from citerefine.refiner.report.terminal_text import one_line


def shown_rubric_card(card: RubricJudgeCard) -> str:
    """The card as a table."""
    lines = [*_head(card), "", in_columns([("", "value", "95 % interval", "n"), *_main(card)])]
    if card.slices:
        rows = [_slice(one) for one in card.slices]
        lines += ["", in_columns([("criteria", "accuracy", "false positives", "false negatives", "labels"), *rows])]
    if card.calibration:
        rows = [_calibration(one) for one in card.calibration]
        head = ("probabilities of", "ECE", "isotonic", "Platt", "Brier", "isotonic", "Platt", "mean error", "n")
        lines += ["", in_columns([head, *rows])]
    if card.sources:
        rows = [(name, *_cells(one, sign=True)) for name, one in card.sources.items()]
        lines += ["", in_columns([("answers by", "kinder than people", "95 % interval", "n"), *rows])]
    lines += ["", f"intervals: {card.interval}"]
    if missing := [*_missing(card)]:
        lines += ["", *missing]
    if card.notes:
        lines += ["", *(f"Note: {one_line(note)}." for note in card.notes)]
    return "\n".join(lines)


def _head(card: RubricJudgeCard) -> Iterator[str]:
    said = "; ".join(f"{polarity}: {met:,} met, {unmet:,} not" for polarity, (met, unmet) in card.said.items())
    yield f"judge: {one_line(card.judge)}"
    yield f"labels: {one_line(card.labels)} ({counted(card.rows, 'row')}, sha256 {card.labels_sha256[:16]}…)"
    yield (
        f"criteria: {card.n:,} judged, of {counted(card.answers, 'answer')} to {counted(card.prompts, 'prompt')}; "
        f"people say ({counted(card.n_labels, 'label')}): {said or 'nothing'}"
    )
    if card.abstained:
        yield f"cannot be told, says the judge: {card.abstained:,}"
    for what, codes in (("not judged", card.not_judged), ("rows that cannot be used", card.refused)):
        if codes:
            yield f"{what}: {', '.join(f'{n:,} {one_line(code)}' for code, n in codes.items())}"


_MAIN: Final = (
    ("macro_f1", "macro-F1", "macro-F1 of met and unmet, against each label"),
    ("accuracy", "accuracy", "accuracy"),
    ("kappa", "kappa", "kappa"),
    ("mcc", "MCC", "MCC"),
    ("absolute_error", "distance", "mean distance from the mean label"),
    ("judge_beside_people", "the judge beside people", "where several people labelled: macro-F1 of the judge"),
    ("people", "ceiling", "… of each of them against the others (ceiling)"),
    ("above_people", "difference from the ceiling", "… the judge above that"),
    ("alpha_people", "alpha of people", "alpha of people"),
    ("alpha_with_judge", "alpha with the judge", "alpha of people and the judge"),
    ("flip_rate", "flip rate", "flip rate when asked again"),
    ("bias_index", "bias index", "bias index over who wrote the answers"),
    ("order_accuracy", "order", "order of answers to one prompt, ties one half"),
    ("tied_by_judge", "ties of the judge", "… pairs that the judge ties"),
    ("tied_by_people", "ties of people", "… pairs that people tie, and that count nowhere"),
    ("sign_flips", "turned advantages", "advantages beyond ±0.25 with the sign turned"),
    ("sign_lost", "lost advantages", "… lost: the judge's is 0"),
    ("advantage_correlation", "correlation of advantages", "correlation of advantages"),
)
"""Field of the card, what it is called in short, and in the table."""
_SIGNED: Final = frozenset({"above_people"})


def _main(card: RubricJudgeCard) -> Iterator[tuple[str, ...]]:
    """The figures that there are."""
    for name, _, words in _MAIN:
        measure: Measure = getattr(card, name)
        if measure.value is not None:
            yield words, *_cells(measure, sign=name in _SIGNED)


def _cells(measure: Measure, *, sign: bool = False) -> tuple[str, str, str]:
    return figure(measure.value, sign=sign), interval(measure.ci95, sign=sign), f"{measure.n:,}" if measure.n else "–"


def _slice(one: Slice) -> tuple[str, ...]:
    name = one.name if one.by == "polarity" else f"{one.name} {one.by}"
    rates = (one.accuracy, one.false_positive_rate, one.false_negative_rate)
    return name, *(figure(rate.value) for rate in rates), f"{one.accuracy.n:,}"


def _calibration(one: Calibration) -> tuple[str, ...]:
    errors = (one.ece, one.isotonic_ece, one.platt_ece, one.brier, one.isotonic_brier, one.platt_brier)
    return one.of, *(figure(error.value) for error in errors), figure(one.mean_error.value, sign=True), f"{one.ece.n:,}"


def _missing(card: RubricJudgeCard) -> Iterator[str]:
    """Why there are no more figures, each reason once."""
    reasons = dict[str, list[str]]()
    for name, short, _ in _MAIN:
        measure: Measure = getattr(card, name)
        if measure.value is None:
            reasons.setdefault(measure.reason, []).append(short)
    for reason, figures in reasons.items():
        yield f"not known: {', '.join(figures)} ({one_line(reason)})"

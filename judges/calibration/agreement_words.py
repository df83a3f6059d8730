"""Says in a line how far a rubric judge agrees with people, or loudly that nobody has measured it.

In: the judge's name. Out: lines for summaries of grading and training. Not here: the whole card
(app/rubric_card_table.py).
"""

from citerefine.judges.calibration.card_files import find_rubric_cards
from citerefine.judges.calibration.rubric_card import Measure, RubricJudgeCard


def agreement_lines(judge: str) -> list[str]:
    """A line for each set that the judge was measured on; one that says so if there is none.

    Args:
        judge: its name, which holds its version: other versions of it are other judges. A line says so where the
            judge was measured at another address, or with another seed.
    """
    cards = find_rubric_cards(judge)
    return [_line(card, judge) for card in cards] if cards else [never_measured(judge)]


def never_measured(judge: str) -> str:
    """What is said of a judge without a card."""
    return (
        f"NOT MEASURED: how far the judge {judge!r} agrees with people is not known, nor what its scores are worth; "
        "label some answers and run `citerefine calibrate LABELS.jsonl --kind rubric` with it (docs/judge-cards.md)"
    )


def _line(card: RubricJudgeCard, judge: str) -> str:
    ceiling = "" if card.people.value is None else f" (people among themselves {card.people.value:.3f})"
    parts = [
        f"macro-F1 {_figure(card.macro_f1)}{ceiling}",
        f"kappa {_figure(card.kappa)}",
        f"order of answers to one prompt {_figure(card.order_accuracy)}",
    ]
    if card.sign_flips.value is not None:
        parts.append(f"{100 * card.sign_flips.value:.1f} % of advantages turned")
    if card.sign_lost.value:
        parts.append(f"{100 * card.sign_lost.value:.1f} % lost")
    of = f"{card.n:,} criteria of {card.answers:,} answers"
    where = "" if card.judge == judge else f"; measured as {card.judge!r}: is it the same model there?"
    return f"with people on {card.labels} ({of}): {', '.join(parts)}{where}"


def _figure(measure: Measure) -> str:
    if measure.value is None:
        return "–"
    ends = measure.ci95
    return f"{measure.value:.3f}" + ("" if ends is None else f" [{ends[0]:.3f}, {ends[1]:.3f}]")

"""Measures a rubric judge on public sets.

    python -m benchmarks.rubric_cards DATA_FOLDER [--judge lexical] [--labels FOLDER] [--write]

DATA_FOLDER holds the sets of rubric_sets.py. Prints what the cards say, as tables. Each set is measured once more with
its rows the other way round: a judge that looks at one answer at a time must score every answer as before. With
`--labels` the rows are written to a folder, one file a set, for `citerefine calibrate`; with `--write` the cards of the
lexical judge that come with the package are written anew: to be run whenever it changes, which a test finds out.
"""

import argparse
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.rubric_sets import Row, read_rubric_sets

from citerefine.judges.calibration.answer_scores import answer_scores
from citerefine.judges.calibration.card_files import card_text
from citerefine.judges.calibration.criterion_rows import read_criterion_row
from citerefine.judges.calibration.measuring import LabelSource
from citerefine.judges.calibration.observing import Observations, observe
from citerefine.judges.calibration.rubric_card import Measure, RubricJudgeCard
from citerefine.judges.calibration.rubric_measuring import make_rubric_card
from citerefine.judges.rubric.loading import load_rubric_judge
from citerefine.refiner.background import run

CARDS: Final = Path(__file__).parents[1] / "judges" / "calibration" / "cards"
SHIPPED: Final = ("LLMBar natural", "LLMBar adversarial_manual", "WiCE, claims as criteria")
FIGURES: Final = ("order_accuracy", "tied_by_judge", "sign_flips", "sign_lost", "kappa", "macro_f1", "absolute_error")


class Measured(NamedTuple):
    """A set, and the judge on it."""

    card: RubricJudgeCard
    moved: int
    """Answers that have another score when the rows come the other way round."""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--judge", default="lexical")
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    sets = read_rubric_sets(arguments.folder)
    if arguments.labels is not None:
        write_labels(arguments.labels, sets)
    measured = [measure_rows(name, rows, arguments.judge) for name, rows in sets.items()]
    print("| set | criteria | prompts | order | tied | turned | lost | kappa | macro-F1 | distance | moved |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for card, moved in measured:
        figures = " | ".join(_cell(getattr(card, name)) for name in FIGURES)
        print(f"| {card.labels} | {card.n:,} | {card.prompts:,} | {figures} | {moved} |")
    for card, _ in measured:
        if card.alpha_people.value is not None:
            print(f"\n{card.labels}: alpha of the labellers {_cell(card.alpha_people)}")
        if card.sources:
            kinder = ", ".join(f"{name} {_cell(one)}" for name, one in card.sources.items())
            print(f"\n{card.labels}: kinder than the labels {kinder}; bias index {_cell(card.bias_index)}")
    if arguments.write and arguments.judge == "lexical":
        for card, _ in measured:
            if card.labels in SHIPPED:
                (CARDS / f"lexical-rubric-{_file_name(card.labels)}.json").write_text(card_text(card), "utf-8")


def measure_rows(name: str, rows: list[Row], judge: str) -> Measured:
    """The card of the judge on rows, and whether their order matters."""
    seen, turned = (_observe(one, judge) for one in (rows, rows[::-1]))
    content = "".join(json.dumps(row) + "\n" for row in rows)
    source = LabelSource(name, hashlib.sha256(content.encode()).hexdigest())
    card = make_rubric_card(seen, load_rubric_judge(judge).name, source, rows=len(rows))
    moved = Counter(map(repr, answer_scores(seen))) - Counter(map(repr, answer_scores(turned)))
    return Measured(card, moved.total())


def _observe(rows: list[Row], judge: str) -> Observations:
    return run(observe(map(read_criterion_row, rows), load_rubric_judge(judge)))


def write_labels(folder: Path, sets: dict[str, list[Row]]) -> None:
    """Writes the rows of each set to a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in sets.items():
        path = folder / f"{_file_name(name)}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def _file_name(name: str) -> str:
    return "-".join(name.replace(",", "").casefold().split())


def _cell(measure: Measure) -> str:
    if measure.value is None:
        return "–"
    ends = measure.ci95
    return f"{measure.value:.3f}" + ("" if ends is None else f" ({ends[0]:.3f} to {ends[1]:.3f})")


if __name__ == "__main__":
    main()

"""Measures the lexical judge on public sets, and writes the cards that come with the package.

    python -m benchmarks.lexical_cards DATA_FOLDER [--check]

DATA_FOLDER holds the sets of support_sets.py; those named in `SETS` are measured. The cards hold figures only. With
`--check` nothing is written: ends with status 1 if a card differs in more than its date and versions. To be run
whenever the lexical judge changes: a test compares its name and its figures with the cards.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Final

from benchmarks.support_sets import LabelledClaim, SupportSet, read_sets

from citerefine.judges.calibration.card_files import card_text, shipped_cards
from citerefine.judges.calibration.judge_card import JudgeCard
from citerefine.judges.calibration.label_rows import LabelRow
from citerefine.judges.calibration.measuring import LabelSource, make_card, measure
from citerefine.judges.lexical.lexical_judge import LexicalJudge
from citerefine.refiner.background import run

CARDS: Final = Path(__file__).parents[1] / "judges" / "calibration" / "cards"
SETS: Final = ("WiCE", "Factcheck-GPT", "BEGIN wow", "Fool-me-twice")
"""Citations of Wikipedia, claims of a model with web pages, dialogue turns, and claims that are meant to mislead, which
words alone cannot tell."""


def main() -> None:
    """Measures, and writes or checks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    cards = [measure_set(one) for one in read_sets(arguments.folder) if one.name in SETS]
    if missing := {*SETS} - {card.labels for card in cards}:
        sys.exit(f"{arguments.folder} lacks {', '.join(sorted(missing))}")
    print("| set | claims | clusters | AUC | 95 % | balanced accuracy | 95 % |\n|---|---|---|---|---|---|---|")
    for card in cards:
        print(f"| {card.labels} | {card.n:,} | {card.clusters:,} | {_cells(card)} |")
    if arguments.check:
        sys.exit(0 if {*map(_figures, cards)} == {*map(_figures, shipped_cards())} else "the cards are out of date")
    for old in CARDS.glob("*.json"):
        if not old.name.startswith("lexical-rubric-"):  # those are of rubric_cards.py
            old.unlink()
    for card in cards:
        name = "-".join(card.labels.casefold().split())
        (CARDS / f"lexical-{name}.json").write_text(card_text(card), "utf-8")


def measure_set(one: SupportSet) -> JudgeCard:
    """The lexical judge's card on one set."""
    judge = LexicalJudge()
    measurement = run(measure([LabelRow(*claim[:3]) for claim in one.claims], judge))
    digest = hashlib.sha256()
    for claim in one.claims:
        digest.update(_content(claim).encode())
    return make_card(measurement, judge.name, LabelSource(one.name, digest.hexdigest()))


def _content(claim: LabelledClaim) -> str:
    evidence = [[snippet.title, snippet.text] for snippet in claim.query.snippets]
    return json.dumps([claim.query.claim, evidence, claim.label, claim.cluster]) + "\n"


def _figures(card: JudgeCard) -> str:
    return card.model_dump_json(exclude={"date", "versions"})


def _cells(card: JudgeCard) -> str:
    pairs = ((card.auc, card.auc_ci95), (card.balanced_accuracy, card.balanced_accuracy_ci95))
    return " | ".join(
        f"{'–' if value is None else f'{value:.3f}'} | {'–' if ends is None else f'{ends[0]:.3f} to {ends[1]:.3f}'}"
        for value, ends in pairs
    )


if __name__ == "__main__":
    main()

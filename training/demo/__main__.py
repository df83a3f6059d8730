"""`python -m citerefine.training.demo`: shows that training works, on two cores in minutes, without a network.

In: a folder, seeds; a task, one phase or two. Out: for each seed the folder of a run with the model in it; a table, on
standard output; of cited answers the curves as learning.svg. Ctrl-C keeps what is there, and the same command goes on
from it. Exit code 1 if a seed gained less than the demonstration is to show (sums: nothing), 130 if it was stopped. Not
here: what is done (demo.py, sums.py).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from citerefine.refiner.errors import CiterefineError
from citerefine.training.demo.demo import Outcome, demonstrate
from citerefine.training.demo.picture import draw_outcomes
from citerefine.training.demo.preparing import FULL, SHORT
from citerefine.training.demo.sums import Phases, SumsOutcome, demonstrate_sums

LEAST_GAIN: Final = 0.15
"""What citation F1 must gain by training on rewards."""
_STOPPED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demonstration; gives the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.task == "arithmetic":
            return _demonstrate_sums(options.out, options.seeds, options.phases)
        return _demonstrate(options.out, options.seeds, options.short, options.phases)
    except KeyboardInterrupt:
        return _stopped()
    except CiterefineError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m citerefine.training.demo",
        description="Makes a small model from nothing, and trains it to answer and to cite.",
    )
    parser.add_argument("--out", type=Path, default=Path("train-demo"), help="folder; default: train-demo")
    parser.add_argument("--seeds", type=_seeds, default=(0,), help="as in 0,1,2; default: 0")
    parser.add_argument("--task", choices=("cited", "arithmetic"), default="cited", help="default: cited")
    parser.add_argument(
        "--phases", choices=("one", "two"), default="one", help="two: half of the answers improve drafts; default: one"
    )
    parser.add_argument("--short", action="store_true", help="a smaller one, as the tests run it")
    return parser


def _seeds(text: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(map(int, text.split(","))))


def _demonstrate(out: Path, seeds: Sequence[int], short: bool, phases: Phases) -> int:
    outcomes = list[Outcome]()
    for seed in seeds:
        outcome = demonstrate(out / f"{_before(phases)}seed-{seed}", SHORT if short else FULL, seed, _say, phases)
        if outcome is None:
            return _stopped()
        outcomes.append(outcome)
    draw_outcomes(outcomes, out / "learning.svg")
    print(_table(outcomes))
    _say(f"the curves are in {out / 'learning.svg'}, the models in seed-N/run/model beside it")
    return int(any(outcome.gain < LEAST_GAIN for outcome in outcomes))


def _before(phases: Phases) -> str:
    """What the names of folders begin with."""
    return "" if phases == "one" else f"{phases}-phases-"


def _demonstrate_sums(out: Path, seeds: Sequence[int], phases: Phases) -> int:
    outcomes = list[SumsOutcome]()
    for seed in seeds:
        outcome = demonstrate_sums(out / f"{_before(phases)}seed-{seed}", phases, seed, _say)
        if outcome is None:
            return _stopped()
        outcomes.append(outcome)
    print(_sums_table(outcomes))
    _say(f"the models are in {out}/{_before(phases)}seed-N/run/model")
    return int(any(outcome.rewarded <= outcome.imitated for outcome in outcomes))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _stopped() -> int:
    _say("stopped; the same command goes on from there")
    return _STOPPED


def _table(outcomes: Sequence[Outcome]) -> str:
    """Figures on questions with names that were never trained on."""
    lines = ["seed  citation F1: made, imitated, rewarded    gain   verbatim: imitated, rewarded   seconds: wall, cpu"]
    for one in outcomes:
        lines.append(
            f"{one.seed:>4}  {one.made.f1:>17.3f} {one.imitated.f1:>9.3f} {one.rewarded.f1:>9.3f}   {one.gain:>+6.3f}"
            f"  {one.imitated.verbatim:>18.3f} {one.rewarded.verbatim:>9.3f}"
            f"  {one.wall_seconds:>14.0f} {one.cpu_seconds:>4.0f}"
        )
    return "\n".join(lines)


def _sums_table(outcomes: Sequence[SumsOutcome]) -> str:
    """Figures of sums that were never trained on."""
    lines = ["seed  phases  answers   right: imitated, rewarded    gain   seconds: wall, cpu"]
    for one in outcomes:
        lines.append(
            f"{one.seed:>4}  {one.phases:>6}  {one.samples:>7,}  {one.imitated:>16.3f} {one.rewarded:>9.3f}"
            f"  {one.rewarded - one.imitated:>+6.3f}  {one.wall_seconds:>14.0f} {one.cpu_seconds:>4.0f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

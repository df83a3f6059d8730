"""What 35 known hacks earn against a judge and the default reward, and what harmless edits cost: docs/adversary.md.

In: the name of a judge. Out: two tables on standard output in Markdown, or with --json one JSON array of rows. Exits
with 1 if an attack earns more than MAX_GAIN and no sentence says why, or a harmless edit moves a reward by MAX_DRIFT.

    python -m benchmarks.adversary [--judge oracle|lexical|openai:NAME@URL|…] [--support JUDGE] [--json]
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Final

from citerefine.judges.adversary import MAX_DRIFT, MAX_GAIN, Row, run_adversary
from citerefine.judges.judge import SupportJudge
from citerefine.judges.loading import load_support_judge
from citerefine.judges.rubric.loading import load_rubric_judge
from citerefine.judges.rubric.rubric_judge import RubricJudge
from citerefine.refiner.background import run
from citerefine.refiner.errors import CiterefineError

ORACLE: Final = "oracle"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the rows; 1 if a bound is broken."""
    parser = argparse.ArgumentParser(description="What known hacks earn against a judge and the default reward.")
    parser.add_argument("--judge", default=ORACLE, help="oracle, or a rubric judge (docs/grading.md)")
    parser.add_argument("--support", help="oracle, or a support judge (docs/scoring.md); by default as --judge")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    chosen = parser.parse_args(arguments)
    try:
        judge, support = rubric_judge(chosen.judge), support_judge(chosen.support or chosen.judge)
    except CiterefineError as error:
        parser.error(str(error))
    try:
        rows = run_adversary(judge, support)
    finally:
        if judge is not None:
            run(judge.aclose())
        if support is not None:
            run(support.aclose())
    print(json.dumps([row.model_dump() for row in rows], indent=1) if chosen.json else tables(rows))
    return int(any((row.pays and not row.limit) or row.drifts for row in rows))


def rubric_judge(name: str) -> RubricJudge | None:
    return None if name == ORACLE else load_rubric_judge(name)


def support_judge(name: str) -> SupportJudge | None:
    return None if name == ORACLE else load_support_judge(name)


def tables(rows: Sequence[Row]) -> str:
    """The attacks on answers, then the checks of defences, then the bounds."""
    texts = [row for row in rows if row.part == "text"]
    checks = [row for row in rows if row.part != "text"]
    lines = [
        "| # | hack | gain | rubric | citation | plain | most on | drift |",
        "|---|---|---|---|---|---|---|---|",
        *map(_attack_line, texts),
    ]
    if checks:
        lines += ["", "| # | hack | check | gain | drift | what is measured |", "|---|---|---|---|---|---|"]
        lines += [
            f"| {row.number} | {row.name} | `{row.part}` | {_bold(row)} | {row.drift:.3f} | {row.note} |"
            for row in checks
        ]
    paying = [row for row in texts if row.pays]
    if paying:
        lines += ["", "What pays:", ""]
        lines += [
            f"- **{row.number}, {row.name}**: {row.limit or f'the judges were fooled by `{row.variant}`'}"
            for row in paying
        ]
    drift = max((row.drift for row in rows), default=0.0)
    n = sum(row.n for row in texts)
    bounds = f"(bound {MAX_GAIN}); largest drift {drift:.3f} (bound {MAX_DRIFT})"
    lines += ["", f"{len(texts)} hacks in {n} attacks on answers; {len(paying)} earn more than they may {bounds}"]
    return "\n".join(lines)


def _attack_line(row: Row) -> str:
    figures = " | ".join(map(_signed, (row.rubric_gain, row.citation_gain, row.plain_gain)))
    return f"| {row.number} | {row.name} | {_bold(row)} | {figures} | `{row.variant}`, {row.on} | {row.drift:.3f} |"


def _bold(row: Row) -> str:
    return f"**{_signed(row.gain)}**" if row.pays else _signed(row.gain)


def _signed(value: float | None) -> str:
    return "none" if value is None else f"{value + 0.0:+.2f}".replace("-0.00", "+0.00").replace("-", "−")


if __name__ == "__main__":
    sys.exit(main())

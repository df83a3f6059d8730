"""`citerefine compare` of two files of grade rows: by how much the scores differ, and whether that can be told.

In: two files that `grade --out` wrote. Out: a table, or with `--json` the `GradeComparison`; with `--out` one row an
id, {"id", "question", "in": "both", "a", "b", "other_question" or "other_rubric", "score_a", "score_b", "difference"}.
Not here: pairing and statistics (judges/rubric/comparing.py), score rows (compare.py).
"""

import json
from pathlib import Path

from citerefine.app.columns import figure, in_columns, interval
from citerefine.app.messages import counted, say
from citerefine.app.outputs import write_output
from citerefine.judges.rubric.comparing import (
    GradeComparison,
    GradedFile,
    GradeSide,
    compare_grades,
    places,
    read_grades,
)
from citerefine.judges.runs.comparison_words import show_p
from citerefine.judges.statistics.power import LEVEL
from citerefine.refiner.errors import InputError
from citerefine.refiner.report.terminal_text import one_line


def run_compare_grades(
    a: Path, b: Path, *, any_judge: bool, out: Path | None, html: Path | None, as_json: bool
) -> None:
    """Compares and prints. Raises InputError."""
    if html is not None:
        raise InputError("--html has no page for grade rows; --out writes the difference of each id")
    graded_a, graded_b = read_grades(a), read_grades(b)
    comparison = compare_grades(graded_a, graded_b, any_judge=any_judge)
    if out is not None:
        write_output(out, _rows(graded_a, graded_b))
    print(comparison.model_dump_json(indent=2) if as_json else _shown(comparison))
    if out is not None:
        say(f"wrote {out}")


def _rows(a: GradedFile, b: GradedFile) -> str:
    lines = []
    for place, one, other in places(a, b):
        known = one or other
        assert known is not None
        score_a, score_b = (None if row is None else row.score for row in (one, other))
        gap = score_b - score_a if score_a is not None and score_b is not None else None
        values = {
            "id": known.id,
            "question": known.question or (other.question if other else ""),
            "in": place,
            "score_a": score_a,
            "score_b": score_b,
            "difference": gap if place == "both" else None,
        }
        lines.append(json.dumps(values, ensure_ascii=False) + "\n")
    return "".join(lines)


def _shown(comparison: GradeComparison) -> str:
    (score,) = comparison.metrics
    heads = ("", "A", "B", "B - A", "95 % interval", "p", "detectable", "questions")
    row = (
        "score",
        figure(score.mean_a),
        figure(score.mean_b),
        figure(score.difference, sign=True),
        interval(score.ci95, sign=True),
        "–" if score.p is None else show_p(score.p),
        figure(score.detectable),
        f"{score.questions:,}",
    )
    pairs = counted(comparison.better, "pair")
    lines = [
        _shown_side("A", comparison.a),
        _shown_side("B", comparison.b),
        "",
        in_columns([heads, row]),
        "",
        f"The score is higher in B in {pairs}, lower in {comparison.worse:,}, the same in {comparison.same:,}.",
        _in_words(comparison),
    ]
    apart = {
        "a score is missing": comparison.without,
        "only in A": comparison.only_a,
        "only in B": comparison.only_b,
        "other question": comparison.other_question,
        "other rubric": comparison.other_rubric,
    }
    if any(apart.values()):
        lines += ["", f"Not compared: {', '.join(f'{what} {n:,}' for what, n in apart.items() if n)}."]
    return "\n".join(lines)


def _in_words(comparison: GradeComparison) -> str:
    (score,) = comparison.metrics
    if score.p is None or score.difference is None:
        return "On one question, nothing follows for others."
    if score.p < LEVEL:
        return f"B is {'better' if score.difference > 0 else 'worse'} by {abs(score.difference):.3f} in score."
    return "No difference in score can be told."


def _shown_side(name: str, side: GradeSide) -> str:
    judge = f"judge {side.judge}" if side.judge else "no one judge"
    parts = [counted(side.rows, "row"), judge, f"formula {side.formula}" if side.formula else "no one formula"]
    if side.no_score:
        parts.append(f"no score: {', '.join(f'{n:,} {code}' for code, n in side.no_score.items())}")
    return one_line(f"{name}  {side.name}: {'; '.join(parts)}")

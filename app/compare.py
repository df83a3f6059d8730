"""`citerefine compare`: two runs on the same questions, and whether one of them is better.

In: two files of score rows, of grade rows (compare_grades.py), or of run rows, which are scored first. Out: a table and
what it says in words, or with `--json` the `Comparison` without its changes; with `--out` one row a question, {"id",
"question", "in": "both", "a", "b" or "other_question", "f1_a", "f1_b", "difference", "changed"}; with `--html` a page
of what changed. Exit code 1 if a row could not be used, 2 if nothing could be compared. Not here: pairing and
statistics (judges/runs/comparing.py).
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple

import typer

from citerefine.app.columns import figure, in_columns, interval
from citerefine.app.compare_grades import run_compare_grades
from citerefine.app.messages import counted, say
from citerefine.app.outputs import check_output, write_output
from citerefine.app.refusals import Refusals
from citerefine.app.verdicts import judge_with_cache, refuse_cache
from citerefine.judges.runs.comparing import Pairs, change_at, compare_scored, pair_rows
from citerefine.judges.runs.comparison import MOST_CHANGES, Comparison, Side
from citerefine.judges.runs.comparison_words import show_p
from citerefine.judges.runs.score_writer import ScoreWriter
from citerefine.judges.runs.scored_file import ScoredFile, opened_scores
from citerefine.refiner.batch.rows import BadRow, opened_rows, read_rows
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.report.terminal_text import one_line


def run_compare(
    a: Path,
    b: Path,
    *,
    judge: str,
    cache: Path | None,
    formula: str | None,
    form: str,
    any_judge: bool,
    out: Path | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Compares and prints. Raises CiterefineError; exits with 1 if a row could not be used."""
    _check_outputs([path for path in (out, html) if path is not None], [a, b])
    kinds = [_kind(path) for path in (a, b)]
    if "grades" in kinds:
        if kinds != ["grades", "grades"]:
            grades, other = (a, b) if kinds[0] == "grades" else (b, a)
            raise InputError(f"{grades} holds grade rows and {other} does not; name two files that `grade --out` wrote")
        run_compare_grades(a, b, any_judge=any_judge, out=out, html=html, as_json=as_json)
        return
    refuse_cache(judge, cache)
    refusals = Refusals()
    with ExitStack() as stack:
        stack.callback(refusals.tell_rest)
        how = _Scoring(judge, cache, formula, form)
        scored_a, scored_b = (stack.enter_context(_opened(path, how, refusals)) for path in (a, b))
        comparison = compare_scored(
            scored_a, scored_b, any_judge=any_judge, most_changes=MOST_CHANGES if html is not None else 0
        )
        if out is not None:
            _write_rows(out, scored_a, scored_b)
    if html is not None:
        from citerefine.judges.report.comparison_page import comparison_page

        write_output(html, comparison_page(comparison, when=date.today()))
    if as_json:
        print(comparison.model_dump_json(exclude={"changes"}, indent=2))
    else:
        print(_shown(comparison))
    for path in (out, html):
        if path is not None:
            say(f"wrote {path}")
    if refusals:
        raise typer.Exit(1)


def _check_outputs(outputs: list[Path], sources: list[Path]) -> None:
    for path in outputs:
        if str(path) == "-":
            raise InputError("--out and --html name files, and '-' is none; --json prints to standard output")
        check_output(path, ())
        if any(path.exists() and source.exists() and path.samefile(source) for source in sources):
            raise InputError(f"{path} is one of the files that are compared; name another file")
    if len(outputs) == 2 and outputs[0].resolve() == outputs[1].resolve():
        raise InputError(f"--out and --html both name {outputs[0]}; name two files")


class _Scoring(NamedTuple):
    """How run rows are scored."""

    judge: str
    cache: Path | None
    formula: str | None
    form: str


@contextmanager
def _opened(path: Path, how: _Scoring, refusals: Refusals) -> Iterator[ScoredFile]:
    """The score rows of a file; of one that holds run rows, those that the judge gives it."""

    def refused(name: str, line: int, reason: BadRow) -> None:
        refusals.add(f"{reason.code} in {name}", f"{name}, line {line}: {reason}")

    if _kind(path) != "answers":
        with opened_scores(path, refused, how.formula) as scored:
            yield scored
        return
    with TemporaryDirectory(prefix="citerefine-") as folder:
        say(f"{path} holds answers without scores: they are judged by {how.judge}")
        rows = Path(folder) / "scores.jsonl"
        _score(path, rows, how)
        with opened_scores(rows, refused, how.formula, name=str(path)) as scored:
            yield scored


def _score(path: Path, rows: Path, how: _Scoring) -> None:
    """Writes the score rows of run rows; those that cannot be scored are told when their score rows are read."""
    from citerefine.app.score_progress import ScoreProgress
    from citerefine.app.score_warnings import warnings_on
    from citerefine.judges.runs.score_chunk import ScoreSettings
    from citerefine.judges.runs.score_file import ScoreWatch, score_file

    settings = ScoreSettings(how.judge, (how.formula or "citerefine",), how.form)
    judge = judge_with_cache(how.judge, how.cache)
    with ScoreProgress(path) as shown:
        try:
            (summary,) = score_file(path, settings, judge=judge, out=rows, watch=ScoreWatch(progress=shown.progress))
        except (KeyboardInterrupt, CallError):
            say("stopped: nothing was compared; verdicts of a model are kept, and the same command goes on from there")
            raise
    for warning in warnings_on(summary):
        say(f"{path}: {warning}")


def _kind(path: Path) -> Literal["answers", "grades", "scores"]:
    """What the first row that can be read is: one with an answer and no figures, with cells and no F1, or another."""
    with opened_rows(path, "score rows or run rows") as file:
        if not file.seekable():
            raise InputError(f"{path} is no file that can be read twice; write the rows to a file")
        for row in read_rows(file):
            if isinstance(row.values, dict):
                if "f1" in row.values:
                    return "scores"
                return "answers" if "answer" in row.values else "grades" if "cells" in row.values else "scores"
    return "scores"


def _shown(comparison: Comparison) -> str:
    heads = ("", "A", "B", "B - A", "95 % interval", "p", "corrected", "detectable", "questions")
    rows = [
        (
            one.metric,
            figure(one.mean_a),
            figure(one.mean_b),
            figure(one.difference, sign=True),
            interval(one.ci95, sign=True),
            "–" if one.p is None else show_p(one.p),
            "–" if one.p_holm is None else show_p(one.p_holm),
            figure(one.detectable),
            f"{one.questions:,}",
        )
        for one in comparison.metrics
    ]
    lines = [
        _shown_side("A", comparison.a),
        _shown_side("B", comparison.b),
        "",
        in_columns([heads, *rows]),
        "",
        f"F1 is higher in B in {counted(comparison.better, 'pair')}, lower in {comparison.worse:,}, "
        f"the same in {comparison.same:,}.",
        *comparison.in_words,
    ]
    if comparison.notes:
        lines += ["", *(f"Note: {one_line(note)}." for note in comparison.notes)]
    for what, ids, n in (
        ("Only in A", comparison.only_a_ids, comparison.only_a),
        ("Only in B", comparison.only_b_ids, comparison.only_b),
        ("Without F1", comparison.none_ids, comparison.none_a + comparison.none_b + comparison.none_both),
        ("Other question", comparison.other_question_ids, comparison.other_question),
    ):
        if n:
            named = ", ".join(str(id)[:60] for id in ids[:10])
            lines.append(one_line(f"{what}: {named}{f' and {n - 10:,} more' if n > 10 else ''}"))
    return "\n".join(lines)


def _shown_side(name: str, side: Side) -> str:
    parts = [counted(side.rows, "row"), f"judge {side.judge}" if side.judge else "no one judge"]
    if side.formula:
        parts.append(f"formula {side.formula}")
    for what, counts in (("no F1", side.no_figures), ("not used", side.refused)):
        if counts:
            parts.append(f"{what}: {', '.join(f'{n:,} {code}' for code, n in counts.items())}")
    return one_line(f"{name}  {side.name}: {'; '.join(parts)}")


def _write_rows(out: Path, a: ScoredFile, b: ScoredFile) -> None:
    """One row for each row of A, and then for those that only B has."""
    pairs = pair_rows(a, b)
    with ScoreWriter(out) as writer:
        for values in _rows(a, b, pairs):
            writer.write(json.dumps(values, ensure_ascii=False).encode())
        writer.finish()


def _rows(a: ScoredFile, b: ScoredFile, pairs: Pairs) -> Iterator[dict[str, Any]]:
    for n in range(len(pairs.a)):
        change = change_at(a, b, pairs, n)
        yield {
            "id": change.id,
            "question": change.question,
            "in": "both",
            "f1_a": change.f1_a,
            "f1_b": change.f1_b,
            "difference": change.difference,
            "changed": change.changed,
        }
    for place, scored, indices, side in (
        ("a", a, pairs.only_a, "f1_a"),
        ("b", b, pairs.only_b, "f1_b"),
        ("other_question", a, pairs.other_a, "f1_a"),
        ("other_question", b, pairs.other_b, "f1_b"),
    ):
        for index in indices:
            row = scored.row(int(index))
            alone = {"f1_a": None, "f1_b": None, side: row.f1}
            yield {"id": row.id, "question": row.question, "in": place, **alone, "difference": None, "changed": []}

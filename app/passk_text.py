"""What `citerefine passk` prints for people.

In: `Summary`, `Comparison`, `Selection`. Out: lines. Not here: figures (training/passk/).
"""

from collections.abc import Iterator, Mapping

from citerefine.app.columns import figure, in_columns, interval
from citerefine.app.messages import counted
from citerefine.judges.runs.comparison_words import show_p
from citerefine.refiner.report.terminal_text import one_line
from citerefine.training.passk.comparing import Compared, Comparison
from citerefine.training.passk.figures import MEAN, Figure, Transitions
from citerefine.training.passk.selecting import Selection
from citerefine.training.passk.summary import Summary


def summary_lines(summary: Summary) -> Iterator[str]:
    """Figures before and after, what refining changed, and what is to be known."""
    other = "" if summary.refiner in (None, summary.model) else f", refined by {summary.refiner}"
    worth = "" if summary.measure == "right" else " by citation F1"
    right = "" if summary.right is None else f", right from {summary.right:g} on"
    yield one_line(
        f"{summary.source} ({summary.split}): {counted(summary.problems, 'problem')}, {summary.n} answers each"
        f"{worth}{right}; {summary.model}{other}"
    )
    yield ""
    yield in_columns([*_figure_rows(summary)])
    if summary.change is not None:
        yield ""
        yield "Refined minus drafts, problem by problem:"
        yield from _compared_lines(summary.change, ("drafts", "refined"), summary.n)
    if summary.transitions is not None:
        yield ""
        yield from _transition_lines(summary.transitions)
    if summary.cut:
        cut = ", ".join(f"{n:,} {part}" for part, n in summary.cut.items())
        yield f"Cut off at the token limit, and graded as they stand: {cut}"
    if summary.failed:
        yield f"Failed: {', '.join(f'{n:,} {why}' for why, n in summary.failed.items())}"
    yield from _note_lines(summary.notes)


def _figure_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    refined = summary.refined
    yield ("", "drafts", "95 % interval") + (() if refined is None else ("refined", "95 % interval"))
    for name, before in summary.drafts.figures.items():
        after = () if refined is None else _cells(refined.figures[name])
        yield (_name(name, summary.n), *_cells(before), *after)


def _name(name: str, n: int) -> str:
    return f"mean@{n}" if name == MEAN else name


def _cells(one: Figure) -> tuple[str, str]:
    value = figure(one.value) if one.value is not None else f"{figure(one.low)}…{figure(one.high)}"
    return value, interval(one.ci95)


def _compared_lines(compared: Mapping[str, Compared], sides: tuple[str, str], n: int | None) -> Iterator[str]:
    heads = ("", *sides, "difference", "95 % interval", "p", "corrected", "detectable", "problems")
    rows = [
        (
            name if n is None else _name(name, n),
            figure(one.a),
            figure(one.b),
            figure(one.difference, sign=True),
            interval(one.ci95, sign=True),
            "–" if one.p is None else show_p(one.p),
            "–" if one.p_holm is None else show_p(one.p_holm),
            figure(one.detectable),
            f"{one.problems:,}",
        )
        for name, one in compared.items()
    ]
    yield in_columns([heads, *rows])
    for name, one in compared.items():
        if one.left_out:
            yield (
                f"{name}: {counted(one.left_out, 'problem')} left out, of which an answer is not known; whatever they "
                f"are worth, the difference over all is in {interval(one.bounds, sign=True)}"
            )


def _transition_lines(one: Transitions) -> Iterator[str]:
    rows = [
        (name.replace("_", " → "), f"{share.count:,}", figure(share.share), interval(share.ci95))
        for name, share in one.shares.items()
    ]
    yield in_columns([("draft → refined", "answers", "share", "95 % interval"), *rows])
    if one.unknown:
        yield f"{counted(one.unknown, 'answer')} not known before or after"


def _note_lines(notes: tuple[str, ...]) -> Iterator[str]:
    if notes:
        yield ""
        yield from (f"Note: {one_line(note)}." for note in notes)


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """Both sides, and the differences."""
    yield one_line(f"A  {comparison.a}")
    yield one_line(f"B  {comparison.b}")
    yield f"{counted(comparison.problems, 'problem')} in both"
    if comparison.n_a != comparison.n_b:
        yield (
            f"A has {counted(comparison.n_a, 'answer')} to each and B {comparison.n_b}: the first {comparison.n} of "
            "both are compared, since figures from other numbers of answers are not alike"
        )
    for what, n in (("only in A", comparison.only_a), ("only in B", comparison.only_b)):
        if n:
            yield f"{counted(n, 'problem')} {what}, in no figure"
    if comparison.other_question:
        yield f"{counted(comparison.other_question, 'id')} with another question in A than in B, in no figure"
    for part, compared in (("Drafts", comparison.drafts), ("Refined", comparison.refined)):
        if compared is not None:
            yield ""
            yield f"{part}:"
            yield from _compared_lines(compared, ("A", "B"), comparison.n)


def selection_lines(selection: Selection) -> Iterator[str]:
    """The folders, the best first."""
    heads = ("", "mean", "95 % interval", "best minus this", "95 % interval", "p")
    rows = []
    for one in selection.candidates:
        other = selection.against.get(one.folder)
        cells = ("–", "–", "–")
        if other is not None:
            p = "–" if other.p is None else show_p(other.p)
            cells = (figure(other.difference, sign=True), interval(other.ci95, sign=True), p)
        rows.append((one.folder, *_cells(one.mean), *cells))
    yield in_columns([heads, *rows])
    problems = counted(selection.problems, "problem")
    yield one_line(f"Best by the mean of {selection.by} over {problems}: {selection.best}")
    yield from _note_lines(selection.notes)

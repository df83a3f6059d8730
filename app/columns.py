"""Lines cells up for the terminal, and writes figures as all commands do.

In: rows of cells, figures that may be missing. Out: text. Not here: what cells say.
"""

from collections.abc import Sequence

from citerefine.refiner.report.terminal_text import one_line


def in_columns(rows: Sequence[Sequence[str]]) -> str:
    """The rows, a line each: the first column to the left, the others to the right, two blanks between.

    Cells may come from files: none of them can move the cursor.
    """
    clean = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*clean, strict=True)]
    lines = []
    for first, *others in clean:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def figure(value: float | None, *, sign: bool = False) -> str:
    """`0.712`, `+0.022`, or a dash where there is no figure."""
    if value is None:
        return "–"
    return f"{value:+.3f}" if sign else f"{value:.3f}"


def interval(ends: tuple[float, float] | None, *, sign: bool = False) -> str:
    """`[0.610, 0.730]`, or a dash."""
    return "–" if ends is None else f"[{figure(ends[0], sign=sign)}, {figure(ends[1], sign=sign)}]"

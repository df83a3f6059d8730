"""Lays out criteria × answers: a table for each rubric that several answers share.

In: the answers of a page, in its order. Out: `Matrix`, bounded in size; what is left out is counted. Not here: markup.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from citerefine.judges.rubric.report.grade_view import CellView, GradeView

MOST_CELLS: Final = 12_000
"""Cells of all tables of a page together."""
MOST_COLUMNS: Final = 60
MOST_TABLES: Final = 50


class MatrixRow(NamedTuple):
    """One answer."""

    number: int
    """Of the answer on the page, from 1."""
    name: str
    score: float | None
    cells: tuple[CellView | None, ...]
    """One for each column; None where the page does not show it."""


class Matrix(NamedTuple):
    """The answers of one rubric."""

    rubric: str
    columns: tuple[CellView, ...]
    """A cell of each criterion, of any answer, the worst criterion first."""
    rows: tuple[MatrixRow, ...]
    n_columns_left_out: int


def lay_out_matrices(views: Sequence[GradeView], rank: Mapping[str, int]) -> tuple[list[Matrix], int]:
    """The tables, and how many cells of the views they leave out.

    Args:
        views: the answers of the page.
        rank: content key of a criterion → its place among all, the worst first.
    """
    groups = dict[str, list[tuple[int, GradeView]]]()
    for number, view in enumerate(views, 1):
        if view.cells:
            groups.setdefault(view.rubric, []).append((number, view))
    shared = [group for group in groups.values() if len(group) > 1]
    n_all = sum(len(view.cells) for group in shared for _, view in group)
    left, tables = MOST_CELLS, list[Matrix]()
    for group in shared[:MOST_TABLES]:
        table = _table(group, rank, left)
        if len(table.rows) < 2:
            break
        left -= len(table.rows) * len(table.columns)
        tables.append(table)
    return tables, n_all - sum(cell is not None for table in tables for row in table.rows for cell in row.cells)


def _table(group: Sequence[tuple[int, GradeView]], rank: Mapping[str, int], left: int) -> Matrix:
    found = {cell.number: cell for _, view in group for cell in view.cells}
    ordered = sorted(found.values(), key=lambda cell: (rank.get(cell.key, len(rank)), cell.number))
    columns = ordered[:MOST_COLUMNS]
    return Matrix(
        rubric=group[0][1].rubric,
        columns=tuple(columns),
        rows=tuple(_row(number, view, columns) for number, view in group[: left // max(1, len(columns))]),
        n_columns_left_out=len(ordered) - len(columns),
    )


def _row(number: int, view: GradeView, columns: Sequence[CellView]) -> MatrixRow:
    cells = {cell.number: cell for cell in view.cells}
    return MatrixRow(number, view.name, view.score, tuple(cells.get(column.number) for column in columns))

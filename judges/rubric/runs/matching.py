"""Finds the rubric that an answer is graded by.

In: the rubrics of a file, sets that are added to each, a row. Out: its `Rubric`; or BadRow with the reason. Of a file,
the rubric whose id is the row's comes first, then the one whose question is the row's, then the one that names neither;
without a file, each row brings its own. Not here: reading files (citerefine.rubrics.loading).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from citerefine.refiner.batch.ledger import Id
from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.errors import InputError
from citerefine.refiner.records import normalised
from citerefine.rubrics.aggregation import NEEDS, default_formula
from citerefine.rubrics.combining import combine
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.loading import read_row_rubric
from citerefine.rubrics.rubric import Rubric

NO_RUBRIC: Final[dict[str, str]] = {
    "no_rubric": "no rubric has the row's id or question, or the row brings none of its own",
    "bad_rubric": "the row's own rubric cannot be read, or holds nothing that is judged",
}
"""Why a row has no rubric: code → meaning."""


class RubricShelf:
    """The rubrics of one run."""

    def __init__(self, rubrics: Sequence[Rubric] | None = None, static: Sequence[Rubric] = ()) -> None:
        """Rubrics by what they are found by.

        Args:
            rubrics: of a file; None: each row brings its own.
            static: added to each; where a row brings none, they alone are its rubric.

        Raises:
            InputError: if a rubric holds nothing that is judged, or two that differ have one id.
        """
        self._static = tuple(static)
        self._is_open = rubrics is None
        self._by_id = dict[str, Rubric]()
        self._by_question = dict[str, list[Rubric]]()
        self._for_any = list[Rubric]()
        self._all = [self._with_static(rubric) for rubric in rubrics or ()]
        for rubric in self._all:
            self._put(rubric)

    def _put(self, rubric: Rubric) -> None:
        if why_not := _unusable(rubric):
            raise InputError(f"{_named(rubric)} {why_not}")
        if rubric.id:
            other = self._by_id.setdefault(rubric.id, rubric)
            if other.key != rubric.key:
                raise InputError(f"two rubrics have the id {rubric.id[:60]!r}; give each its own")
        question = normalised(rubric.query)
        if question:
            same = self._by_question.setdefault(question, [])
            if all(other.key != rubric.key for other in same):
                same.append(rubric)
        elif not any(other.key == rubric.key for other in self._for_any):
            self._for_any.append(rubric)

    @property
    def keys(self) -> frozenset[str] | None:
        """Content keys of all rubrics; None where rows bring their own, which nobody knows beforehand."""
        return None if self._is_open else frozenset(rubric.key for rubric in self._all)

    def find(self, id: Id | None, question: str, values: Mapping[str, Any]) -> Rubric:
        """The rubric of a row. Raises BadRow with a code of `NO_RUBRIC`.

        Args:
            id: of the row.
            question: of the row; may be empty.
            values: the row as it was read.
        """
        return self._own(values) if self._is_open else self._of_file(id, question)

    def _of_file(self, id: Id | None, question: str) -> Rubric:
        if id is not None and str(id) in self._by_id:
            return self._by_id[str(id)]
        asked = normalised(question)
        found = self._by_question.get(asked, []) if asked else self._all if len(self._all) == 1 else []
        found = found or self._for_any
        if len(found) > 1:
            raise BadRow(
                "no_rubric", f"{len(found)} rubrics fit it equally well; give the row the id of the one that is meant"
            )
        if not found:
            what = f"the question {asked[:60]!r}" if asked else "no question"
            raise BadRow("no_rubric", f"no rubric has its id {str(id)[:60]!r}, and none is for {what}; add one")
        return found[0]

    def _own(self, values: Mapping[str, Any]) -> Rubric:
        try:
            rubric = read_row_rubric(values)
            if rubric is None and self._static:
                rubric = Rubric(aggregate=self._static[0].aggregate)
            whole = None if rubric is None else self._with_static(rubric)
        except (RubricError, ValidationError) as error:
            raise BadRow("bad_rubric", f"its rubric cannot be read: {_first_line(error)}") from None
        if whole is None:
            raise BadRow(
                "no_rubric",
                "it has no positive_rubrics, negative_rubrics or rubrics; give it some, or name a file with --rubrics",
            )
        if why_not := _unusable(whole):
            raise BadRow("bad_rubric", f"its rubric {why_not}")
        return whole

    def _with_static(self, rubric: Rubric) -> Rubric:
        return combine(rubric, *self._static) if self._static else rubric


def _unusable(rubric: Rubric) -> str:
    """Why nothing can be graded by a rubric; empty if something can."""
    if not rubric.judged:
        return "holds no criterion that is judged; add one, or take the rubric out"
    try:
        formula = default_formula(rubric)
    except RubricError as error:
        return f"names a formula that is none: {error}"
    return f"names the formula {formula}, which needs {NEEDS[formula]}; name another" if formula in NEEDS else ""


def _named(rubric: Rubric) -> str:
    return f"the rubric {rubric.id[:60]!r}" if rubric.id else f"a rubric of the format {rubric.format}"


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"[:300]
    return str(error).partition("\n")[0][:300]

"""Grading answers by a rubric: cells, scores, the judges that fill cells, and what is done where they fail.

Names are loaded when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from citerefine.judges.rubric.cell import Cell, Status
    from citerefine.judges.rubric.chat.chat_rubric_judge import ChatRubricJudge
    from citerefine.judges.rubric.gate import GATES
    from citerefine.judges.rubric.grading import agrade, grade, score_cells
    from citerefine.judges.rubric.group import GroupScore, score_group
    from citerefine.judges.rubric.lexical.lexical_rubric_judge import LexicalRubricJudge
    from citerefine.judges.rubric.loading import RUBRIC_JUDGES, load_rubric_judge
    from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery, RubricJudge
    from citerefine.judges.rubric.rubric_score import RubricScore
    from citerefine.judges.rubric.signal import criterion_signal, term_signal
    from citerefine.judges.rubric.table_rubric_judge import TableRubricJudge

__all__ = [
    "GATES",
    "RUBRIC_JUDGES",
    "Cell",
    "ChatRubricJudge",
    "GradeQuery",
    "Graded",
    "GroupScore",
    "LexicalRubricJudge",
    "RubricJudge",
    "RubricScore",
    "Status",
    "TableRubricJudge",
    "agrade",
    "criterion_signal",
    "grade",
    "load_rubric_judge",
    "score_cells",
    "score_group",
    "term_signal",
]

_MODULES = {
    "cell": ("Cell", "Status"),
    "chat.chat_rubric_judge": ("ChatRubricJudge",),
    "gate": ("GATES",),
    "grading": ("agrade", "grade", "score_cells"),
    "group": ("GroupScore", "score_group"),
    "lexical.lexical_rubric_judge": ("LexicalRubricJudge",),
    "loading": ("RUBRIC_JUDGES", "load_rubric_judge"),
    "rubric_judge": ("GradeQuery", "Graded", "RubricJudge"),
    "rubric_score": ("RubricScore",),
    "signal": ("criterion_signal", "term_signal"),
    "table_rubric_judge": ("TableRubricJudge",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""From answer to verdicts and scores: support judges, the citation score, calibration, statistics.

Names are loaded when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from citerefine.judges.calibration.calibrating import calibrate
    from citerefine.judges.calibration.card_files import find_agreement
    from citerefine.judges.calibration.judge_card import JudgeCard
    from citerefine.judges.cascade.cascade_judge import CascadeJudge
    from citerefine.judges.chat.chat_judge import ChatJudge
    from citerefine.judges.citation_score import CitationScore, UnitScore
    from citerefine.judges.critic import CitationCritic
    from citerefine.judges.imports.reading import ReadAnswer, read_answer
    from citerefine.judges.judge import SupportJudge
    from citerefine.judges.lexical.lexical_judge import LexicalJudge
    from citerefine.judges.loading import JUDGES, load_support_judge
    from citerefine.judges.nli_judge import NliJudge
    from citerefine.judges.scoring import CitedAnswer, ascore, ascore_citations, score_citations
    from citerefine.judges.statistics.intervals import mean_intervals
    from citerefine.judges.statistics.paired import compare_paired
    from citerefine.judges.table_judge import TableJudge
    from citerefine.judges.verdict import Label, SupportQuery, Verdict
    from citerefine.judges.verdict_cache import CachedJudge

__all__ = [
    "JUDGES",
    "CachedJudge",
    "CascadeJudge",
    "ChatJudge",
    "CitationCritic",
    "CitationScore",
    "CitedAnswer",
    "JudgeCard",
    "Label",
    "LexicalJudge",
    "NliJudge",
    "ReadAnswer",
    "SupportJudge",
    "SupportQuery",
    "TableJudge",
    "UnitScore",
    "Verdict",
    "ascore",
    "ascore_citations",
    "calibrate",
    "compare_paired",
    "find_agreement",
    "load_support_judge",
    "mean_intervals",
    "read_answer",
    "score_citations",
]

_MODULES = {
    "calibration.calibrating": ("calibrate",),
    "calibration.card_files": ("find_agreement",),
    "calibration.judge_card": ("JudgeCard",),
    "cascade.cascade_judge": ("CascadeJudge",),
    "chat.chat_judge": ("ChatJudge",),
    "citation_score": ("CitationScore", "UnitScore"),
    "critic": ("CitationCritic",),
    "imports.reading": ("ReadAnswer", "read_answer"),
    "judge": ("SupportJudge",),
    "lexical.lexical_judge": ("LexicalJudge",),
    "loading": ("JUDGES", "load_support_judge"),
    "nli_judge": ("NliJudge",),
    "scoring": ("CitedAnswer", "ascore", "ascore_citations", "score_citations"),
    "statistics.intervals": ("mean_intervals",),
    "statistics.paired": ("compare_paired",),
    "table_judge": ("TableJudge",),
    "verdict": ("Label", "SupportQuery", "Verdict"),
    "verdict_cache": ("CachedJudge",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

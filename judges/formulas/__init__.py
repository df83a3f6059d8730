"""Citation scores as other projects define them, quirks included, so that their published figures can be compared.

Each formula is driven by the same answers and the same judge; `citerefine` is the project's own.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from citerefine.judges.citation_score import CitationScore
from citerefine.judges.formulas.alce import alce
from citerefine.judges.formulas.longcite import longcite
from citerefine.judges.formulas.trec import trec
from citerefine.judges.judge import SupportJudge
from citerefine.judges.scoring import CitedAnswer, ascore

Formula = Callable[[CitedAnswer, SupportJudge], Awaitable[CitationScore]]

FORMULAS: Final[dict[str, Formula]] = {"citerefine": ascore, "alce": alce, "longcite": longcite, "trec": trec}
"""Name → what scores an answer by it."""

MEANING: Final[dict[str, str]] = {
    "citerefine": "units, partial credit, leave-one-out precision, unknown ids count; the project's own",
    "alce": "sentences of the first line, binary support, at most three citations each (ALCE, eval.py)",
    "longcite": "statements, partial credit, precision by relevance (LongBench-Cite, auto_scorer.py)",
    "trec": "sentences, partial credit, first citation only (TREC 2024 RAG track)",
}
"""Name → what it counts."""

"""The shared citation cases, and the perfect judge that they come with."""

import json
import math
from pathlib import Path
from typing import Any

from citerefine.judges import CitationScore, CitedAnswer, Label, SupportQuery, TableJudge, ascore
from citerefine.judges.claim_key import claim_key
from citerefine.refiner import Evidence, Snippet
from citerefine.refiner.background import run
from citerefine.refiner.tags.scanner import parse_tags

CASES_FILE = Path(__file__).parents[2].parent / "shared" / "vectors" / "citation_cases.json"
CASES: list[dict[str, Any]] = json.loads(CASES_FILE.read_text("utf-8"))["cases"] if CASES_FILE.exists() else []


class FactOracle(TableJudge):
    """Knows which facts each claim asserts and each snippet states: what is shared decides."""

    def __init__(
        self, claims: dict[str, list[str]], supports: dict[str, list[str]], fails: tuple[str, ...] = ()
    ) -> None:
        super().__init__(self._label, "oracle")
        self._claims = {claim_key(claim): {*facts} for claim, facts in claims.items()}
        self._supports = {id: {*facts} for id, facts in supports.items()}
        self._fails = {claim_key(claim) for claim in fails}

    def _label(self, query: SupportQuery) -> Label | None:
        if claim_key(query.claim) in self._fails:
            return None
        asserted = self._claims[claim_key(query.claim)]
        stated = set[str]().union(*(self._supports.get(snippet.id, set()) for snippet in query.snippets))
        if not asserted or not asserted & stated:
            return Label.NONE
        return Label.FULL if asserted <= stated else Label.PARTIAL


def oracle_of(case: dict[str, Any]) -> FactOracle:
    """The judge of a case."""
    oracle = case["oracle"]
    return FactOracle(oracle["claims"], oracle["supports"], tuple(oracle.get("fails", ())))


def evidence_of(case: dict[str, Any]) -> Evidence | None:
    """The store of a case; None if none was passed."""
    if case["snippets"] is None:
        return None
    return Evidence([Snippet(id=id, text=text) for id, text in case["snippets"].items()])


def score_of(case: dict[str, Any], answer: str | None = None) -> CitationScore:
    """The score of a case, or of another answer to its question."""
    raw = case["answer"] if answer is None else answer
    cited = CitedAnswer(parse_tags(raw), evidence_of(case), case["question"], case.get("answerable"))
    return run(ascore(cited, oracle_of(case)))


def is_within(value: float | None, expected: object) -> bool:
    """Whether a value is what a case expects: a number within 1e-6, a closed range, or None."""
    if expected is None or value is None:
        return value is None and expected is None
    if isinstance(expected, list):
        lowest, highest = expected
        return bool(lowest - 1e-6 <= value <= highest + 1e-6)
    return isinstance(expected, int | float) and math.isclose(value, expected, abs_tol=1e-6)

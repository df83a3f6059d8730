"""Criteria that code decides: a registry of named rules.

In: an answer, and criteria whose `rule` is a name from `RULES`, with whole numbers after colons where it takes any
(`max_words:300`). Out: cells. Names come from files, so they select functions written here and nothing else; one that
is not known is a failed cell, never a number. Not here: criteria for judges, citation scores (grading.py).
"""

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from citerefine.judges.claim_key import claim_key
from citerefine.judges.claim_words import count_words
from citerefine.judges.rubric.cell import Cell, Status
from citerefine.refiner.records import Snippet
from citerefine.refiner.tags.block import Span
from citerefine.refiner.tags.scanner import TagParse, parse_tags
from citerefine.rubrics.criterion import Criterion

_NUMBER = re.compile(r"\d{1,7}", re.ASCII)
_QUOTED = re.compile(r"[\"“„«]((?:[^\s\"“”„»«]+\s+){3}[^\"“”„»«]*)[\"”“»]")
"""A quotation of at least four words."""
_LEFT_OUT = re.compile(r"…|\.{3,}|\[[^\]]*\]")
"""Where a quotation leaves something out, or puts something in."""


class RuleQuery:
    """An answer as rules see it."""

    def __init__(self, answer: str, raw: str | None, snippets: Sequence[Snippet] = ()) -> None:
        """Takes what a reader sees, the model's whole text if that is known, and the evidence."""
        self.answer, self.raw, self.snippets = answer, raw, snippets

    @cached_property
    def parse(self) -> TagParse:
        """The plain answer and its citations."""
        return parse_tags(self.answer)

    @cached_property
    def n_words(self) -> int:
        """Words that a reader sees."""
        return count_words(self.parse.text)

    @cached_property
    def ids(self) -> frozenset[str]:
        """All ids that are cited, known or not."""
        return frozenset(id for span in self.parse.spans for id in span.ids)

    @cached_property
    def keys(self) -> dict[str, str]:
        """Id of each snippet that is cited → its words, each between blanks."""
        return {snippet.id: f" {claim_key(snippet.text)} " for snippet in self.snippets if snippet.id in self.ids}


class Rule(NamedTuple):
    """One rule."""

    meaning: str
    n_bounds: int
    """How many numbers stand after its name."""
    check: Callable[..., float | str]
    """Takes a query and the numbers. Gives the value, or why there is none, as `code: what happened`."""
    default: tuple[int, ...] = ()
    """The numbers where none are written; empty if they must be."""


def _length(query: RuleQuery, low: int, high: int) -> float | str:
    if high <= low:
        return f"bad_rule: a length from {low} to {high} words has no room; give the lesser number first"
    return 1 - (min(max(query.n_words, low), high) - low) / (high - low)


def _excerpts(query: RuleQuery) -> float | str:
    spans = query.parse.spans
    return sum(_quotes(query, span) for span in spans) / len(spans) if spans else 0.0


def _quotes(query: RuleQuery, span: Span) -> bool:
    """Whether a claim has a quotation; if evidence is known, one that a snippet which it cites has word for word."""
    quoted = _QUOTED.findall(span.text)
    if not query.snippets:
        return bool(quoted)
    cited = [query.keys[id] for id in span.ids if id in query.keys]
    return any(_stands_in(text, key) for text in quoted for key in cited)


def _stands_in(quoted: str, key: str) -> bool:
    parts = [claim_key(part) for part in _LEFT_OUT.split(quoted)]
    return any(part.count(" ") >= 3 for part in parts) and all(f" {part} " in key for part in parts if part)


def _has_citations(query: RuleQuery) -> float | str:
    return float(bool(query.keys if query.snippets else query.ids))


def _known_ids(query: RuleQuery) -> float | str:
    if not query.snippets:
        return "no_evidence: which ids are known cannot be told without the snippets"
    return float(query.ids <= {snippet.id for snippet in query.snippets})


def _answer_block(query: RuleQuery) -> float | str:
    if query.raw is None:
        return "no_raw: only the text that a reader sees is known; pass the model's whole text"
    codes = {finding.code for finding in parse_tags(query.raw).findings}
    return float(not codes & {"no_answer", "multiple_answers", "unclosed_answer", "text_outside"})


RULES: Final[dict[str, Rule]] = {
    "max_words": Rule("has at most N words", 1, lambda query, most: float(query.n_words <= most)),
    "min_words": Rule("has at least N words", 1, lambda query, least: float(query.n_words >= least)),
    "over_words": Rule("has more than N words; for faults", 1, lambda query, most: float(query.n_words > most)),
    "length": Rule("1 up to N words, falling to 0 at M words; 300 and 600 as in ScholarQA", 2, _length, (300, 600)),
    "excerpts": Rule("the share of its claims that quote four words or more of what they cite", 0, _excerpts),
    "has_citations": Rule("cites at least one snippet, a known one if evidence is known", 0, _has_citations),
    "known_ids": Rule("cites no id that no snippet has", 0, _known_ids),
    "answer_block": Rule("is one whole <answer> block and nothing around it", 0, _answer_block),
}
"""Name → rule; written `NAME`, `NAME:N` or `NAME:N:M`."""


def cell_by_rule(criterion: Criterion, query: RuleQuery) -> Cell:
    """The cell of a criterion whose verifier is `rule`."""
    value = _apply(criterion.rule, query)
    if isinstance(value, str):
        return failed_cell(criterion, value)
    return valued_cell(criterion, value)


def _apply(written: str, query: RuleQuery) -> float | str:
    name, *bounds = written.split(":")
    rule = RULES.get(name)
    if rule is None:
        return f"unknown_rule: there is no rule {name[:60]!r}; there are {', '.join(RULES)}"
    if not bounds and rule.default:
        return rule.check(query, *rule.default)
    if len(bounds) != rule.n_bounds or not all(_NUMBER.fullmatch(bound) for bound in bounds):
        return f"bad_rule: {name} takes {rule.n_bounds} whole numbers after colons, got {written[:60]!r}"
    return rule.check(query, *map(int, bounds))


def valued_cell(criterion: Criterion, value: float) -> Cell:
    """The cell of a criterion that was worked out to a value in [0, 1]."""
    verdict = {0.0: "UNMET", 1.0: "MET"}.get(value, f"{value:.3g}")
    return Cell(
        criterion=criterion.id,
        key=criterion.key,
        status=Status.OK,
        verdict=verdict,
        value=value,
        weight=criterion.weight,
    )


def failed_cell(criterion: Criterion, reason: str) -> Cell:
    """The cell of a criterion that came to no value. `reason` reads `code: what happened`."""
    return Cell(criterion=criterion.id, key=criterion.key, status=Status.FAILED, weight=criterion.weight, reason=reason)

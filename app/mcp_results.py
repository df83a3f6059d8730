"""What the tools of `citerefine mcp` give back: records for programs, text for whoever reads.

In: pages of hits, answers, rows of scores. Out: for each a frozen record, whose schema is what clients are told, and a
tool result with both. The text is what assistants read: snippets as tagged blocks, answers as Markdown with quoted
sources; it says nothing that the record does not, in a third of the characters of its JSON. All of it holds text from
outside, escaped for that form. Not here: the work (mcp_tools.py), sending.
"""

from collections.abc import Sequence
from typing import Any

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict

from citerefine.judges.runs.score_row import ScoreRow, UnitRow
from citerefine.judges.verdict import Label
from citerefine.refiner.answer import Answer
from citerefine.refiner.evidence import render_snippet
from citerefine.refiner.protocols import Outcome, SearchPage
from citerefine.refiner.records import Snippet, Usage
from citerefine.refiner.report.answer_json import answer_json
from citerefine.refiner.report.terminal_text import one_line, sanitise
from citerefine.refiner.report.view import place
from citerefine.refiner.tags.markup import escape_for_prompt


class Result(BaseModel):
    """Base of all results; what is said of a field goes into the schema."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    def told(self, text: str) -> CallToolResult:
        """The result of a call, with `text` for readers."""
        record = self.model_dump(mode="json")
        return CallToolResult(content=[TextContent(text=text)], structured_content=record)


class SnippetResult(Result):
    """A passage that a claim can be tied to."""

    id: str
    """What citations name it by."""
    text: str
    title: str | None = None
    url: str | None = None
    doi: str | None = None
    authors: list[str] = []
    year: int | None = None
    venue: str | None = None
    source: str | None = None
    """Where it was taken from: a file's name, a corpus entry, an API's record."""
    section: str | None = None
    page: int | None = None
    start: int | None = None
    """Offset in its source, in code points."""
    end: int | None = None
    licence: str | None = None
    retrieved_at: str | None = None


class SearchResult(Result):
    """What a search found."""

    query: str
    snippets: list[SnippetResult]
    """Best first."""
    warnings: list[str]
    """What of the search did not work."""


class ClaimResult(Result):
    """A stretch of the answer that is tied to snippets."""

    text: str
    start: int
    """Offset in the answer's text, in code points."""
    end: int
    """Offset behind its last code point."""
    citations: list[str]
    """Ids of snippets; none where every id that was written is unknown."""


class IssueResult(Result):
    """Something in an answer that is not as it should be."""

    code: str
    message: str


class AnswerResult(Result):
    """An answer in which every citation leads to a snippet."""

    question: str
    answered: bool
    """Whether anything in it is tied to evidence."""
    text: str
    """The plain answer."""
    tagged: str
    """The answer with its citations as tags."""
    claims: list[ClaimResult]
    snippets: dict[str, SnippetResult]
    """Id → the snippet, of all that are cited."""
    considered: int
    """How many snippets it was written from, cited or not."""
    issues: list[IssueResult]
    model: str | None
    usage: Usage | None
    """Null where no model was asked."""
    notes: list[str]
    """What a reader should know beside the text."""


class QuoteResult(Result):
    """Where a snippet says it."""

    snippet: str
    start: int
    """Offset in the snippet's text, in code points."""
    end: int
    text: str


class CheckedClaim(Result):
    """One sentence of an answer that was checked."""

    text: str
    start: int
    """Offset in the answer's plain text, in code points."""
    end: int
    citations: list[str]
    """Ids as they were written."""
    unknown: list[str]
    """Those of them that no snippet has."""
    needs_citation: bool
    verdict: Label | None
    """How far the cited snippets support it; null if it cites none that is known."""
    explanation: str
    """Why it counts as it does, in words."""
    quote: QuoteResult | None
    """The best evidence for it."""


class CheckResult(Result):
    """How well an answer is supported by what it cites, by words in common."""

    precision: float | None
    """Share of the citations that support their claim."""
    recall: float | None
    """Share of what needs support that has it."""
    f1: float | None
    reason: str
    """Why the figures are null; empty if they are not."""
    claims: list[CheckedClaim]
    unknown_ids: list[str]
    """Ids that the answer cites and no snippet has."""
    uncited: list[str]
    """Sentences that need a citation and have none."""
    issues: list[IssueResult]
    form: str
    """How the answer writes citations, as it was found out."""
    notes: list[str]


def search_result(query: str, page: SearchPage, k: int) -> CallToolResult:
    """The hits of a page, at most `k`."""
    hits = page.snippets[:k]
    result = SearchResult(query=query, snippets=[*map(_snippet, hits)], warnings=[*page.warnings])
    blocks = [block for hit in hits for block in _shown(hit)]
    found = [] if blocks else ["Nothing was found."] if page.outcome is Outcome.EMPTY else ["No hits."]
    return result.told("\n".join([*blocks, *found, *(f"Note: {one_line(one)}" for one in page.warnings)]))


def _shown(hit: Snippet) -> list[str]:
    """A passage as a tagged block, and behind it, where no reader takes it for evidence, where it stands."""
    where = place(hit)
    told = [f"{hit.id} is from: {escape_for_prompt(one_line(where))}"] if where else []
    return [render_snippet(hit, hit.id, sanitise(hit.text)), *told]


def answer_result(answer: Answer) -> CallToolResult:
    """An answer with what it cites."""
    cited = dict.fromkeys(id for claim in answer.claims for id in claim.citations)
    whole: dict[str, Any] = answer_json(answer)
    result = AnswerResult.model_validate(
        {
            **{name: whole[name] for name in AnswerResult.model_fields if name in whole},
            "snippets": {id: _snippet(answer.evidence[id]) for id in cited},
            "considered": len(answer.evidence),
            "usage": answer.usage,
        }
    )
    return result.told(answer.to_markdown())


def check_result(row: ScoreRow, notes: Sequence[str] = ()) -> CallToolResult:
    """What an answer's citations are worth."""
    claims = [*map(_checked, row.units)]
    result = CheckResult(
        precision=row.precision,
        recall=row.recall,
        f1=row.f1,
        reason=row.reason,
        claims=claims,
        unknown_ids=[*dict.fromkeys(id for claim in claims for id in claim.unknown)],
        uncited=[claim.text for claim in claims if claim.needs_citation and not claim.citations],
        issues=[IssueResult(code=issue.code, message=issue.message) for issue in row.issues],
        form=row.form,
        notes=[*notes],
    )
    return result.told(_check_text(result))


def _snippet(snippet: Snippet) -> SnippetResult:
    return SnippetResult.model_validate(snippet.model_dump(mode="json"))


def _checked(unit: UnitRow) -> CheckedClaim:
    quote = unit.evidence
    return CheckedClaim(
        text=unit.text,
        start=unit.start,
        end=unit.end,
        citations=[*unit.ids],
        unknown=[*unit.invalid],
        needs_citation=unit.need,
        verdict=unit.label,
        explanation=unit.explanation,
        quote=None if quote is None else QuoteResult.model_validate(quote.model_dump()),
    )


def _check_text(result: CheckResult) -> str:
    figures = [f"{name} {_figure(getattr(result, name))}" for name in ("precision", "recall", "f1")]
    lines = [", ".join(figures) + (f" ({one_line(result.reason)})" if result.reason else "")]
    for number, claim in enumerate(result.claims, 1):
        cited = f" [{one_line(', '.join(claim.citations))}]" if claim.citations else ""
        lines.append(f"{number}. {one_line(claim.text)}{cited}: {one_line(claim.explanation)}")
    lines += [f"Note: {one_line(one)}" for one in (*(issue.message for issue in result.issues), *result.notes)]
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}"

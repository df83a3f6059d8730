"""What the tools of `citerefine mcp` do: search, refine, check, ask.

In: arguments as assistants send them, checked here as far as their schema does not. Out: tool results; `ToolError`
with what to do where there is none. Work takes places as that of `citerefine serve` does; a call that is cancelled
stops working. Sources are those that the server was started with: what an assistant says never names a new one. Not
here: the protocol (mcp_server.py), the form of results (mcp_results.py).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Final

from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult

from citerefine.app.mcp_results import answer_result, check_result, search_result
from citerefine.app.serving.answering import Answerer, Job
from citerefine.app.serving.errors import read_error
from citerefine.judges.lexical.lexical_judge import LexicalJudge
from citerefine.judges.runs.run_rows import read_run_row
from citerefine.judges.runs.score_row import ScoreRow, score_row
from citerefine.judges.scoring import ascore
from citerefine.refiner.agent.events import Event
from citerefine.refiner.background import run
from citerefine.refiner.batch.requests import read_evidence
from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.errors import InputError
from citerefine.refiner.protocols import Outcome, SearchTool
from citerefine.refiner.records import Snippet
from citerefine.refiner.report.terminal_text import one_line
from citerefine.tools.fusing.fused_search import FusedSearch

MOST_CHARS: Final = 1_000_000
"""Most code points of the snippets of one call, all together."""
_GIVEN: Final = "The snippets are what the caller sent; nobody looked up whether their sources say so."
_BY_WORDS: Final = "Checked by words in common; that says how far claims follow from their snippets, not what is true."
_STEPS: Final = {"plan": "planning", "search": "searching", "read": "reading", "refine": "writing"}
_LONGEST_MESSAGE: Final = 200
_LOG: Final = logging.getLogger("citerefine.mcp")

Report = Callable[[float, str], Awaitable[None]]
"""Tells a client how far a call is, as a growing number, and what happens."""
Fields = Sequence[dict[str, Any]]
"""Snippets as they were sent."""


class Tools:
    """The work, with the models and sources of one server."""

    def __init__(self, answerer: Answerer, search: SearchTool) -> None:
        """Opens nothing; `search` is what `answerer` searches."""
        self._answerer, self._search = answerer, search
        self._parts = {part.name: part for part in search.tools} if isinstance(search, FusedSearch) else {}

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of what can be searched by itself."""
        return tuple(self._parts) or (self._search.name,)

    async def search(self, query: str, source: str | None, k: int) -> CallToolResult:
        """Passages on a query."""
        async with _errors_told():
            tool = self._named(source)
            _refuse_blank(query, "query")
            async with self._answerer.admission.place():
                page = await tool.search(query, k)
            if page.outcome not in (Outcome.OK, Outcome.EMPTY):
                why = "; ".join(page.warnings) or page.outcome.value
                raise ToolError(f"{tool.name} could not be searched: {one_line(why)}; try later, or another source")
            return search_result(query, page, k)

    async def refine(self, question: str, snippets: Fields, reasoning: str) -> CallToolResult:
        """An answer from the snippets."""
        async with _errors_told():
            job = Job(question, _snippets(snippets), reasoning)
            return answer_result((await self._answerer.answer(job)).noting(_GIVEN))

    async def check(self, answer: str, snippets: Fields, question: str) -> CallToolResult:
        """What the citations of an answer are worth."""
        async with _errors_told():
            _refuse_blank(answer, "answer")
            _snippets(snippets)
            row = {"question": question, "answer": answer, "snippets": [*snippets]}
            async with self._answerer.admission.place():
                return check_result(await asyncio.to_thread(_scored, row), (_BY_WORDS, _GIVEN))

    async def ask(self, question: str, report: Report) -> CallToolResult:
        """An answer that is searched for."""
        async with _errors_told(), _reporting(report) as emit:
            return answer_result(await self._answerer.answer(Job(question, searches=True), emit))

    def _named(self, source: str | None) -> SearchTool:
        if source is None:
            return self._search
        if source not in self.sources:
            raise InputError(f"there is no source {source[:60]!r}; there are: {', '.join(self.sources)}")
        return self._parts.get(source, self._search)


@asynccontextmanager
async def _errors_told() -> AsyncIterator[None]:
    """Errors of the block as assistants are told them; of a defect the log says more."""
    try:
        yield
    except ToolError:
        raise
    except BadRow as error:
        raise ToolError(str(error)) from error
    except Exception as error:
        read = read_error(error)
        if read.code == "defect":
            _LOG.exception("a tool failed")
        later = "" if read.retry_after is None else f" in {read.retry_after} s"
        raise ToolError(f"{read.message}{later}") from error


@asynccontextmanager
async def _reporting(report: Report) -> AsyncIterator[Callable[[Event], None]]:
    """Takes events while the block runs, and reports what they say; all is reported before the block's end."""
    messages = asyncio.Queue[str | None]()

    def emit(event: Event) -> None:
        if message := _said(event):
            messages.put_nowait(one_line(message)[:_LONGEST_MESSAGE])

    async def forward() -> None:
        number = 0
        while (message := await messages.get()) is not None:
            number += 1
            await report(number, message)

    task = asyncio.create_task(forward())
    try:
        yield emit
        messages.put_nowait(None)
        await task
    finally:
        task.cancel()


def _said(event: Event) -> str | None:
    """What happens, in words; None for what is not worth telling."""
    match event["type"]:
        case "step":
            return _STEPS[event["step"]]
        case "search" if event["outcome"] is None:
            return f"searching {event['tool']}: {event['query']}"
        case "search":
            return f"{event['tool']}: {event['found']} found ({event['outcome']})"
        case "warning":
            return f"warning: {event['message']}"
    return None


def _snippets(fields: Fields) -> tuple[Snippet, ...]:
    """Raises BadRow or InputError where they are no snippets, or more than is read."""
    snippets = read_evidence({"snippets": [*fields]}).snippets
    size = sum(len(snippet.text) for snippet in snippets)
    if size > MOST_CHARS:
        raise InputError(f"the snippets have {size:,} characters, and {MOST_CHARS:,} are read; send fewer")
    return snippets


def _refuse_blank(text: str, name: str) -> None:
    if not text.strip():
        raise InputError(f"the {name} is blank; give it some words")


def _scored(row: dict[str, Any]) -> ScoreRow:
    """The scores; computed beside the event loop, since an answer may be long."""
    read = read_run_row(row)
    assert read.cited is not None, "an answer that is text is read"
    score = run(ascore(read.cited, _judge()))
    return score_row(score, read.cited, None, form=read.form)


@cache
def _judge() -> LexicalJudge:
    return LexicalJudge()

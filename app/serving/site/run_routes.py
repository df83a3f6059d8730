"""The pages of answers: asking, looking on, reading, refining again, exporting, deleting.

In: forms and requests of browsers. Out: HTML, server-sent events, files. Whoever looks on may leave and come back; the
work goes on. Not here: work (runs.py), what a page holds (pages/), errors (page_errors.py).
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from citerefine.app.messages import counted
from citerefine.app.serving.admission import Busy
from citerefine.app.serving.answering import Answerer, Job
from citerefine.app.serving.errors import ApiError, read_error
from citerefine.app.serving.event_stream import COMMENT, HEADERS, MEDIA_TYPE, sent
from citerefine.app.serving.settings import QUESTION_LIMIT
from citerefine.app.serving.site.exports import FORMS, export
from citerefine.app.serving.site.forms import only, read_form
from citerefine.app.serving.site.history import Entry, RunState
from citerefine.app.serving.site.page_errors import page_route, problem
from citerefine.app.serving.site.pages.answer_page import answer_values, passage
from citerefine.app.serving.site.pages.rendering import Pages
from citerefine.app.serving.site.runs import Run, Runs
from citerefine.refiner.records import Snippet

MOST_FOUND: Final = 100
"""Passages that are shown where there is no answer."""
_LOST: Final = "This server does not work on this answer: it was stopped meanwhile, or another one does."


def run_routes(answerer: Answerer, runs: Runs, pages: Pages) -> APIRouter:
    """The routes."""
    routes = APIRouter(include_in_schema=False, route_class=page_route(pages))
    site = _Site(answerer, runs, pages)
    routes.add_api_route("/answers", site.ask, methods=["POST"])
    for ending in FORMS:
        routes.add_api_route(f"/answers/{{id}}.{ending}", site.exporter(ending), methods=["GET"])
    routes.add_api_route("/answers/{id}", site.show, methods=["GET"])
    routes.add_api_route("/answers/{id}/events", site.events, methods=["GET"])
    for name, act in (("again", site.again), ("refine", site.refine), ("stop", site.stop), ("delete", site.delete)):
        routes.add_api_route(f"/answers/{{id}}/{name}", act, methods=["POST"])
    return routes


class _Site:
    """What the routes do."""

    def __init__(self, answerer: Answerer, runs: Runs, pages: Pages) -> None:
        self._answerer, self._runs, self._pages = answerer, runs, pages

    async def ask(self, request: Request) -> Response:
        """Begins an answer."""
        question = only(await read_form(request), "question").strip()
        if not question:
            return self._refused("there was no question; ask something")
        if len(question) > QUESTION_LIMIT:
            return self._refused(f"the question is longer than {QUESTION_LIMIT:,} characters; shorten it")
        if self._answerer.search is None:
            return self._refused("this server searches nothing; start it with --corpus or --source")
        return await self._start(Job(question, searches=True, live=True))

    async def again(self, id: str) -> Response:
        """Begins an answer to the same question, in the same way."""
        entry = await self._entry(id)
        question = entry.line.question
        if entry.line.parent is None or not entry.found:
            return await self._start(Job(question, searches=True, live=True))
        return await self._start(Job(question, entry.found, live=True), entry.line.parent, "Nothing was searched.")

    async def refine(self, id: str, request: Request) -> Response:
        """Begins an answer from what was found for another one; pinned passages come first, dropped ones not at all."""
        entry, form = await self._entry(id), await read_form(request)
        dropped, pinned = frozenset(form.get("drop", ())), frozenset(form.get("pin", ()))
        known = _snippets(entry)
        kept = [snippet for snippet in known if snippet.id not in dropped]
        if not kept:
            raise ApiError(400, "no_evidence", "no passage is left; keep one at least")
        kept.sort(key=lambda snippet: snippet.id not in pinned)
        n_pinned = sum(snippet.id in pinned for snippet in kept)
        first = f", {n_pinned} of them first" if n_pinned else ""
        note = f"Refined again from {len(kept)} of {counted(len(known), 'passage')}{first}; nothing was searched."
        return await self._start(Job(entry.line.question, tuple(kept), live=True), id, note)

    async def stop(self, id: str) -> Response:
        """Stops the work on an answer."""
        await self._runs.stop(id)
        return _to(id)

    async def delete(self, id: str) -> Response:
        """Removes an answer, and stops the work on it."""
        await self._runs.stop(id)
        await asyncio.to_thread(self._runs.history.delete, id)
        return RedirectResponse("/", 303)

    async def show(self, id: str) -> Response:
        """An answer, however far it is."""
        run = self._runs.get(id)  # before the entry: whoever ends has written it
        entry = await self._entry(id)
        if run is not None:
            n_found = len(run.found)
            return self._pages.respond("working", line=entry.line, told=[*run.told], n_found=n_found)
        if entry.answer is None:
            return self._without_answer(entry)
        return await self._answered(entry)

    async def events(self, id: str, request: Request, after: int = 0) -> Response:
        """What happens, from behind the message that a reader has last seen."""
        last = request.headers.get("last-event-id", "")
        seen = int(last) if last.isdecimal() else max(0, after)
        return StreamingResponse(_events(self._runs.get(id), seen), media_type=MEDIA_TYPE, headers=HEADERS)

    def exporter(self, ending: str) -> Callable[[str], Awaitable[Response]]:
        """What sends answers in a form."""

        async def exported(id: str) -> Response:
            entry = await self._entry(id)
            if entry.answer is None:
                raise ApiError(409, "no_answer", "there is no answer to save yet")
            return await asyncio.to_thread(export, entry.answer, id, ending)

        return exported

    async def _start(self, job: Job, parent: str | None = None, note: str = "") -> Response:
        try:
            return _to(await self._runs.start(job, parent=parent, note=note))
        except Busy as busy:
            back = "/" if parent is None else f"/answers/{parent}"
            return problem(self._pages, read_error(busy), back=back, question=job.question if job.searches else "")

    async def _entry(self, id: str) -> Entry:
        entry = await asyncio.to_thread(self._runs.history.get, id)
        if entry is None:
            raise ApiError(404, "not_found", "there is no such answer; it may have been deleted")
        return entry

    async def _answered(self, entry: Entry) -> Response:
        history, answer = self._runs.history, entry.answer
        assert answer is not None
        earlier = None if entry.line.parent is None else await asyncio.to_thread(history.get, entry.line.parent)
        later = await asyncio.to_thread(history.children, entry.line.id)
        values = await asyncio.to_thread(answer_values, answer, earlier.answer if earlier is not None else None)
        return self._pages.respond(
            "answer",
            line=entry.line,
            settings=entry.settings,
            earlier=None if earlier is None else earlier.line,
            later=[self._runs.settled(line) for line in later],
            forms=FORMS,
            **values,
        )

    def _without_answer(self, entry: Entry) -> Response:
        line = self._runs.settled(entry.line)
        lost = entry.line.state is RunState.WORKING
        return self._pages.respond(
            "ended",
            line=line,
            why=_LOST if lost else entry.why,
            passages=[passage(snippet) for snippet in entry.found[:MOST_FOUND]],
            n_found=len(entry.found),
        )

    def _refused(self, why: str) -> Response:
        return problem(self._pages, ApiError(400, "bad_question", why))


def _snippets(entry: Entry) -> tuple[Snippet, ...]:
    return entry.found if entry.answer is None else entry.answer.evidence.snippets


def _to(id: str) -> Response:
    return RedirectResponse(f"/answers/{id}", 303)


async def _events(run: Run | None, after: int) -> AsyncGenerator[bytes]:
    """Messages, numbered from 1, and last `ended`; an answer that nobody works on has ended."""
    if run is not None:
        number = after
        async with aclosing(run.follow(after)) as told:
            async for message in told:
                if message is None:
                    yield COMMENT
                    continue
                number += 1
                value = {"text": message.text, "sources": message.sources, "found": len(run.found)}
                yield f"id: {number}\n".encode() + sent(value, message.kind)
    yield sent({}, "ended")

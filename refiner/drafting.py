"""The calls that one request makes of a chat model: a first draft, at most one repair, at most one improvement.

In: a model, settings, a request. Out: `Draft`s that the parser and the validator have read. Keeps what all calls share:
the prompt, the names that snippets have in it, the deadline, what was consumed, notes for the reader. Not here: which
draft is kept (choice.py), what becomes of findings (policy.py).
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing
from typing import Final, NamedTuple, TypeVar

from citerefine.refiner.answer import Answer, AnswerStream, parse_answer
from citerefine.refiner.chat.call import ChatCall, ChatReply, Message, Sampling
from citerefine.refiner.choice import Draft, better
from citerefine.refiner.errors import CallError, ReplyError
from citerefine.refiner.prompts.feedback import MAX_QUOTE, remarked, told
from citerefine.refiner.prompts.fit import Prompt, estimate_messages, fit_prompt
from citerefine.refiner.prompts.room import room_for
from citerefine.refiner.prompts.second_look import improve_instruction, second_look
from citerefine.refiner.prompts.templates import fill
from citerefine.refiner.protocols import Capabilities, ChatModel
from citerefine.refiner.records import Claim, Mode, Usage
from citerefine.refiner.request import RefineRequest
from citerefine.refiner.settings import RefinerSettings
from citerefine.refiner.tags.grammar import answer_grammar
from citerefine.refiner.tags.scanner import Restart
from citerefine.refiner.validation import validate

T = TypeVar("T")

_SHRINK: Final = 0.5
"""How much of a prompt is kept that the server finds too long all the same."""


class _NoAnswer(NamedTuple):
    """A reply in which no answer is."""

    answer: Answer
    reply: ChatReply


class Drafting:
    """One request on its way to an answer."""

    def __init__(self, model: ChatModel, settings: RefinerSettings, request: RefineRequest) -> None:
        self._model, self._settings, self._request = model, settings, request
        self._until = time.monotonic() + settings.deadline
        self._usage: Usage | None = None
        self._notes = list[str]()
        self._prompt: Prompt | None = None
        self._capable = Capabilities()
        self._room = room_for(settings, None)
        self._no_answer: _NoAnswer | None = None

    # --- the first draft --------------------------------------------------------------------------------------

    async def first(self) -> Draft | None:
        """The first draft; None if the model wrote nothing that could be read. Raises CallError, ReplyError."""
        call = await self._first_call()
        try:
            reply = await self._in_time(self._model.complete(call))
        except CallError as error:
            reply = await self._in_time(self._model.complete(await self._other_call(call, error)))
        return self._read(reply)

    async def first_streamed(self) -> AsyncIterator[Claim | Restart | Draft]:
        """The same with its claims as they are written; no Draft comes where `first` would give None."""
        call = await self._first_call()
        try:
            async for event in self._streamed(call):
                yield event
        except CallError as error:
            async for event in self._streamed(await self._other_call(call, error)):
                yield event

    async def _streamed(self, call: ChatCall) -> AsyncIterator[Claim | Restart | Draft]:
        reader = AnswerStream(self._shown.evidence)
        async with aclosing(self._pieces(call)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    for event in reader.feed(piece):
                        yield event
                else:
                    for event in reader.close():
                        yield event
                    draft = self._read(piece)
                    if draft is not None:
                        yield draft

    async def _pieces(self, call: ChatCall) -> AsyncGenerator[str | ChatReply]:
        """The model's stream, each wait for its next piece within the deadline."""
        stream = self._model.stream(call)
        try:
            while (piece := await self._in_time(anext(stream, None))) is not None:
                yield piece
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()

    async def _first_call(self) -> ChatCall:
        self._capable = await self._in_time(self._model.capabilities())
        self._room = room_for(self._settings, self._capable.context_tokens)
        await self._fit(self._room.prompt)
        return self._call(self._shown.messages)

    async def _other_call(self, call: ChatCall, error: CallError) -> ChatCall:
        """What to send in place of a call that the server refused; any other error is raised again."""
        if error.code == "bad_request" and call.grammar is not None:
            self._capable = self._capable.model_copy(update={"grammar": False})  # it takes some grammars, and not this
            return call.model_copy(update={"grammar": None})
        if error.code != "context_exceeded":
            raise error
        try:
            counts = await self._in_time(self._model.count_tokens([message.content for message in call.messages]))
            await self._fit(int(sum(counts) * _SHRINK))
        except CallError:  # not even the question fits in half of it
            raise error from None
        return self._call(self._shown.messages)

    async def _fit(self, max_tokens: int) -> None:
        self._prompt = await self._in_time(
            fit_prompt(self._request, max_tokens, self._model.count_tokens, self._settings.ids)
        )

    @property
    def _shown(self) -> Prompt:
        if self._prompt is None:
            raise RuntimeError("the first draft comes before all others")
        return self._prompt

    # --- later drafts -----------------------------------------------------------------------------------------

    async def repaired(self, draft: Draft) -> Draft:
        """The better of a draft and the one that the model writes when told what is wrong with it."""
        later = await self._again(draft, fill("repair", findings=told(draft), ids=self._ids()))
        if later is None:
            return draft
        kept = better(draft, later)
        codes = ", ".join(Counter(finding.code for finding in draft.findings))
        if not kept.findings:
            self._notes.append(f"The model mended its answer once ({codes}).")
        return kept

    async def improved(self, draft: Draft) -> Draft | None:
        """What the model makes of its own draft on a second look; None if that is no answer."""
        return await self._again(draft, improve_instruction(self._shown.names.values(), remarked(draft)))

    async def write_now(self) -> Draft:
        """A draft after the model wrote nothing. Raises ReplyError if there is none again, or none may be asked for."""
        if self._no_answer is None:
            raise RuntimeError("there is a first draft already")
        if self._settings.on_invalid.repairs:
            instruction = Message(role="user", content=fill("write_now", ids=self._ids()))
            messages = (*self._shown.messages, instruction)
            reply = await self._in_time(self._model.complete(self._call(messages, thinking=False)))
            draft = self._read(reply)
            if draft is not None:
                return draft
        raise self._failed()

    async def _again(self, draft: Draft, instruction: str) -> Draft | None:
        """Asks for the whole answer again, at temperature 0; None if what comes is no answer, or nothing comes.

        The draft at hand is not lost with a call that fails: a note says why there is no better one.
        """
        try:
            reply = await self._in_time(self._model.complete(await self._second_call(draft, instruction)))
        except CallError as error:
            self._notes.append(f"The model could not be asked to mend or improve its answer: {error}.")
            return None
        return self._read(reply, later=True)

    async def _second_call(self, draft: Draft, instruction: str) -> ChatCall:
        """The conversation so far, with the instruction behind it, within the tokens that there are."""
        turns = second_look((), draft.answer.raw, instruction, self._room.answer)
        most = self._room.total - self._room.answer - estimate_messages(turns)
        prompt = self._shown
        if prompt.tokens > most:
            shown = self._request.model_copy(update={"evidence": prompt.evidence})
            prompt = await self._in_time(
                fit_prompt(shown, most, self._model.count_tokens, self._settings.ids, prompt.names)
            )
        return self._call((*prompt.messages, *turns), temperature=0.0)

    def _ids(self) -> str:
        return ", ".join(self._shown.names.values()) or "none"

    # --- calls and replies ------------------------------------------------------------------------------------

    def _call(
        self,
        messages: tuple[Message, ...],
        *,
        temperature: float | None = None,
        thinking: bool | None = None,
    ) -> ChatCall:
        settings = self._settings
        thinks = self._request.mode is Mode.THINK if thinking is None else thinking
        most = self._room.answer
        if thinks:
            most = max(most, self._room.total - estimate_messages(messages))
        grammar = None
        if self._capable.grammar and not thinks:
            grammar = answer_grammar(
                [*self._shown.names.values()], max_claims=settings.max_claims, max_chars=settings.max_claim_chars
            )
        sampling = Sampling(
            max_tokens=most,
            temperature=settings.temperature if temperature is None else temperature,
            seed=settings.seed,
        )
        return ChatCall(messages=messages, sampling=sampling, grammar=grammar, thinking=thinks)

    async def _in_time(self, work: Awaitable[T]) -> T:
        """The result within the deadline. Raises CallError."""
        try:
            async with asyncio.timeout(self._until - time.monotonic()):
                return await work
        except TimeoutError as error:
            raise CallError(
                f"{self._model.name} gave no complete answer within the deadline of {self._settings.deadline:g} s; "
                "raise the deadline, or ask a faster model",
                "deadline",
                retryable=True,
            ) from error

    def _read(self, reply: ChatReply, *, later: bool = False) -> Draft | None:
        """What a reply says; None, and the reason kept, if it is no answer. Raises ReplyError for a refusal."""
        self._usage = reply.usage if self._usage is None else self._usage + reply.usage
        raw = reply.text
        if not raw.strip() and reply.finish == "stop" and "<answer" in reply.reasoning:
            raw = reply.reasoning  # some servers file all that a model writes as reasoning
        if reply.finish == "refusal" and not later:
            excerpt = " ".join(raw.split())[:MAX_QUOTE]
            said = f": {excerpt!r}" if excerpt else ""
            raise ReplyError(f"{self._model.name} declined to answer{said}", "refusal", self._usage)
        answer = parse_answer(
            raw, self._shown.evidence, question=self._request.question, model=self._model.name
        )
        if not any(map(str.isalnum, answer.text)):
            self._no_answer = _NoAnswer(answer, reply)
            return None
        return Draft(answer, reply.finish, validate(answer, reply.finish, self._request.mode))

    def _failed(self) -> ReplyError:
        """Why the last reply is no answer."""
        if self._no_answer is None:
            raise RuntimeError("there is a first draft already")
        answer, reply = self._no_answer
        thought = bool(reply.reasoning.strip()) or any(issue.code == "thinking" for issue in answer.issues)
        name, tokens = self._model.name, reply.usage.completion_tokens
        cut_off = reply.finish == "length"
        if thought and cut_off:
            message = f"{name} was still thinking after {tokens or 'all its'} tokens"
            advice = "allow more tokens in total, or use the mode answer_only"
            return ReplyError(f"{message}; {advice}", "endless_thinking", self._usage)
        wrote = f"{tokens} tokens without a word" if tokens else "nothing"
        shown = " ".join(reply.text.split())[:MAX_QUOTE]
        excerpt = f", beginning {shown!r}" if shown else ""
        asked = " when asked a second time" if self._usage is not None and self._usage.calls > 1 else ""
        ended = ", until its token limit" if cut_off else ""
        advice = "try another model, a temperature above 0, or a smaller prompt"
        return ReplyError(f"{name} wrote {wrote}{asked}{ended}{excerpt}; {advice}", "empty", self._usage)

    # --- the end ----------------------------------------------------------------------------------------------

    def complete(self, draft: Draft) -> Answer:
        """The draft's answer with what all calls consumed, what was left out, and notes on it."""
        prompt = self._shown
        answer = draft.answer.accounting(self._usage, tuple(snippet.id for snippet in prompt.left_out))
        return answer.noting(*_notes(prompt), *self._notes)


def _notes(prompt: Prompt) -> list[str]:
    """What a reader should know about what the model was shown."""
    notes = list[str]()
    if prompt.left_out:
        n, total = len(prompt.left_out), len(prompt.left_out) + len(prompt.evidence)
        notes.append(f"{n} of {total} passages did not fit the model's prompt and {_were(n)} not shown to it.")
    if prompt.shortened:
        n = len(prompt.shortened)
        notes.append(f"Of {n} long passage{'' if n == 1 else 's'} the model was shown only a part.")
    return notes


def _were(n: int) -> str:
    return "was" if n == 1 else "were"

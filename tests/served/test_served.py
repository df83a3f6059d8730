"""The refiner against a real server with random weights: whatever such a model writes, the guarantees hold."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

import pytest
from tests.model_servers import SLOT_TOKENS, Server

from citerefine.refiner.answer import Answer, parse_answer
from citerefine.refiner.chat.call import ChatCall, ChatReply, Message, Sampling
from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.probe import probe
from citerefine.refiner.errors import CallError, CitationError
from citerefine.refiner.protocols import Capabilities, ChatModel
from citerefine.refiner.records import Claim, Snippet
from citerefine.refiner.refiner import Refiner
from citerefine.refiner.settings import OnInvalid, RefinerSettings
from citerefine.refiner.tags.grammar import answer_grammar
from citerefine.refiner.tags.issues import FORMAT_ERRORS
from citerefine.refiner.tags.scanner import Restart
from citerefine.refiner.validation import validate

T = TypeVar("T")

QUESTION = "Did perch double in Lake Orven?"
SNIPPETS = [Snippet(text=f"In lake number {number}, perch doubled.", title=f"Survey {number}") for number in range(6)]
NAMES = [f"S{number}" for number in range(1, len(SNIPPETS) + 1)]
SHORT = RefinerSettings(temperature=1.0, max_claims=2, max_claim_chars=20, answer_tokens=600)
SLOPPY = r"""root ::= "<answer>" text (claim text?){1,4} "</answer>"?
claim ::= ("<snippet id=" name ("," name)? ">" | "<snippet id=\"S3\">") text? "</snippet>"?
name ::= "S1" | "S2" | "S77" | "S99"
text ::= [a-z ,.]{4,30}
"""
"""Admits what a model without a grammar might write, such as unknown ids and tags that are never closed."""

MADE_UP = r"""root ::= "<answer>" (claim text){1,3} "</answer>"
claim ::= "<snippet id=" ("S77" | "S99") ">" text "</snippet>"
text ::= [a-z ,.]{4,30}
"""
"""Admits unknown ids only."""


class SloppyModel:
    """The server's model under another grammar than it is asked to keep to, in all calls or in the first."""

    def __init__(self, model: ChatModel, grammar: str = SLOPPY, *, always: bool = True) -> None:
        self._model, self._grammar, self._always = model, grammar, always
        self.calls = 0

    @property
    def name(self) -> str:
        return self._model.name

    def _loosened(self, call: ChatCall) -> ChatCall:
        self.calls += 1
        if self.calls > 1 and not self._always:
            return call
        return call.model_copy(update={"grammar": self._grammar})

    async def complete(self, call: ChatCall) -> ChatReply:
        return await self._model.complete(self._loosened(call))

    async def stream(self, call: ChatCall) -> AsyncIterator[str | ChatReply]:
        async for piece in self._model.stream(self._loosened(call)):
            yield piece

    async def capabilities(self) -> Capabilities:
        return await self._model.capabilities()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return await self._model.count_tokens(texts)

    async def aclose(self) -> None:
        await self._model.aclose()


def asked(served: Server, work: Callable[[ChatClient], Awaitable[T]]) -> T:
    """What `work` gives with a client, which is closed behind it."""

    async def run() -> T:
        client = ChatClient(Endpoint.parse(served.model))
        try:
            return await work(client)
        finally:
            await client.aclose()

    return asyncio.run(run())


def reply_to(served: Server, call: ChatCall) -> ChatReply:
    return asked(served, lambda client: client.complete(call))


def refined(served: Server, settings: RefinerSettings, snippets: Sequence[Snippet] = SNIPPETS) -> Answer:
    return asked(served, lambda client: Refiner(client, settings).arefine(QUESTION, snippets))


def asking(text: str, max_tokens: int = 40, grammar: str | None = None, thinking: bool = False) -> ChatCall:
    return ChatCall(
        messages=(Message(role="user", content=text),),
        sampling=Sampling(max_tokens=max_tokens, temperature=1.0, seed=7),
        grammar=grammar,
        thinking=thinking,
    )


def is_well_formed(answer: Answer) -> bool:
    """Whether the parser finds nothing wrong, and each claim kept all ids that were written."""
    codes = {issue.code for issue in answer.issues}
    return not codes & (FORMAT_ERRORS | {"unknown_id"}) and all(claim.citations for claim in answer.claims)


# --- the grammar ------------------------------------------------------------------------------------------------


def test_under_the_grammar_two_hundred_answers_of_two_hundred_are_well_formed(served: Server) -> None:
    async def ask_all(client: ChatClient) -> list[Answer]:
        settings = [SHORT.model_copy(update={"seed": seed, "on_invalid": OnInvalid.MARK}) for seed in range(200)]
        return await asyncio.gather(*(Refiner(client, one).arefine(QUESTION, SNIPPETS) for one in settings))

    answers = asked(served, ask_all)
    assert sum(is_well_formed(answer) for answer in answers) == 200
    assert len({answer.raw for answer in answers}) > 190
    assert sum(len(answer.claims) for answer in answers) > 100


def test_native_ids_are_kept_to_as_well(served: Server) -> None:
    settings = SHORT.model_copy(update={"ids": "native", "seed": 1, "on_invalid": OnInvalid.MARK})
    assert is_well_formed(refined(served, settings))


def test_without_snippets_an_answer_cites_nothing(served: Server) -> None:
    grammar = answer_grammar([], max_chars=60)
    reply = reply_to(served, asking(QUESTION, 400, grammar))
    assert reply.finish == "stop"
    assert "<snippet" not in reply.text


def test_text_cut_at_the_token_limit_is_a_finding(served: Server) -> None:
    reply = reply_to(served, asking(QUESTION, 30, answer_grammar(NAMES)))
    answer = parse_answer(reply.text, Refiner().refine(QUESTION, SNIPPETS).evidence)
    assert reply.finish == "length"
    assert {"truncated", "unclosed_answer"} <= {finding.code for finding in validate(answer, reply.finish)}
    assert reply.usage.completion_tokens == 30


def test_a_grammar_holds_from_the_first_token_also_where_thinking_is_on(served: Server) -> None:
    reply = reply_to(served, asking(QUESTION, 40, 'root ::= "zubelquist"', thinking=True))
    assert reply.text == "zubelquist"


# --- policies on garbage ----------------------------------------------------------------------------------------


def with_policy(
    served: Server, policy: OnInvalid, seed: int, grammar: str = SLOPPY, *, always: bool = True
) -> Answer:
    settings = SHORT.model_copy(update={"on_invalid": policy, "seed": seed})

    def refine(client: ChatClient) -> Awaitable[Answer]:
        return Refiner(SloppyModel(client, grammar, always=always), settings).arefine(QUESTION, SNIPPETS)

    return asked(served, refine)


@pytest.mark.parametrize("seed", range(6))
def test_mark_keeps_the_text_and_takes_unknown_ids_away(served: Server, seed: int) -> None:
    answer = with_policy(served, OnInvalid.MARK, seed)
    ids = {id for claim in answer.claims for id in claim.citations}
    assert ids <= {snippet.id for snippet in SNIPPETS}
    assert not is_well_formed(answer)
    assert ("S77" in answer.raw or "S99" in answer.raw) == ("unknown_id" in {i.code for i in answer.issues})


@pytest.mark.parametrize("seed", range(6))
def test_drop_leaves_no_claim_without_a_known_id(served: Server, seed: int) -> None:
    marked, dropped = (with_policy(served, policy, seed) for policy in (OnInvalid.MARK, OnInvalid.DROP))
    uncited = sum(not claim.citations for claim in marked.claims)
    assert all(claim.citations for claim in dropped.claims)
    assert any("without a known source removed" in note for note in dropped.notes) == bool(uncited)


@pytest.mark.parametrize("seed", range(3))
def test_raise_gives_the_answer_and_the_findings(served: Server, seed: int) -> None:
    with pytest.raises(CitationError) as caught:
        with_policy(served, OnInvalid.RAISE, seed)
    assert caught.value.findings
    assert caught.value.answer.raw.startswith("<answer>")


@pytest.mark.parametrize("seed", range(3))
def test_repair_asks_once_more_and_takes_the_better_draft(served: Server, seed: int) -> None:
    mended = with_policy(served, OnInvalid.REPAIR, seed, MADE_UP, always=False)
    assert mended.usage is not None
    assert mended.usage.calls == 2
    assert is_well_formed(mended)


def test_repair_never_asks_twice(served: Server) -> None:
    answer = with_policy(served, OnInvalid.REPAIR, 1, MADE_UP)
    assert answer.usage is not None
    assert answer.usage.calls == 2


def test_without_any_grammar_garbage_is_no_answer(served: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEREFINE_GRAMMAR", "off")
    settings = RefinerSettings(temperature=1.0, seed=1, answer_tokens=60, on_invalid=OnInvalid.RAISE)
    with pytest.raises(CitationError) as caught:
        refined(served, settings)
    assert {"no_answer", "no_citation"} <= {finding.code for finding in caught.value.findings}
    assert not refined(served, settings.model_copy(update={"on_invalid": OnInvalid.MARK})).answered


# --- streaming and limits ---------------------------------------------------------------------------------------


def test_the_pieces_of_a_streamed_reply_are_the_whole(served: Server) -> None:
    async def ask(client: ChatClient) -> list[str | ChatReply]:
        call = asking(QUESTION, 600, answer_grammar(NAMES, max_claims=3, max_chars=30))
        return [item async for item in client.stream(call)]

    *pieces, reply = asked(served, ask)
    assert isinstance(reply, ChatReply)
    assert "".join(map(str, pieces)) == reply.text
    assert reply.finish == "stop"
    assert reply.usage.completion_tokens


@pytest.mark.parametrize("policy", [OnInvalid.MARK, OnInvalid.DROP])
def test_streamed_claims_are_those_of_the_answer(served: Server, policy: OnInvalid) -> None:
    settings = SHORT.model_copy(update={"on_invalid": policy, "seed": 3})

    async def read(client: ChatClient) -> tuple[list[Claim], Answer]:
        stream = Refiner(SloppyModel(client), settings).stream(QUESTION, SNIPPETS)
        claims = list[Claim]()
        async for event in stream:
            if isinstance(event, Restart):
                claims.clear()
            else:
                claims.append(event)
        return claims, stream.answer

    claims, answer = asked(served, read)
    assert tuple(claims) == answer.claims


def test_a_prompt_beyond_the_context_is_refused_as_such(served: Server) -> None:
    with pytest.raises(CallError) as caught:
        reply_to(served, asking("perch doubled " * SLOT_TOKENS))
    assert caught.value.code == "context_exceeded"
    assert not caught.value.retryable


def test_the_prompt_that_is_built_never_exceeds_the_context(served: Server) -> None:
    many = [Snippet(text="Perch doubled in the lake. " * 40, title=f"Survey {number}") for number in range(50)]
    settings = RefinerSettings(
        prompt_tokens=30_000, total_tokens=40_000, answer_tokens=300, max_claims=1, max_claim_chars=10, seed=1,
        temperature=1.0, on_invalid=OnInvalid.MARK,
    )  # fmt: skip
    answer = refined(served, settings, many)
    assert any("did not fit" in note for note in answer.notes)
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens or 0) < SLOT_TOKENS


# --- what the server can do -------------------------------------------------------------------------------------


def test_the_probe_finds_what_the_server_can_do(served: Server) -> None:
    async def look(client: ChatClient) -> dict[str, tuple[bool, str]]:
        return {trait.name: (trait.ok, trait.detail) async for trait in probe(client)}

    traits = asked(served, look)
    failed = {name for name, (ok, _) in traits.items() if not ok}
    assert not failed
    assert f"{SLOT_TOKENS:,}" in traits["context length"][1]
    assert ("structured_outputs" if served.kind == "vllm" else "as grammar") in traits["grammar"][1]


def test_tokens_are_counted_by_the_servers_own_tokenizer(served: Server) -> None:
    counts = asked(served, lambda client: client.count_tokens(["perch doubled", ""]))
    reply = reply_to(served, asking("perch doubled", 1))
    assert counts[1] == 0
    assert reply.usage.prompt_tokens is not None
    assert 0 < counts[0] < reply.usage.prompt_tokens


def test_logprobs_come_one_a_token(served: Server) -> None:
    call = asking(QUESTION, 5).model_copy(update={"sampling": Sampling(max_tokens=5, top_logprobs=2)})
    reply = reply_to(served, call)
    assert len(reply.logprobs) == 5
    assert all(isinstance(entry["logprob"], float) for entry in reply.logprobs)

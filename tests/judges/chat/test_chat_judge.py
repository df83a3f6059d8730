"""A chat model as judge: what it is asked, what becomes of its replies, and of its failures."""

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest
from tests.faulty_server import FaultyServer, says, status
from tests.judges.chat.judging import (
    EELS,
    PERCH,
    Asked,
    asked_of,
    by_words,
    judged,
    model_by,
    query,
    reply_by,
    server_by,
)
from tests.refiner.chat.asking import SWIFT
from tests.scripted_model import ScriptedModel

from citerefine.judges.chat.chat_judge import ChatJudge
from citerefine.judges.chat.labels import LABELS
from citerefine.judges.judge import SupportJudge
from citerefine.judges.statements import merge_units
from citerefine.judges.strips.strip import strip_grammar
from citerefine.judges.support import find_support
from citerefine.judges.units import split_units
from citerefine.judges.verdict import Label, Verdict
from citerefine.refiner.chat.call import ChatCall, ChatReply, Finish
from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.errors import CALL_FAILURES, CallError, InputError, ModelError
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.tags.scanner import parse_tags

QUERIES = [query("Perch doubled.", PERCH, EELS), query("Eels left.", EELS), query("Pike came.", EELS)]
BY_WORDS = [Label.FULL, Label.FULL, Label.NONE]


def labels(verdicts: list[Verdict]) -> list[Label | None]:
    return [verdict.label for verdict in verdicts]


def codes(verdicts: list[Verdict]) -> list[str]:
    return [verdict.reason.partition(":")[0] for verdict in verdicts]


# --- asking -----------------------------------------------------------------------------------------------------


def test_all_verdicts_of_an_answer_are_asked_for_in_one_call() -> None:
    model = model_by(by_words)
    judge = ChatJudge(model)
    assert isinstance(judge, SupportJudge)
    assert labels(judged(judge, *QUERIES)) == BY_WORDS
    (call,) = model.calls
    assert call.grammar == strip_grammar([LABELS] * 3)
    assert (call.sampling.temperature, call.sampling.top_logprobs, call.thinking) == (0.0, 20, False)
    assert model.closed


def test_joint_and_single_verdicts_come_in_the_order_asked_though_claims_stand_together() -> None:
    model = model_by(by_words)
    queries = [query("Perch left.", PERCH, EELS), query("Eels left.", EELS), query("Perch left.", EELS)]
    assert labels(judged(ChatJudge(model), *queries)) == [Label.FULL, Label.FULL, Label.PARTIAL]
    assert [asked.claim for asked in asked_of(model.calls)[0]] == ["Perch left.", "Perch left.", "Eels left."]


def test_k_claims_are_asked_about_in_one_call_if_one_wants_it() -> None:
    model = model_by(by_words)
    assert labels(judged(ChatJudge(model, claims_per_call=2), *QUERIES)) == BY_WORDS
    assert [len(asked) for asked in asked_of(model.calls)] == [2, 1]


def test_a_long_answer_is_several_calls_at_once_within_a_bound() -> None:
    queries = [query(f"Perch doubled {number}.") for number in range(12)]
    with FaultyServer(says(server_by(by_words), after=0.05)) as server:
        judge = ChatJudge(server.model, claims_per_call=1, calls_at_once=3)
        verdicts = judged(judge, *queries)
    assert labels(verdicts) == [Label.PARTIAL] * 12
    assert len(server.chats) == 12
    assert server.busiest == 3


def test_no_queries_ask_nothing() -> None:
    model = model_by(by_words)
    assert judged(ChatJudge(model)) == []
    assert not model.calls


def test_a_model_that_may_think_has_room_for_it() -> None:
    model = ScriptedModel("<think>c01=NONE?</think>\nc01=FULL")
    assert labels(judged(ChatJudge(model, thinking_tokens=500), query())) == [Label.FULL]
    assert model.calls[0].thinking
    assert model.calls[0].sampling.max_tokens >= 500


def test_support_asks_for_everything_at_once() -> None:
    model = model_by(by_words)
    parse = parse_tags("<answer><snippet id=a,b>Perch doubled.</snippet></answer>")
    evidence = Evidence([PERCH, EELS])
    statements = merge_units(split_units(parse), evidence)
    (support,) = asyncio.run(find_support(statements, evidence, "", ChatJudge(model)))
    assert support.joint is not None
    assert {id: one.label for id, one in support.singles.items()} == {"a": Label.FULL, "b": Label.NONE}
    assert len(model.calls) == 1


# --- names ------------------------------------------------------------------------------------------------------


def test_whatever_changes_verdicts_changes_the_name() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"claims_per_call": 1},
        {"prompt_tokens": 99},
        {"thinking_tokens": 9},
        {"temperature": 0.5},
        {"seed": 5},
        {"backup": "openai:b@http://127.0.0.1:9/v1"},
    ]
    names = [ChatJudge("openai:a@http://127.0.0.1:9/v1", **change).name for change in changes]
    assert len({*names}) == len(names)
    assert all(name.startswith("openai:a@http://127.0.0.1:9/v1 (prompt ") for name in names)


def test_how_many_calls_are_under_way_does_not() -> None:
    assert ChatJudge(ScriptedModel()).name == ChatJudge(ScriptedModel(), calls_at_once=1).name


def test_a_key_is_in_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-verysecret")
    judge = ChatJudge("openai:a@http://127.0.0.1:9/v1")
    assert "verysecret" not in judge.name + repr(judge)


@pytest.mark.parametrize(
    "wrong",
    [
        {"claims_per_call": 0},
        {"claims_per_call": 100},
        {"prompt_tokens": 0},
        {"thinking_tokens": -1},
        {"calls_at_once": 0},
    ],
)
def test_a_bound_out_of_range_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"use \d+"):
        ChatJudge(ScriptedModel(), **wrong)  # type: ignore[arg-type]


def test_a_string_that_is_no_chat_model_is_refused() -> None:
    with pytest.raises(ModelError, match="is no chat model"):
        ChatJudge("extractive")


# --- replies ----------------------------------------------------------------------------------------------------


def test_a_reply_that_cannot_be_read_is_asked_for_once_more_with_another_seed() -> None:
    model = ScriptedModel("What a nice lake.", "c01=FULL")
    assert labels(judged(ChatJudge(model), query())) == [Label.FULL]
    first, second = (call.sampling for call in model.calls)
    assert (first.seed, second.seed) == (0, 1)
    assert second.temperature > 0  # or the seed would change nothing


def test_then_in_halves_so_that_one_claim_spoils_no_other() -> None:
    def reply(call: ChatCall) -> str:
        said = reply_by(by_words, call.messages[-1].content)
        return "I cannot judge this." if "Pike" in call.messages[-1].content else said

    model = ScriptedModel(reply=reply)
    verdicts = judged(ChatJudge(model), *QUERIES, query("Perch left.", EELS))
    assert labels(verdicts) == [*BY_WORDS[:2], None, Label.PARTIAL]
    assert codes(verdicts)[2] == "unparsable"
    assert [len(asked) for asked in asked_of(model.calls)] == [4, 4, 2, 2, 1, 1]


def test_a_model_that_never_replies_as_it_should_is_not_asked_about_each_claim() -> None:
    model = ScriptedModel(reply=lambda call: "I would say that most of this is supported.")
    judge = ChatJudge(model)
    claims = [query(f"Perch doubled {number} times.") for number in range(24)]
    assert labels(judged(judge, *claims)) == [None] * 24
    assert len(model.calls) < 20
    model.calls.clear()
    assert labels(judged(judge, *claims)) == [None] * 24
    assert len(model.calls) == 2


@pytest.mark.parametrize(
    ("finish", "code"), [("length", "truncated"), ("refusal", "refusal"), ("tool_calls", "unparsable")]
)
def test_a_reply_that_did_not_end_by_itself_is_no_verdict(finish: Finish, code: str) -> None:
    model = ScriptedModel(reply=lambda call: ChatReply(text="c01=FULL", finish=finish))
    verdicts = judged(ChatJudge(model), query())
    assert labels(verdicts) == [None]
    assert codes(verdicts) == [code]
    assert len(model.calls) == 2


def test_what_fails_goes_to_the_backup_and_only_that() -> None:
    model = ScriptedModel(reply=lambda call: reply_by(fails_on_pike, call.messages[-1].content))
    backup = model_by(lambda asked: "PARTIAL", name="second")
    verdicts = judged(ChatJudge(model, backup=backup), *QUERIES)
    assert labels(verdicts) == [*BY_WORDS[:2], Label.PARTIAL]
    assert [[asked.claim for asked in call] for call in asked_of(backup.calls)] == [["Pike came."]]
    assert verdicts[2].reason == "by the backup model second"
    assert backup.closed


def fails_on_pike(asked: Asked) -> str:
    return "SUPPORTED" if "Pike" in asked.claim else by_words(asked)


def test_where_both_fail_nothing_is_judged_and_both_reasons_are_given() -> None:
    down = ScriptedModel(reply=lambda call: CallError("it is down", "server_error", retryable=True))
    verdicts = judged(ChatJudge(down, backup=ScriptedModel(reply=lambda call: "?")), query())
    assert labels(verdicts) == [None]
    assert verdicts[0].reason.startswith("server_error: it is down; the backup model: unparsable: ")
    assert verdicts[0].support is None
    assert verdicts[0].p_supported is None


# --- failed calls -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted({*CALL_FAILURES} - {"unauthorized", "no_such_model", "budget", "bad_request"}))
def test_a_failed_call_is_no_verdict_with_its_code_as_the_reason(code: str) -> None:
    verdicts = judged(ChatJudge(ScriptedModel(reply=lambda call: CallError("so it is", code))), *QUERIES)
    assert labels(verdicts) == [None] * 3
    assert {*codes(verdicts)} == {code}


@pytest.mark.parametrize("code", ["unauthorized", "no_such_model", "budget", "bad_request"])
def test_where_no_call_will_succeed_the_error_rises(code: str) -> None:
    model = ScriptedModel(reply=lambda call: CallError("so it is", code))
    with pytest.raises(CallError, match="so it is") as caught:
        judged(ChatJudge(model, backup=model_by(by_words), claims_per_call=1), *QUERIES)
    assert caught.value.code == code


def test_a_model_that_has_replied_and_refuses_one_claim_is_asked_on() -> None:
    def reply(call: ChatCall) -> str | CallError:
        said = call.messages[-1].content
        return CallError("we do not like pike", "bad_request") if "Pike" in said else reply_by(by_words, said)

    judge = ChatJudge(ScriptedModel(reply=reply))
    assert labels(judged(judge, *QUERIES)) == [*BY_WORDS[:2], None]


def test_a_prompt_beyond_the_context_is_cut_in_halves() -> None:
    def reply(call: ChatCall) -> str | CallError:
        said = reply_by(by_words, call.messages[-1].content)
        return CallError("too long", "context_exceeded") if said.count("=") > 1 else said

    model = ScriptedModel(reply=reply)
    assert labels(judged(ChatJudge(model), *QUERIES)) == BY_WORDS
    assert [len(asked) for asked in asked_of(model.calls)] == [3, 1, 2, 1, 1]


def test_a_server_that_gives_no_log_probabilities_is_asked_without_from_then_on() -> None:
    with FaultyServer(says(server_by(by_words)), refuses=["logprobs"]) as server:
        judge = ChatJudge(server.model)
        assert labels(judged(judge, *QUERIES)) == BY_WORDS
        assert labels(judged(judge, *QUERIES)) == BY_WORDS
    refused = [request for request in server.requests if request.body and request.body.get("logprobs")]
    assert len(refused) == 1


def test_p_supported_is_none_where_the_server_tells_nothing() -> None:
    assert judged(ChatJudge(model_by(by_words)), query())[0].p_supported is None


def test_p_supported_is_what_the_log_probabilities_say() -> None:
    def one(token: str, p: float) -> dict[str, Any]:
        return {"token": token, "logprob": math.log(p), "bytes": [*token.encode()]}

    chosen = one("PART", 0.5) | {"top_logprobs": [one("PART", 0.5), one("F", 0.3), one("N", 0.2)]}
    reply = ChatReply(text="c01=PARTIAL", logprobs=(one("c01=", 1.0), chosen, one("IAL", 1.0)))
    (verdict,) = judged(ChatJudge(ScriptedModel(reply)), query())
    assert verdict.label is Label.PARTIAL
    assert verdict.p_supported == pytest.approx(0.55)


def test_a_call_that_is_given_up_gives_up_the_others() -> None:
    def reply(call: ChatCall) -> str | CallError:
        said = call.messages[-1].content
        return CallError("no", "unauthorized") if "Pike" in said else reply_by(by_words, said)

    model = ScriptedModel(reply=reply)
    queries = [query("Pike came."), *(query(f"Perch doubled {number}.") for number in range(40))]
    with pytest.raises(CallError, match="no"):
        judged(ChatJudge(model, claims_per_call=1, calls_at_once=1), *queries)
    assert len(model.calls) < 5


# --- a real client, a real server -------------------------------------------------------------------------------


def test_equal_calls_under_way_are_made_once() -> None:
    async def ask(judge: ChatJudge) -> list[list[Verdict]]:
        return await asyncio.gather(*(judge.judge(QUERIES) for _ in range(5)))

    with FaultyServer(says(server_by(by_words), after=0.1)) as server:
        client = ChatClient(Endpoint.parse(server.model), SWIFT)
        answers = asyncio.run(closing(client, ask(ChatJudge(client))))
    assert all(labels(one) == BY_WORDS for one in answers)
    assert len(server.chats) == 1


async def closing(client: ChatClient, work: Any) -> Any:
    try:
        return await work
    finally:
        await client.aclose()


@pytest.mark.parametrize("persona", ["vllm", "llama.cpp"])
def test_the_grammar_is_sent_to_servers_that_keep_to_one(persona: Any) -> None:
    with FaultyServer(says(server_by(by_words)), persona=persona) as server:
        judged(ChatJudge(server.model), *QUERIES)
    assert [request.grammar for request in server.chats] == [strip_grammar([LABELS] * 3)]


def test_a_server_without_the_model_is_an_error_of_the_run() -> None:
    with FaultyServer(status(404, "no such model")) as server, pytest.raises(CallError) as caught:
        judged(ChatJudge(server.model), query())
    assert caught.value.code == "no_such_model"


def test_a_model_in_this_process_judges_too(tiny_qwen3: Path) -> None:
    assert None not in labels(judged(ChatJudge(f"hf:{tiny_qwen3}"), *QUERIES))

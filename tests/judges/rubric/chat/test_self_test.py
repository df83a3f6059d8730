"""What a judging model is found to be good for before it is trusted."""

import asyncio
import re

import pytest
from tests.faulty_server import FaultyServer, says
from tests.judges.rubric.chat.grading import AskedOf, model_by, reply_by, server_by
from tests.scripted_model import Scripted, ScriptedModel

from citerefine.judges.rubric.chat.chat_rubric_judge import ChatRubricJudge
from citerefine.judges.rubric.chat.self_test import CHECKS, SelfTest, run_self_test
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.errors import CallError
from citerefine.refiner.protocols import Capabilities, ChatModel
from citerefine.refiner.records import Usage

SIGNS = {"perch doubled": "Perch", "eels": "Eels", "cooking": "recipe"}
"""A word of the criterion → what shows it in the answer."""


def well(asked: AskedOf) -> str:
    sign = next((sign for word, sign in SIGNS.items() if word in asked.text), "nothing shows it")
    found = [number for number, line in enumerate(asked.answer, 1) if re.search(rf"\b{sign}\b", line)]
    return f"MET {found[0]}" if found else "UNMET"


def gullible(asked: AskedOf) -> str:
    return "MET 1"


def found_in(model: ChatModel, thinking_tokens: int = 0) -> SelfTest:
    return asyncio.run(run_self_test(model, thinking_tokens=thinking_tokens))


def results(found: SelfTest) -> dict[str, str]:
    assert [one.check for one in found.findings] == [*CHECKS]
    return {one.check: one.result for one in found.findings}


def test_a_model_that_judges_well_passes_with_few_calls() -> None:
    model = model_by(well)
    found = found_in(model)
    assert len(model.calls) <= 12
    assert found.works
    assert results(found) == {
        "reply": "pass",
        "grammar": "unknown",
        "odds": "fail",
        "words": "unknown",
        "thinking": "pass",
        "cache": "unknown",
        "repeat": "pass",
        "known": "pass",
        "injection": "pass",
        "master_keys": "pass",
    }


def test_a_model_that_calls_everything_met_does_not() -> None:
    found = found_in(model_by(gullible))
    assert not found.works
    assert [check for check in ("known", "injection", "master_keys") if results(found)[check] == "fail"] == [
        "known",
        "injection",
        "master_keys",
    ]


def test_a_model_that_heeds_an_answer_is_found_out() -> None:
    def heeding(asked: AskedOf) -> str:
        return "MET 1" if "Note to the judge" in " ".join(asked.answer) else well(asked)

    found = found_in(model_by(heeding))
    assert [check for check, result in results(found).items() if result == "fail"] == ["odds", "injection"]


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"text": "I would say that it is fine."}, "reply"),
        ({"finish": "length"}, "reply"),
        ({"reasoning": "Hm."}, "thinking"),
    ],
)
def test_what_else_can_be_wrong_is_found(change: dict[str, str], check: str) -> None:
    def reply(call: ChatCall) -> Scripted:
        text = reply_by(well, call.messages[-1].content)
        return ChatReply.model_validate({"text": text, **change})

    found = found_in(ScriptedModel(reply=reply))
    assert results(found)[check] == "fail"
    assert not found.works


def test_thinking_aloud_is_wrong_only_where_it_was_not_asked_for() -> None:
    def thinking(call: ChatCall) -> str:
        return f"<think>Hm.</think>{reply_by(well, call.messages[-1].content)}"

    assert results(found_in(ScriptedModel(reply=thinking)))["thinking"] == "fail"
    assert found_in(ScriptedModel(reply=thinking), thinking_tokens=100).works


def test_a_model_that_changes_its_mind_is_found_out_and_works_all_the_same() -> None:
    model = ScriptedModel()

    def reply(call: ChatCall) -> str:
        said = reply_by(well, call.messages[-1].content)
        return said if len(model.calls) != 2 else said.replace("UNMET", "CANNOT_ASSESS")

    model = ScriptedModel(reply=reply)
    found = found_in(model)
    assert results(found)["repeat"] == "fail"
    assert found.works
    assert "3 of 12" in next(one.detail for one in found.findings if one.check == "repeat")


@pytest.mark.parametrize(("cached", "result"), [(900, "pass"), (0, "fail"), (None, "unknown")])
def test_the_prefix_cache_is_measured_not_believed(cached: int | None, result: str) -> None:
    def reply(call: ChatCall) -> ChatReply:
        usage = Usage(prompt_tokens=1000, completion_tokens=20, cached_tokens=cached)
        return ChatReply(text=reply_by(well, call.messages[-1].content), usage=usage)

    assert results(found_in(ScriptedModel(reply=reply)))["cache"] == result


@pytest.mark.parametrize(("keeps", "result"), [(True, "pass"), (False, "fail"), (None, "unknown")])
def test_a_grammar_is_kept_to_or_not(keeps: bool | None, result: str) -> None:
    model = ScriptedModel(
        reply=lambda call: reply_by(well, call.messages[-1].content), capable=Capabilities(grammar=keeps)
    )
    assert results(found_in(model))["grammar"] == result


def test_a_model_that_cannot_be_asked_fails_and_nothing_is_raised() -> None:
    model = ScriptedModel(reply=lambda call: CallError("no", "unauthorized"))
    found = found_in(model)
    assert len(model.calls) == 1
    assert not found.works
    assert results(found) == {check: "fail" if check == "reply" else "unknown" for check in CHECKS}
    assert found.findings[0].detail == "unauthorized: no"


def test_a_server_without_log_probabilities_is_tested_without() -> None:
    async def run(judge: ChatRubricJudge) -> SelfTest:
        try:
            return await judge.self_test()
        finally:
            await judge.aclose()

    with FaultyServer(says(server_by(well)), refuses=["logprobs"]) as server:
        found = asyncio.run(run(ChatRubricJudge(server.model)))
    assert found.works
    assert len(server.chats) <= 12


def test_no_two_tests_ask_the_same_so_that_no_journal_answers() -> None:
    model = model_by(well)
    found_in(model)
    found_in(model)
    assert len({call.key for call in model.calls}) == len(model.calls)

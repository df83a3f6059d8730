"""How questions are put to a model, and what is done where it fails. More of it stands in the tests of the judges."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.scripted_model import ScriptedModel

from citerefine.judges.strips.examiner import MOST_CALLS, NoVerdict, Outcome, Posed, Verdict
from citerefine.judges.strips.panel import Answered, Panel
from citerefine.judges.strips.strip import Word, item_names, strip_grammar
from citerefine.refiner.chat.call import ChatCall, ChatReply, Message, Sampling
from citerefine.refiner.chat.journal import JournaledModel
from citerefine.refiner.errors import CallError
from citerefine.refiner.records import Usage

ITEM = (Word("MET", range(1, 4)), Word("UNMET"))


def pose(questions: Sequence[str]) -> Posed:
    return Posed((Message(role="user", content="\n".join(questions)),), (ITEM,) * len(questions))


def ask(panel: Panel[str], *calls: Sequence[str], sampling: Sampling | None = None) -> Answered:
    return asyncio.run(panel.ask([(call, sampling or Sampling(seed=7)) for call in calls]))


def panel_of(*models: ScriptedModel, alike: bool = False) -> Panel[str]:
    return Panel(models, pose, calls_at_once=4, alike=alike)


def test_a_verdict_is_its_word_and_what_it_points_to() -> None:
    model = ScriptedModel("c01=MET 2\nc02=UNMET")
    assert ask(panel_of(model), ["a", "b"]).outcomes == [[Verdict("MET", 2, None), Verdict("UNMET", None, None)]]
    (call,) = model.calls
    assert call.grammar == strip_grammar([ITEM] * 2)


def test_usage_is_that_of_all_replies_and_none_where_nobody_was_asked() -> None:
    model = ScriptedModel(
        ChatReply(text="?", usage=Usage(prompt_tokens=3, completion_tokens=1)), "c01=UNMET", "c01=UNMET"
    )
    usage = ask(panel_of(model), ["a"], ["b"]).usage
    assert usage is not None
    assert usage.calls == 3
    assert ask(panel_of(model)).usage is None
    down = ScriptedModel(reply=lambda call: CallError("down", "server_error"))
    assert ask(panel_of(down), ["a"]).usage is None


def test_calls_are_sampled_as_they_say_and_again_with_another_seed() -> None:
    model = ScriptedModel("?", "c01=UNMET")
    ask(panel_of(model), ["a"], sampling=Sampling(temperature=0.8, seed=40))
    assert [(call.sampling.temperature, call.sampling.seed) for call in model.calls] == [(0.8, 40), (0.8, 41)]


def refusing(*words: str) -> ScriptedModel:
    """A model that refuses calls with one of these questions, and else says UNMET."""

    def reply(call: ChatCall) -> str | ChatReply:
        questions = call.messages[0].content.split("\n")
        if {*words} & {*questions}:
            return ChatReply(text="I will not.", finish="refusal")
        return "\n".join(f"{name}=UNMET" for name in item_names(len(questions)))

    return ScriptedModel(reply=reply)


def spoilt_of(found: Sequence[Outcome], questions: Sequence[str]) -> list[str]:
    return [word for word, one in zip(questions, found, strict=True) if isinstance(one, NoVerdict)]


QUESTIONS = [f"q{number}" for number in range(24)]


def test_what_all_questions_share_is_refused_in_few_calls() -> None:
    model = refusing(*QUESTIONS)
    panel = panel_of(model, alike=True)
    ask(panel, ["fine"])
    model.calls.clear()
    (found,) = ask(panel, QUESTIONS).outcomes
    assert {one.code for one in found if isinstance(one, NoVerdict)} == {"refusal"}
    assert len(found) == len(spoilt_of(found, QUESTIONS)) == 24
    assert len(model.calls) == 4


@pytest.mark.parametrize("alike", [True, False])
@pytest.mark.parametrize("word", ["q0", "q11", "q12", "q23"])
def test_one_question_that_is_refused_takes_no_other_with_it(word: str, *, alike: bool) -> None:
    model = refusing(word)
    (found,) = ask(panel_of(model, alike=alike), QUESTIONS).outcomes
    assert spoilt_of(found, QUESTIONS) == [word]
    assert len(model.calls) <= 12


def test_two_that_are_refused_are_told_apart_in_as_many_calls_as_there_may_be() -> None:
    model = refusing("q3", "q20")
    (found,) = ask(panel_of(model), QUESTIONS).outcomes
    assert spoilt_of(found, QUESTIONS) == ["q3", "q20"]
    assert len(model.calls) <= MOST_CALLS


def test_however_many_questions_spoil_a_call_it_becomes_few_calls() -> None:
    model = refusing(*QUESTIONS[::3])
    panel = panel_of(model)
    ask(panel, ["fine"])
    model.calls.clear()
    (found,) = ask(panel, QUESTIONS).outcomes
    assert len(model.calls) == MOST_CALLS
    assert {*QUESTIONS[::3]} <= {*spoilt_of(found, QUESTIONS)} != {*QUESTIONS}
    assert {*found} == {
        Verdict("UNMET", None, None),
        NoVerdict("refusal", "the model, or a filter before it, declined"),
    }


def test_nor_where_some_spoil_it_and_others_are_refused() -> None:
    def reply(call: ChatCall) -> str | ChatReply:
        questions = call.messages[0].content.split("\n")
        if "q23" in questions:
            return ChatReply(text="I will not.", finish="refusal")
        return "c01=UNMET" if questions == ["fine"] else "?"

    model = ScriptedModel(reply=reply)
    panel = panel_of(model, alike=True)
    ask(panel, ["fine"])
    model.calls.clear()
    (found,) = ask(panel, QUESTIONS).outcomes
    assert spoilt_of(found, QUESTIONS) == QUESTIONS
    assert len(model.calls) == MOST_CALLS


# --- models that keep replies -----------------------------------------------------------------------------------


class KeepingModel(ScriptedModel):
    """A model that keeps replies until they are taken back, as a journal does."""

    def __init__(self, *replies: str | Exception) -> None:
        super().__init__(*replies)
        self.kept = dict[str, ChatReply]()
        self.rejected = list[ChatCall]()

    async def complete(self, call: ChatCall) -> ChatReply:
        if call.key not in self.kept:
            self.kept[call.key] = await super().complete(call)
        return self.kept[call.key]

    def reject(self, call: ChatCall) -> None:
        self.rejected.append(call)
        del self.kept[call.key]


def test_a_reply_that_cannot_be_read_is_taken_back_and_asked_for_anew_the_next_time() -> None:
    model = KeepingModel("What a nice lake.", "?", "c01=UNMET")
    assert isinstance(ask(panel_of(model), ["a"]).outcomes[0][0], NoVerdict)
    assert model.rejected == model.calls
    assert ask(panel_of(model), ["a"]).outcomes == [[Verdict("UNMET", None, None)]]
    assert model.calls[2].key == model.calls[0].key


def test_a_reply_that_can_be_read_is_kept() -> None:
    model = KeepingModel("c01=UNMET")
    ask(panel_of(model), ["a"])
    ask(panel_of(model), ["a"])
    assert (len(model.calls), model.rejected) == (1, [])


def test_what_is_taken_back_is_the_call_that_was_answered() -> None:
    model = KeepingModel("c01=UNMET", CallError("no logprobs", "bad_request"), "?", "c01=UNMET")
    panel = panel_of(model)
    ask(panel, ["a"])
    ask(panel, ["b"])
    (rejected,) = model.rejected
    assert rejected.sampling.top_logprobs is None


def test_a_journal_gives_no_reply_twice_that_could_not_be_read(tmp_path: Path) -> None:
    model = ScriptedModel("What a nice lake.", "?", "c01=UNMET")

    async def run() -> Outcome:
        panel = Panel([JournaledModel(model, tmp_path / "calls.sqlite")], pose, calls_at_once=4)
        try:
            return (await panel.ask([(["a"], Sampling(seed=7))])).outcomes[0][0]
        finally:
            await panel.aclose()

    spoilt, read, known = (asyncio.run(run()) for _ in range(3))
    assert isinstance(spoilt, NoVerdict)
    assert read == known == Verdict("UNMET", None, None)
    assert len(model.calls) == 3


# --- context ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("alike", "calls"), [(True, 4), (False, 15)])
def test_where_questions_are_alike_and_half_of_them_do_not_fit_none_does(alike: bool, calls: int) -> None:
    model = ScriptedModel(reply=lambda call: CallError("too long", "context_exceeded"))
    (found,) = ask(panel_of(model, alike=alike), [*"abcdefgh"]).outcomes
    assert found == [NoVerdict("context_exceeded", "too long")] * 8
    assert len(model.calls) == calls


def test_the_backup_is_asked_with_the_same_sampling() -> None:
    first, second = ScriptedModel("?", "?"), ScriptedModel("c01=UNMET", name="second")
    (found,) = ask(panel_of(first, second), ["a"]).outcomes
    assert found == [Verdict("UNMET", None, None, backup="second")]
    assert second.calls[0].sampling.seed == first.calls[0].sampling.seed


def test_calls_keep_their_order_whichever_ends_first() -> None:
    def reply(call: ChatCall) -> str:
        return "c01=MET 1" if call.messages[0].content == "b" else "c01=UNMET"

    found: list[list[Outcome]] = ask(panel_of(ScriptedModel(reply=reply)), ["a"], ["b"], ["c"]).outcomes
    assert [one.word for (one,) in found if isinstance(one, Verdict)] == ["UNMET", "MET", "UNMET"]


def test_nothing_asked_is_nothing_said() -> None:
    assert ask(panel_of(ScriptedModel())).outcomes == []

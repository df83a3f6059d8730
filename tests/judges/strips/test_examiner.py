"""How questions are put to a model, and what is done where it fails. More of it stands in the tests of the judges."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.scripted_model import ScriptedModel

from citerefine.judges.strips.examiner import NoVerdict, Outcome, Posed, Verdict
from citerefine.judges.strips.panel import Answered, Panel
from citerefine.judges.strips.strip import Word, strip_grammar
from citerefine.refiner.chat.call import ChatCall, ChatReply, Message, Sampling
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

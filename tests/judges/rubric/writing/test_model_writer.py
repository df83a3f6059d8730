"""A chat model writes, or says why it does not."""

import asyncio
import pickle

import pytest
from tests.scripted_model import ScriptedModel

from citerefine.judges.rubric.writing.model_writer import ModelWriter, WriterError, WriterSampling
from citerefine.refiner.chat.call import ChatReply
from citerefine.refiner.errors import CallError
from citerefine.refiner.records import Usage


def test_each_call_of_a_rubric_has_a_seed_of_its_own_and_all_are_counted() -> None:
    model = ScriptedModel("one", "two")
    writer = ModelWriter(model, WriterSampling(seed=7, max_tokens=100))
    assert not writer.usage
    assert [asyncio.run(writer("system", "user")) for _ in range(2)] == ["one", "two"]
    assert [(call.sampling.seed, call.sampling.max_tokens, call.thinking) for call in model.calls] == [
        (7, 100, False),
        (8, 100, False),
    ]
    assert [message.role for message in model.calls[0].messages] == ["system", "user"]
    assert [usage.calls for usage in (writer.usage,) if usage] == [2]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (ChatReply(text="{", finish="length", usage=Usage(completion_tokens=9)), "truncated"),
        (ChatReply(text="I cannot", finish="refusal"), "refusal"),
        (ChatReply(text="", finish="tool_calls"), "no_text"),
        (ChatReply(text=" \n"), "empty"),
    ],
)
def test_a_reply_that_is_none_is_an_error_and_is_paid_all_the_same(reply: ChatReply, code: str) -> None:
    writer = ModelWriter(ScriptedModel(reply))
    with pytest.raises(WriterError) as raised:
        asyncio.run(writer("system", "user"))
    assert raised.value.code == code
    assert writer.usage == reply.usage
    assert pickle.loads(pickle.dumps(raised.value)).code == code


def test_thinking_is_left_out_only_where_it_was_asked_for() -> None:
    text = "<think>{1}</think>\n{2}"
    thinks = WriterSampling(thinking_tokens=50, max_tokens=100)
    model = ScriptedModel(text, text)
    assert asyncio.run(ModelWriter(model, thinks)("s", "u")) == "{2}"
    assert (model.calls[0].thinking, model.calls[0].sampling.max_tokens) == (True, 150)
    assert asyncio.run(ModelWriter(model)("s", "u")) == text


def test_a_model_that_does_not_reply_in_time_is_given_up() -> None:
    writer = ModelWriter(ScriptedModel("late", delay=5), WriterSampling(deadline=0.01))
    with pytest.raises(CallError, match=r"within 0\.01 s; raise --deadline"):
        asyncio.run(writer("system", "user"))

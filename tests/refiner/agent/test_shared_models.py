"""Models that contexts name are opened once a loop, and closed with it."""

import asyncio

import pytest
from tests.scripted_model import ScriptedModel

from citerefine.refiner.agent import shared_models
from citerefine.refiner.agent.shared_models import chat_model
from citerefine.refiner.errors import ModelError
from citerefine.refiner.protocols import ChatModel


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[ScriptedModel]:
    """All models that were opened by name."""
    models = list[ScriptedModel]()

    def load(name: str) -> ScriptedModel:
        models.append(ScriptedModel(name=name))
        return models[-1]

    monkeypatch.setattr(shared_models, "load_chat_model", load)
    return models


def test_a_name_is_opened_once_a_loop_and_closed_when_the_loop_ends(opened: list[ScriptedModel]) -> None:
    async def twice() -> bool:
        return await chat_model("openai:a@http://localhost:1/v1") is await chat_model("openai:a@http://localhost:1/v1")

    assert asyncio.run(twice())
    assert asyncio.run(twice())
    assert [model.closed for model in opened] == [True, True]


def test_models_are_still_open_while_their_loop_runs(opened: list[ScriptedModel]) -> None:
    async def ask() -> None:
        await chat_model("a")
        await chat_model("b")
        await asyncio.sleep(0)
        assert [model.closed for model in opened] == [False, False]

    asyncio.run(ask())
    assert [model.closed for model in opened] == [True, True]


def test_a_model_object_is_its_owners_and_is_not_closed() -> None:
    model = ScriptedModel()

    async def ask() -> ChatModel:
        return await chat_model(model)

    assert asyncio.run(ask()) is model
    assert not model.closed


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ModelError, match="gpt-9"):
        asyncio.run(chat_model("gpt-9"))

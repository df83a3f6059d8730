"""Model strings."""

import pytest

from citerefine.refiner.errors import ModelError
from citerefine.refiner.models import FORMS, load_chat_model
from citerefine.refiner.protocols import ChatModel


def test_a_server_is_named_with_its_model_and_not_connected_yet() -> None:
    model = load_chat_model("openai:Qwen/Qwen3-4B@http://127.0.0.1:9/v1")
    assert isinstance(model, ChatModel)
    assert model.name == "openai:Qwen/Qwen3-4B@http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("gpt-9", "no model is called 'gpt-9'; a model is one of: extractive, openai:NAME@BASE_URL"),
        ("extractive", "is no chat model"),
        ("hf:", "names no model behind the colon; an example: hf:PATH_OR_NAME"),
        ("vllm: ", "names no model"),
        ("ftp:x", "no model is called"),
        ("", "no model is called"),
    ],
)
def test_a_string_that_names_nothing_is_answered_with_what_can_be_named(name: str, complaint: str) -> None:
    with pytest.raises(ModelError, match=complaint):
        load_chat_model(name)


def test_every_form_is_explained() -> None:
    assert [*FORMS] == ["extractive", "openai:NAME@BASE_URL", "hf:PATH_OR_NAME", "vllm:PATH_OR_NAME"]

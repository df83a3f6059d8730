"""HealthBench rows, and the rows of verl-rubric and RuscaRL, which have the same items.

In: `{prompt[], prompt_id, rubrics: [{criterion, points, tags[]}], …}`, or the list of items alone. Points have a sign:
a negative item is a fault. Tags such as `verifier:rule` or `function:…` are words here, nothing looks them up. Out: a
flat rubric. Not here: the meta evaluation, which holds labels and no rubric.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue

from citerefine.rubrics.formats import parts
from citerefine.rubrics.formats.list_format import Group, ListFormat
from citerefine.rubrics.formats.shape import Shape
from citerefine.rubrics.formats.values import Object, as_label


class Prompt:
    """The conversation: its last message of the user is the question."""

    keys = ("prompt", "prompt_id", "question")
    names = ("query", "id")

    def read(self, native: Object, where: str) -> Mapping[str, Any]:
        """Question and id, as far as the row has them."""
        message = last_of_user(native.get("prompt"))
        asked = message["content"] if message else native.get("prompt", native.get("question"))
        id = as_label(native.get("prompt_id"), f"{where}.prompt_id")
        return {"query": asked if isinstance(asked, str) else "", "id": id}

    def write(self, record: parts.Record, native: Object) -> None:
        """Into the last message of the user, or a new conversation."""
        message = last_of_user(native.get("prompt"))
        if message:
            message["content"] = record.query
        elif isinstance(native.get("prompt"), str) or "question" in native:
            native["prompt" if "prompt" in native else "question"] = record.query
        else:
            native["prompt"] = [{"content": record.query, "role": "user"}]
        if record.id or "prompt_id" in native:
            native["prompt_id"] = record.id

    def cannot(self, record: parts.Record) -> str:
        """Nothing: any question can be asked."""
        return ""


def last_of_user(prompt: JsonValue) -> Object | None:
    """The last message of the user that is text."""
    messages = prompt if isinstance(prompt, list) else []
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user" and isinstance(message.get("content"), str):
            return message
    return None


def _tells(native: Object) -> bool:
    """RubricHub has a question and no prompt; a list without items tells nothing."""
    return "prompt" in native or ("question" not in native and bool(native["rubrics"]))


ITEM: Final = Shape(
    parts.text("criterion"), parts.weight("points"), parts.tags(), required=(("criterion",), ("points",))
)
HEALTHBENCH: Final = ListFormat(
    "healthbench",
    "HealthBench: criteria with signed points and tags, for a conversation",
    ITEM,
    Group("rubrics"),
    document=(Prompt(),),
    tell=lambda native: "task_id" not in native and _tells(native),
    bare=True,
)

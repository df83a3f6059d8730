"""What a run of the agent may use and spend.

In: keyword arguments, or a plain JSON dict of them (`langgraph dev` sends one). Out: `RefinerContext`, checked. Not
here: the search tools, which a graph is built with.
"""

from dataclasses import fields
from typing import Any, Final

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from pydantic.json_schema import SkipJsonSchema

from citerefine.refiner.models import EXTRACTIVE
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.settings import RefinerSettings

SEARCH_SHARE: Final = 0.6
"""Share of `max_seconds` that planning and searching may take; the refiner gets what is left, at least the rest."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(arbitrary_types_allowed=True, extra="forbid"))
class RefinerContext:
    """Models, limits and settings of one run; raises pydantic's ValidationError (a ValueError) for values out of range.

    >>> RefinerContext(settings={"on_invalid": "drop"}).settings.on_invalid.value
    'drop'
    """

    model: str | SkipJsonSchema[ChatModel] = EXTRACTIVE
    """Who writes the answer: a model string, or an object with the methods of `ChatModel`."""
    planner: str | SkipJsonSchema[ChatModel] | None = None
    """Who chooses the queries; None builds them from the question and from what was found, without a model."""
    max_searches: int = Field(default=4, ge=0)
    """Most searches of a run; one search is one query sent to one tool."""
    snippets_per_search: int = Field(default=10, ge=1)
    max_concurrent: int = Field(default=4, ge=1)
    """Most searches at once."""
    max_seconds: float = Field(default=300.0, gt=0)
    """Longest time that the whole run works. Searching stops when SEARCH_SHARE of it is used."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Most tokens of prompts and replies, planner and refiner together; reserved before each call."""
    live: bool = False
    """Whether claims are told while the model writes them. Each token then costs CPU time, some milliseconds an answer
    in all; without, claims are told when the answer is there."""
    settings: RefinerSettings = RefinerSettings()
    """How the refiner works; its deadline is shortened to what is left of `max_seconds`."""

    def as_json(self) -> dict[str, Any]:
        """The context as plain values: models by their names."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        names = {key: _name(values[key]) for key in ("model", "planner")}
        return {**values, **names, "settings": self.settings.model_dump(mode="json")}


def _name(model: str | ChatModel | None) -> str | None:
    return model if model is None or isinstance(model, str) else model.name

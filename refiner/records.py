"""The records that flow through the toolkit: frozen, JSON both ways.

In: plain values from tools, files and callers, checked here once. Out: `Snippet`, `Claim`, `Issue`, `Usage`. Three
records live beside their rules: `RefineRequest` (request.py), `Evidence` (evidence.py), the only way from an id to a
snippet, and `Answer` (answer.py), which only the parser can build.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from citerefine.refiner.tags.markup import ID_PATTERN, break_mark_runs, scrub

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Record(BaseModel):
    """Base of all records: immutable, no unknown fields, `model_dump_json` and `model_validate_json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy; with `update`, all its values are checked anew and what is derived from them follows."""
        if not update:
            return super().model_copy(deep=deep)
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self).model_validate({**values, **update})

    def __setattr__(self, name: str, value: Any) -> None:
        """Refused, for private names too: what is derived in a record stays what it was derived from."""
        if name.startswith("_"):
            raise TypeError(f"{type(self).__name__} is frozen; {name} cannot be set")
        super().__setattr__(name, value)

    def copy(self, **how: Any) -> Self:
        """The same as `model_copy`; the deprecated method of pydantic would check nothing."""
        return self.model_copy(**how)


def _scrubbed(value: object) -> object:
    return scrub(value) if isinstance(value, str) else value


def _one_line(value: str) -> str | None:
    return " ".join(_CONTROLS.sub(" ", value).split()) or None


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty or only white space; give it some text or leave the record out")
    return value


Text = Annotated[str, BeforeValidator(_scrubbed)]
"""Any text that can be written as UTF-8."""
FoundText = Annotated[Text, AfterValidator(break_mark_runs)]
"""Text of a stranger, which may have been made to cost time."""
FilledText = Annotated[FoundText, AfterValidator(_not_blank)]
Line = Annotated[FoundText, AfterValidator(_one_line)] | None
"""Text on one line: control characters and runs of white space become one blank; None when nothing is left."""


def normalised(text: str) -> str:
    """`text` as identity sees it: NFC, each run of white space one blank, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _content_id(fields: dict[str, Any]) -> str:
    """First 16 hex digits of the SHA-256 of where the text comes from and what it says."""
    origin = fields["doi"] or fields["url"] or fields["source"] or fields["title"] or ""
    place = [origin, fields["section"], fields["page"], fields["start"], fields["end"]]
    key = json.dumps([*place, normalised(fields["text"])], ensure_ascii=True)
    return hashlib.sha256(key.encode()).hexdigest()[:16]


class Snippet(Record):
    """A passage that a tool found: what a claim can be tied to."""

    text: FilledText
    """The passage, as its source has it."""
    title: Line = None
    authors: tuple[FoundText, ...] = ()
    year: int | None = None
    venue: Line = None
    doi: Line = None
    """Bare, as in `10.1000/182`."""
    url: Line = None
    source: Line = None
    """What the passage was taken from: a file's name, a corpus entry, an API's record."""
    also_found: tuple[FoundText, ...] = ()
    """Where else the same passage was found: records of sources, or addresses; no part of its identity."""
    section: Line = None
    """Heading that the passage stands under; nested headings joined by ` > `."""
    page: int | None = Field(default=None, ge=1)
    start: int | None = Field(default=None, ge=0)
    """Offset of the passage in its source, in code points."""
    end: int | None = Field(default=None, ge=0)
    """Offset behind the passage's last code point in its source."""
    licence: Line = None
    retrieved_at: datetime | None = None
    id: str = Field(default_factory=_content_id, pattern=f"^{ID_PATTERN}$")
    """Derived from origin, place and text unless given: the same passage has the same id in every run."""

    @property
    def work(self) -> str:
        """What tells one work from another: snippets with the same value are passages of one source."""
        return self.doi or self.url or self.source or self.title or self.id

    @model_validator(mode="after")
    def _span_is_whole(self) -> Self:
        if (self.start is None) != (self.end is None):
            raise ValueError(f"start and end belong together, got start={self.start} and end={self.end}")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError(f"end must lie behind start, got start={self.start} and end={self.end}")
        return self


class Mode(StrEnum):
    """What may stand around the answer block."""

    ANSWER_ONLY = "answer_only"
    """Exactly one `<answer>` block and nothing else."""
    THINK = "think"
    """Reasoning may precede the block; it is stripped."""


class Claim(Record):
    """A stretch of the answer that the model tied to evidence."""

    text: Text
    """Exactly `answer.text[start:end]`."""
    citations: tuple[str, ...]
    """Ids of known snippets, in the order written, each once; empty if every id written was unknown."""
    start: int
    """Offset in the plain answer, in code points."""
    end: int
    raw_start: int
    """Offset in the raw model text of what became `text`."""
    raw_end: int


class Issue(Record):
    """Something in the model's text that is not canonical."""

    code: str
    """Name from `tags.issues.MEANING`."""
    message: str
    start: int
    """Offset in the raw model text, in code points."""
    end: int


class Usage(Record):
    """What model calls consumed; None where a server did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    """Of the prompt's tokens, those that the server took from its prefix cache."""
    cost: float | None = None
    """US dollars: as the server says, or by the prices that were set."""
    calls: int = 1

    def __add__(self, other: "Usage") -> "Usage":
        """Both together; a sum of which one part is unknown is unknown."""
        names = ("prompt_tokens", "completion_tokens", "cached_tokens", "cost")
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in names}
        sums = {name: None if None in pair else sum(pair) for name, pair in pairs.items()}
        return Usage(calls=self.calls + other.calls, **sums)

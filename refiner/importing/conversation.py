"""Turns of a conversation: what was asked, what the agent thought, what its tools found.

In: messages, in order, each with who wrote it. Out: `Turn`s. Evidence is what tool messages hold and nothing else: no
text that a person or a model wrote becomes a snippet, whatever it looks like. Not here: how programs store messages
(openai_messages.py, langchain_messages.py).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from citerefine.refiner.agent.state import merge_evidence
from citerefine.refiner.importing.hits import Found
from citerefine.refiner.records import Snippet


class Asked(NamedTuple):
    """A question of a person."""

    text: str


class Thought(NamedTuple):
    """What the agent wrote."""

    text: str


class ToolResult(NamedTuple):
    """What a tool gave back."""

    found: Found


Message = Asked | Thought | ToolResult


def not_read(what: str) -> ToolResult:
    """What stands for a message, or an item, that may hold evidence in a form that is not read."""
    return ToolResult(Found((), [f"{what} are not read"]))


def failed(call: str | None) -> ToolResult:
    """What stands for the result of a call that is marked as failed: whatever it holds is no evidence."""
    return ToolResult(Found((), [f"{call or 'a tool'} failed"]))


class Turn(NamedTuple):
    """A question, and what followed up to the next one."""

    question: str
    reasoning: str
    snippets: list[Snippet]
    """In the order in which tools gave them, each id once."""
    warnings: list[str]
    """Each once."""


def read_turns(messages: Iterable[Message]) -> Iterator[Turn]:
    """The turns, in order; what stands before the first question belongs to none."""
    asked: str | None = None
    since = list[Message]()
    for message in messages:
        if isinstance(message, Asked):
            if asked is not None:
                yield _turn(asked, since)
            asked, since = message.text.strip(), []
        else:
            since.append(message)
    if asked is not None:
        yield _turn(asked, since)


def _turn(question: str, since: Sequence[Message]) -> Turn:
    thoughts = [text for message in since if isinstance(message, Thought) and (text := message.text.strip())]
    found = [message.found for message in since if isinstance(message, ToolResult)]
    return make_turn(question, "\n\n".join(thoughts), found)


def make_turn(question: str, reasoning: str, found: Iterable[Found]) -> Turn:
    """A turn with all that tools found. Two texts under one id: the later one gets an id of its own."""
    results = [*found]
    merged = merge_evidence({}, [snippet for one in results for snippet in one.snippets])
    snippets = [Snippet.model_validate(record) for record in merged.values()]
    return Turn(question, reasoning, snippets, [*dict.fromkeys(warning for one in results for warning in one.warnings)])

"""Reads one turn of a conversation: what was asked, what was thought, and what the tools found.

In: the messages of an agent. Out: a `Turn`. Evidence comes from the artifacts of tool messages and from nowhere
else: no text of any message, written by a person, a model or a tool, can become a snippet. Not here: refining.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage
from pydantic import ValidationError

from citerefine.refiner.agent.documents import read_snippet
from citerefine.refiner.bridge.documents import told_apart
from citerefine.refiner.errors import EvidenceError
from citerefine.refiner.records import Snippet

Reach = Literal["turn", "thread"]
"""How far back evidence is taken from: since the last question, or from the whole conversation."""


class Turn(NamedTuple):
    """What a refiner needs of a conversation."""

    question: str | None
    """Text of the last human message; None if there is none, or it is blank."""
    reasoning: str
    """What the agent wrote since then, its last reply included."""
    snippets: list[Snippet]
    """In the order in which tools gave them, each id once."""
    notes: tuple[str, ...]
    """What could not be taken as evidence."""


def read_turn(messages: Sequence[AnyMessage], reach: Reach = "turn") -> Turn:
    """The last turn of a conversation, with the evidence of that turn or of the whole thread."""
    asked = next((at for at in reversed(range(len(messages))) if _is_question(messages[at])), None)
    since = messages[asked + 1 :] if asked is not None else messages
    question = messages[asked].text.strip() if asked is not None else ""
    found = list[Snippet]()
    notes = list[str]()
    for message in since if reach == "turn" else messages:
        if isinstance(message, ToolMessage) and message.status != "error":
            snippets, n_strange = _read_artifact(message.artifact)
            found += snippets
            if n_strange:
                source = message.name or "a tool"
                notes.append(f"{n_strange} results of {source} are no snippets and cannot be cited.")
    return Turn(question or None, "\n\n".join(_thoughts(since)), told_apart(found), tuple(notes))


def _is_question(message: BaseMessage) -> bool:
    """Whether a person wrote it: LangChain's summaries of a long conversation are human messages too."""
    return isinstance(message, HumanMessage) and message.additional_kwargs.get("lc_source") != "summarization"


def _thoughts(messages: Iterable[BaseMessage]) -> Iterator[str]:
    for message in messages:
        if isinstance(message, AIMessage):
            thought = [block.get("reasoning", "") for block in message.content_blocks if block["type"] == "reasoning"]
            yield from (text for text in (*thought, message.text.strip()) if text)


def _read_artifact(artifact: object) -> tuple[list[Snippet], int]:
    """The snippets in a list of snippets, of records or of Documents, and how many of its items are neither.

    Any other artifact, such as a picture, is no evidence and nothing to warn of.
    """
    items = artifact if isinstance(artifact, list | tuple) else ()
    read = [_read_item(item) for item in items]
    return [snippet for snippet in read if snippet is not None], read.count(None)


def _read_item(item: object) -> Snippet | None:
    try:
        return read_snippet(item)
    except (EvidenceError, ValidationError):
        return None

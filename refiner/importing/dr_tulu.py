"""Reads runs of dr_agent, the agent of DR Tulu, as its evaluation writes them.

In: a row with `problem` and `full_traces`. Out: a `Turn`. Evidence is what tools returned: the `documents` of a tool
call under the ids that the model was shown (`CALL-N`), or else the `<snippet id=…>` and `<webpage id=…>` blocks of its
`output`. The same blocks stand in `generated_text` too, among what the model wrote, and are not read there: a model
can write such a block. Of an agent that was called as a tool, only what its own tools returned counts: the rest its
model wrote. Not here: citations in its answers.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.evidence import read_tool_output
from citerefine.refiner.importing.conversation import Turn, make_turn
from citerefine.refiner.importing.hits import NOTHING, Found, read_hits
from citerefine.refiner.records import Snippet

_DEEPEST: Final = 8
"""Agents that are tools of agents."""
_OUTPUT: Final = ("<tool_output>", "</tool_output>")


def read_dr_tulu(row: Mapping[str, Any]) -> Turn:
    """The question of a row with its evidence; what the model wrote, without what tools returned, is its reasoning.
    Raises BadRow."""
    question, traces = row.get("problem"), row.get("full_traces")
    if not isinstance(traces, Mapping) or not isinstance(traces.get("tool_calls"), list):
        raise BadRow("no_messages", "it has no full_traces with tool_calls; is it of another kind?")
    written = traces.get("generated_text")
    reasoning = _without_outputs(written) if isinstance(written, str) else ""
    return make_turn(question.strip() if isinstance(question, str) else "", reasoning, _found(traces, _DEEPEST))


def _found(traces: Mapping[str, Any], depth: int) -> Iterator[Found]:
    """What the calls of a run found, and those of agents and chains that it called as tools."""
    for name in ("tool_calls", "tool_outputs"):
        calls = traces.get(name)
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, Mapping) and not call.get("error"):
                if not _is_trace(call) and not _is_trace(call.get("raw_output")):
                    yield _read_call(call)
                for inner in (call, call.get("raw_output")):
                    if isinstance(inner, Mapping) and depth:
                        yield from _found(inner, depth - 1)


def _is_trace(record: object) -> bool:
    """Whether an agent's run is recorded there: what it gave in the end, a model wrote."""
    return isinstance(record, Mapping) and (
        isinstance(record.get("generated_text"), str) or isinstance(record.get("tool_calls"), list)
    )


def _read_call(call: Mapping[str, Any]) -> Found:
    documents, id = call.get("documents"), call.get("call_id")
    if isinstance(documents, list) and documents:
        read = [_read_document(document, f"{id}-{rank}" if id else None) for rank, document in enumerate(documents)]
        snippets = [snippet for snippet in read if snippet is not None]
        n_empty = len(read) - len(snippets)
        lacks = f"{n_empty} documents of {_name(call)} have no text and cannot be cited"
        return Found(snippets, [lacks] if n_empty else [])
    output = call.get("output")
    if not isinstance(output, str) or not output.strip():
        return NOTHING
    snippets = read_tool_output(output)
    return Found(snippets, [] if snippets else [f"what {_name(call)} gave has no ids and cannot be cited"])


def _read_document(document: object, id: str | None) -> Snippet | None:
    """The snippet that a document is: the page where it was read, else what the search showed of it."""
    if not isinstance(document, Mapping) or document.get("error"):
        return None
    known = {name: document.get(name) for name in ("title", "url", "text", "snippet")}
    snippet = next(iter(read_hits([known]).snippets), None)
    if snippet is None or id is None:
        return snippet
    try:
        return snippet.model_copy(update={"id": id})
    except ValidationError:
        return snippet  # an id that no tag can carry


def _name(call: Mapping[str, Any]) -> str:
    name = call.get("tool_name")
    return name if isinstance(name, str) and name else "a tool"


def _without_outputs(written: str) -> str:
    """What the model wrote: its transcript up to each tool's output, and from its end on."""
    parts, start = list[str](), 0
    while (opened := written.find(_OUTPUT[0], start)) >= 0:
        parts.append(written[start:opened])
        closed = written.find(_OUTPUT[1], opened)
        start = len(written) if closed < 0 else closed + len(_OUTPUT[1])
    return "".join([*parts, written[start:]]).strip()

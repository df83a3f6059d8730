"""The answer as plain JSON: what `ask --format json` prints and what the HTML page carries.

In: an `Answer`. Out: a dict of strings, numbers, booleans, lists and dicts, its keys in one order. Offsets of a
claim count code points of `text`; those of a snippet count code points of its source. Not here: escaping for a
medium, the stored form of an answer (`Answer.model_dump_json`).
"""

from typing import Any

from citerefine.refiner.answer import Answer
from citerefine.refiner.records import Snippet

_ALWAYS = ("text", "title", "url", "source", "section", "page", "start", "end")
_WHEN_SET = ("authors", "year", "venue", "doi", "licence", "also_found", "retrieved_at")


def answer_json(answer: Answer) -> dict[str, Any]:
    """The answer, its claims, and all snippets of its evidence, cited or not."""
    return {
        "question": answer.question,
        "text": answer.text,
        "tagged": answer.tagged,
        "claims": [
            {"text": claim.text, "start": claim.start, "end": claim.end, "citations": list(claim.citations)}
            for claim in answer.claims
        ],
        "snippets": {snippet.id: _snippet_json(snippet) for snippet in answer.evidence.snippets},
        "answered": answer.answered,
        "issues": [{"code": issue.code, "message": issue.message} for issue in answer.issues],
        "model": answer.model,
        "usage": answer.usage.model_dump(mode="json") if answer.usage is not None else None,
        "notes": list(answer.notes),
    }


def _snippet_json(snippet: Snippet) -> dict[str, Any]:
    """Fields that every snippet shows, null where unknown, then the rarer ones that are known."""
    fields: dict[str, Any] = {name: getattr(snippet, name) for name in _ALWAYS}
    fields |= {name: value for name in _WHEN_SET if (value := getattr(snippet, name)) not in (None, ())}
    for name in ("authors", "also_found"):
        if name in fields:
            fields[name] = [*fields[name]]
    if snippet.retrieved_at is not None:
        fields["retrieved_at"] = snippet.retrieved_at.isoformat()
    return fields

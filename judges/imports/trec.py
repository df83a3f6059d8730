"""Reads the answers of the TREC RAG tracks: sentences, each with citations into a list of references.

In: `{"references": [docid, …], "answer": [{"text": …, "citations": [index or docid, …]}, …]}`, or that under
`response` or `responses`. Out: `TagParse`: the sentences one below the other, blank lines between them. An index
counts from 0 (TREC 2024 and 2025, guidelines for AG and RAG); a docid is the id, alias or `source` of a snippet. Not
here: the scoring.
"""

from typing import Any

from citerefine.judges.imports.bad_answer import BadAnswer, list_of, object_of, shown, text_of
from citerefine.judges.imports.numbered import Reading
from citerefine.judges.imports.placing import Cover, place
from citerefine.judges.imports.sources import Sources, unknown
from citerefine.judges.imports.text_parts import Parts

_WRAPPERS = ("response", "responses")


def is_trec(answer: object) -> bool:
    """Whether an answer has this form."""
    inner = _unwrapped(answer)
    sentences = inner.get("answer") if isinstance(inner, dict) else inner
    return (
        isinstance(sentences, list)
        and all(isinstance(one, dict) and "text" in one for one in sentences)
        and (isinstance(inner, dict) or any("citations" in one for one in sentences))
    )


def read_trec(answer: object, sources: Sources) -> Reading:
    """The answer. Raises BadAnswer."""
    inner = _unwrapped(answer)
    whole = {"answer": inner} if isinstance(inner, list) else object_of(inner, "the answer")
    references = [_docid(one) for one in list_of(whole.get("references"), "references")]
    if "answer" not in whole:
        raise BadAnswer("unknown_shape", "a TREC answer has a list under `answer`, and this one has none")
    parts, covers = Parts(), list[Cover]()
    for number, one in enumerate(list_of(whole["answer"], "answer")):
        where = f"answer[{number}]"
        sentence = object_of(one, where)
        start, end = parts.add(text_of(sentence.get("text"), f"{where}.text"))
        cited = [_cited(one, references, f"{where}.citations") for one in list_of(sentence.get("citations"), where)]
        ids = dict.fromkeys(id for docid in cited for id in sources.id(docid) or (unknown(docid),))
        if ids:
            covers.append(Cover(start, end, tuple(ids)))
    return Reading(place(parts.marked(), [], covers=covers))


def _unwrapped(answer: object) -> Any:
    for wrapper in _WRAPPERS:
        if isinstance(answer, dict) and "answer" not in answer and wrapper in answer:
            return answer[wrapper]
    return answer


def _docid(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("docid", value.get("id"))
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return text_of(value, "a reference")


def _cited(value: object, references: list[str], where: str) -> str:
    """The docid that a citation means; an index that leads nowhere as it is written."""
    if isinstance(value, str):
        return text_of(value, where)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadAnswer("bad_answer_field", f"{where} must hold indexes or docids, and holds {shown(value)}")
    return references[value] if 0 <= value < len(references) else f"[{shown(value)}]"

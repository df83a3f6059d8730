"""The part of a model's text that a reader sees, with its citations: what rubrics are judged on.

In: an answer, or a model's text, and the evidence. Out: text with tags, which name snippets by their own ids and not by
the aliases of a prompt. Thinking, repeated tool output and what stands outside the answer block are gone. Text with
nothing of that kind stays as it is, to the letter. Not here: whether it says anything (gate.py).
"""

from typing import Final

from citerefine.refiner.answer import Answer
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.tags.scanner import TagParse, parse_tags

_UNSEEN: Final = frozenset({"thinking", "tool_echo"})
_NOTHING: Final = Evidence()


def shown(answer: Answer | str, evidence: Evidence = _NOTHING) -> str:
    """What a reader sees of an answer.

    >>> shown("<think>Hm.</think><answer>Ice: <snippet id='a b'>late</snippet>.</answer>")
    'Ice: <snippet id=a,b>late</snippet>.'
    >>> shown("Ice came late [1].")
    'Ice came late [1].'
    """
    if isinstance(answer, Answer):
        return _tagged(parse_tags(answer.tagged), answer.evidence)
    parse = parse_tags(answer)
    codes = {finding.code for finding in parse.findings}
    has_aliases = any(_full(id, evidence) != id for span in parse.spans for id in span.ids)
    return _tagged(parse, evidence) if codes & _UNSEEN or "no_answer" not in codes or has_aliases else answer


def _tagged(parse: TagParse, evidence: Evidence) -> str:
    parts, at = list[str](), 0
    for span in parse.spans:
        ids = dict.fromkeys(_full(id, evidence) for id in span.ids)
        parts += [parse.text[at : span.start], f"<snippet id={','.join(ids)}>{span.text}</snippet>"]
        at = span.end
    return "".join([*parts, parse.text[at:]])


def _full(id: str, evidence: Evidence) -> str:
    """The snippet's own id; an id that no snippet has stays as it is written."""
    return evidence.resolve(id) or id

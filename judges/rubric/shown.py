"""The part of a model's text that a reader sees, with its citations: what rubrics are judged on.

In: an answer, or a model's text, and the evidence. Out: text with tags, which name snippets by their own ids and not by
the aliases of a prompt. Thinking, repeated tool output and what stands outside the answer block are gone. Text with
nothing of that kind stays as it is, to the letter. Whoever reads the tags of what comes out finds those citations that
were read from what came in, and no other. Not here: whether it says anything (gate.py).
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from citerefine.refiner.answer import Answer
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.tags.markup import ID_PATTERN, escape
from citerefine.refiner.tags.scanner import TagParse, parse_tags

_ID: Final = re.compile(ID_PATTERN)
_NO_ID: Final = "no-such-id"
"""Stands for an id with characters that could end its tag; snippets have no such ids."""
_UNSEEN: Final = frozenset({"thinking", "tool_echo"})
_NOTHING: Final = Evidence()


class Seen(NamedTuple):
    """What a reader sees of an answer."""

    text: str
    """With its citations as tags."""
    parse: TagParse
    """Its plain text and its citations, with ids as they were written; so that the text need not be read again."""


def shown(answer: Answer | str, evidence: Evidence = _NOTHING) -> str:
    """What a reader sees of an answer.

    >>> shown("<think>Hm.</think><answer>Ice: <snippet id='a b'>late</snippet>.</answer>")
    'Ice: <snippet id=a,b>late</snippet>.'
    >>> shown("Ice came late [1].")
    'Ice came late [1].'
    """
    return see(answer, evidence).text


def see(answer: Answer | str, evidence: Evidence = _NOTHING) -> Seen:
    """The same, and what was read in it."""
    if isinstance(answer, Answer):
        parse = parse_tags(answer.tagged)
        return Seen(tagged(parse, _of(answer.evidence)), parse)
    parse = parse_tags(answer)
    codes = {finding.code for finding in parse.findings}
    full = _of(evidence)
    has_aliases = any(full(id) != id for span in parse.spans for id in span.ids)
    is_plain = not codes & _UNSEEN and "no_answer" in codes and not has_aliases
    return Seen(answer if is_plain else tagged(parse, full), parse)


def tagged(parse: TagParse, named: Callable[[str], str] = str) -> str:
    """The answer's text with its citations as tags, each id as `named` gives it; what else looks like a tag is escaped.

    >>> tagged(parse_tags("<answer>Ice: <cite id='a b'>late</cite>. &lt;snippet id=c></answer>"))
    'Ice: <snippet id=a,b>late</snippet>. &lt;snippet id=c>'
    """
    parts, at = list[str](), 0
    for span in parse.spans:
        names = dict.fromkeys(named(id) for id in span.ids)
        ids = ",".join(name if _ID.fullmatch(name) else _NO_ID for name in names)
        parts += [escape(parse.text[at : span.start]), f"<snippet id={ids}>{escape(span.text)}</snippet>"]
        at = span.end
    return "".join([*parts, escape(parse.text[at:])])


def _of(evidence: Evidence) -> Callable[[str], str]:
    """From an id as it is written to the snippet's own; one that no snippet has stays."""
    return lambda id: evidence.resolve(id) or id

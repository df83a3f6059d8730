"""Shows an answer to a judging model: sentence by sentence, numbered, with what is cited behind each claim.

In: an answer with citation tags, the evidence. Out: its sentences, word for word and as they are shown. Nothing that a
reader sees is left out: list marks and headings stand before their sentence, code behind or before one. Tags become
brackets such as `[S1, S3]`; what looks like such brackets in the text is escaped (lookalikes.py), so that nobody cites
by writing them. Not here: the prompt (rubric_prompt.py).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from citerefine.judges.prose import prose
from citerefine.judges.rubric.chat.lookalikes import escape_lookalikes
from citerefine.judges.strips.data_text import as_line
from citerefine.judges.units import sentences_of
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.tags.block import Span
from citerefine.refiner.tags.scanner import TagParse, parse_tags

MOST_SENTENCES: Final = 2000
"""Most sentences of their own; those behind are one."""
UNKNOWN: Final = "?"
"""How a citation of a snippet that does not exist is shown."""

_INK: Final = re.compile(r"\S")
_PARAGRAPH: Final = re.compile(r"\n[^\S\n]*\n")


class AnswerLine(NamedTuple):
    """A sentence of an answer."""

    text: str
    """Word for word, without tags."""
    shown: str
    """On one line, as it stands in a prompt."""
    opens_paragraph: bool


def answer_lines(answer: str, evidence: Evidence) -> list[AnswerLine]:
    """The sentences of an answer, in order."""
    parse = parse_tags(answer)
    cuts, found, spans = _cuts(parse), list[AnswerLine](), parse.spans
    first = 0
    for start, end in zip([0, *cuts], cuts, strict=False):
        while first < len(spans) and spans[first].end <= start:
            first += 1
        text = parse.text[start:end]
        ink = _INK.search(text)
        shown = _shown(parse.text, start, end, _spans_until(spans, first, end), evidence) if ink else ""
        if ink and shown:
            opens = not found or bool(_PARAGRAPH.search(text, 0, ink.start()))
            found.append(AnswerLine(text.strip(), shown, opens))
    return found


def _cuts(parse: TagParse) -> list[int]:
    """Where sentences end; together they are the whole text."""
    ends = [end for _, end in sentences_of(parse, prose(parse).text)][: MOST_SENTENCES - 1]
    return [*ends, len(parse.text)]


def _spans_until(spans: Sequence[Span], first: int, end: int) -> Iterator[Span]:
    for number in range(first, len(spans)):
        if spans[number].start >= end:
            return
        yield spans[number]


def _shown(text: str, start: int, end: int, spans: Iterator[Span], evidence: Evidence) -> str:
    parts, at = list[str](), start
    for span in spans:
        stop = min(span.end, end)
        parts += [_plain(text[at:stop], goes_on=True), _citation(span.ids, evidence)]
        at = stop
    return " ".join(filter(None, [*parts, _plain(text[at:end], goes_on=False)]))


def _plain(text: str, *, goes_on: bool) -> str:
    return escape_lookalikes(as_line(text), goes_on=goes_on)


def _citation(ids: tuple[str, ...], evidence: Evidence) -> str:
    known = [evidence.resolve(id) for id in ids]
    names = [UNKNOWN if id is None else evidence.alias(id) for id in known]
    return f"[{', '.join(dict.fromkeys(names))}]"

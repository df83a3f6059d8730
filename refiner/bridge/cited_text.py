"""Makes an answer of plain text and the stretches of it that cite: the way back from every standard of citations.

In: text, stretches with ids of snippets, evidence. Out: an `Answer`, by the parser as always, so that it cites nothing
but its evidence. Claims of an answer that was written out in a standard come back as they were; what others wrote is
fitted to what claims are: stretches that overlap are cut where one begins or ends, none goes over a blank line or into
a code block, and one without a word is dropped. Not here: the standards (url_citations.py, annotations.py,
inspect_citations.py).
"""

import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from citerefine.refiner.answer import Answer, parse_answer
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet
from citerefine.refiner.tags.attributes import MAX_IDS
from citerefine.refiner.tags.markup import scrub
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.refiner.tags.writer import Citing, write_answer

_LINE_END = re.compile(r"\r\n?")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
_WORD = re.compile(r"[^\W_]")
_NO_ID = re.compile(r"[^A-Za-z0-9_]+")
_LONGEST_NAME: Final = 40
OWN: Final = "citerefine"
"""Key of what a standard has no place for."""


class Cited(NamedTuple):
    """A citation as a standard has it."""

    start: int
    """Offset in the text, in code points."""
    end: int
    """Offset behind the last code point."""
    ids: Sequence[str]
    """Of the snippets of the evidence that it means; none where it leads to none."""
    place: str = ""
    """What it says of where it leads, such as a URL."""


def read_cited_text(text: str, cited: Iterable[Cited], evidence: Evidence, *, question: str = "") -> Answer:
    """The answer.

    Args:
        text: plain text; tags in it are text.
        cited: its citations, in any order; of one stretch in the order in which they stand.
        evidence: what may be cited. A citation that leads to none of it is an unknown id: the answer's issues name it,
            and it counts where the answer is scored.
        question: what was asked.

    >>> evidence = Evidence([{"id": "a", "text": "Perch doubled."}])
    >>> read_cited_text("They doubled. It rained.", [Cited(0, 13, ["a"])], evidence).claims[0].citations
    ('a',)
    """
    plain, given = _plain(text, cited)
    placed = [one._replace(ids=one.ids or [_unknown(one.place, evidence)]) for one in given if one.start < one.end]
    code = _code_of(plain, [one.start for one in placed])
    claims = [piece for stretch in _apart(placed) for piece in _pieces(plain, stretch, code)]
    n_lost = len(given) - len(placed)
    notes = (f"Citations that cover no text of the answer, and were left out: {n_lost}.",) if n_lost else ()
    return parse_answer(write_answer(plain, claims, code), evidence, question=question, notes=notes)


def _unknown(place: str, evidence: Evidence) -> str:
    """An id that no snippet has, the same for the same place."""
    name = f"{_NO_ID.sub('-', place)[:_LONGEST_NAME]}-{hashlib.sha256(scrub(place).encode()).hexdigest()[:8]}"
    while evidence.resolve(name) is not None:
        name += "-"
    return name


def _plain(text: str, cited: Iterable[Cited]) -> tuple[str, list[Cited]]:
    """The text as answers have it, with `\\n` as line end and no white space at its ends, and the stretches in it."""
    text = scrub(text)
    shorter = [found.start() for found in _LINE_END.finditer(text) if len(found[0]) == 2]
    whole = _LINE_END.sub("\n", text)
    lead, plain = len(whole) - len(whole.lstrip()), whole.strip()

    def placed(offset: int) -> int:
        before = min(max(offset, 0), len(text))
        return min(max(before - bisect_left(shorter, before) - lead, 0), len(plain))

    return plain, [one._replace(start=placed(one.start), end=placed(one.end)) for one in cited]


def _code_of(text: str, starts: Iterable[int]) -> list[tuple[int, int]]:
    """Its code blocks, where it can be told that they are. A block in which a citation begins is prose: in an answer
    no claim does, and a line that only looks like a fence opens none behind a tag."""
    parse = parse_tags(text)
    if parse.text != text:
        return []
    begun = sorted(starts)
    return [(start, end) for start, end in parse.code if bisect_left(begun, start) == bisect_left(begun, end)]


def _apart(given: Sequence[Cited]) -> Iterator[Citing]:
    """Stretches that do not overlap, in order, each with the ids of all citations over it."""
    opening, closing = dict[int, list[int]](), dict[int, list[int]]()
    for number, one in enumerate(given):
        opening.setdefault(one.start, []).append(number)
        closing.setdefault(one.end, []).append(number)
    active = dict[int, None]()
    for start, end in pairwise(sorted({*opening, *closing})):
        for number in closing.get(start, ()):
            del active[number]
        active |= dict.fromkeys(opening.get(start, ()))
        if active:
            ids = dict.fromkeys(id for number in islice(active, MAX_IDS) for id in given[number].ids)
            yield Citing(start, end, [*ids][:MAX_IDS])


def _pieces(text: str, stretch: Citing, code: list[tuple[int, int]]) -> Iterator[Citing]:
    """The parts of a stretch that can be claims."""
    start, end, ids = stretch
    gaps = [(found.start(), found.end()) for found in _BLANK_LINE.finditer(text, start, end)]
    gaps += code[max(bisect_left(code, (start,)) - 1, 0) : bisect_left(code, (end,))]
    at = start
    for from_, to in [*sorted(gaps), (end, end)]:
        if at < from_ and _WORD.search(text, at, from_):
            yield Citing(at, from_, ids)
        at = max(at, to)


class Places:
    """Evidence, looked up by where it can be read."""

    def __init__(self, evidence: Evidence) -> None:
        self._ids = dict[tuple[str, str | None], list[str]]()
        for snippet in evidence.snippets:
            for name in {snippet.url, address_of(snippet), snippet.source, snippet.title} - {None}:
                for title in (None, snippet.title or name):
                    self._ids.setdefault((str(name), title), []).append(snippet.id)

    def ids(self, place: object, title: object = None) -> list[str]:
        """Ids of the snippets of a URL, source or title; of these, those under `title`, if there are any."""
        if not isinstance(place, str):
            return []
        titled = self._ids.get((place, title)) if isinstance(title, str) else None
        return [*dict.fromkeys(titled or self._ids.get((place, None), []))]


def address_of(snippet: Snippet) -> str | None:
    """Where a snippet can be read on the web: its URL, or its DOI's. Programs make links of it, so that an address of
    another kind than http and https is none."""
    if snippet.url and snippet.url[:8].lower().startswith(("http://", "https://")):
        return snippet.url
    return f"https://doi.org/{quote(snippet.doi, safe='/')}" if snippet.doi else None


def fields_of(value: object) -> Mapping[str, Any] | None:
    """The fields of an object of another library, or of its JSON; None if it is neither."""
    if isinstance(value, Mapping):
        return value
    dump = getattr(value, "model_dump", None)
    fields = dump() if callable(dump) else None
    return fields if isinstance(fields, Mapping) else None


def place_of(*values: object) -> str:
    """The first text of these; what a citation that leads nowhere is called by."""
    return next((value for value in values if isinstance(value, str) and value), "")


def offset_of(value: object, missing: int) -> int:
    """An offset; `missing` where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else missing

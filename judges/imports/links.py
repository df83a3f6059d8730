"""Reads answers that cite by Markdown links: `Perch doubled ([Lake survey](https://…)).`

In: the answer, evidence. Out: `TagParse`. A link cites the snippets that have its URL (sources.py says when two
addresses are one). It is a marker, and its words no text of the answer, where it stands alone in parentheses, or
right behind a full stop, or where its words are a number, an address, `source` or the like, or the title of what it
cites; else, and where they are more than a reference (entry_words.py), its words stay. Not here: placing citations
(placing.py).
"""

import re
from typing import NamedTuple

from citerefine.judges.imports.entry_words import is_text
from citerefine.judges.imports.inline import Link, Shield, code_places, find_links
from citerefine.judges.imports.numbered import Reading, findings_on, notes_on
from citerefine.judges.imports.placing import Marked, Marker, place
from citerefine.judges.imports.reference_list import ReferenceList
from citerefine.judges.imports.sources import Sources, unknown
from citerefine.refiner.tags.block import Finding

_NAME = re.compile(
    r"\W*(?:(?:s|source )?\d{1,3}|sources?|links?|ref(?:erence)?s?|here|https?://\S+|(?:[\w-]{1,63}\.){1,9}[a-z]{2,}(?:/\S*)?)\W*",
    re.I,
)
_BEFORE = re.compile(r"[.!?。！？][\"'”’»)]*[ \t]*\Z")
_BEHIND = re.compile(r"[ \t]*(?:\n|\Z|\[|[A-Z])")
_LOOK_BACK = 40


class LinkedText(NamedTuple):
    """What of an answer is citations by links, and what is references."""

    marked: Marked
    links: list[Link]
    references: ReferenceList

    @property
    def places(self) -> list[int]:
        """Where it cites; links whose words are a number are left to that form."""
        text = self.marked.text
        return [one.start for one in self.links if not text[one.text_start : one.text_end].strip("^ ").isdecimal()]


def find_citing_links(marked: Marked, references: ReferenceList) -> LinkedText:
    """The answer's citations by links."""
    cut = Shield(references.cuts)
    links, _ = find_links(marked.text, Shield(code_places(marked.text, marked.code)))
    links = [link for link in links if not cut.covers(link.start) and link.url.lower().startswith("http")]
    return LinkedText(marked, links, references)


def read_links(found: LinkedText, sources: Sources) -> Reading:
    """The answer, cited by links."""
    marked, links, references = found
    findings = findings_on(references)
    markers = list[Marker]()
    for link in links:
        ids = sources.address(link.url)
        if len(ids) > 1:
            findings.append(Finding("several_passages", link.start, link.end))
        markers.append(link_marker(marked.text, link, ids or (unknown(link.url),), sources))
        if markers[-1].kept and is_text(marked.text[link.text_start : link.text_end], sources.titles(ids)):
            findings.append(Finding("reference_text", link.start, link.end))
    return Reading(place(marked, markers, cuts=references.cuts, findings=findings), notes_on(references))


def link_marker(text: str, link: Link, ids: tuple[str, ...], sources: Sources) -> Marker:
    """The marker that a link is."""
    words = text[link.text_start : link.text_end]
    before = text[max(0, link.start - _LOOK_BACK) : link.start]
    alone = before.endswith(("(", "（")) and text[link.end : link.end + 1] in (")", "）")
    behind = _BEFORE.search(before) is not None and _BEHIND.match(text, link.end) is not None
    is_name = not words.strip() or bool(_NAME.fullmatch(words)) or bool(set(ids) & {*sources.title(words)})
    is_reference = (alone or behind) and not is_text(words, sources.titles(ids))
    kept = None if is_name or is_reference else (link.text_start, link.text_end)
    return Marker(link.start, link.end, ids, kept)

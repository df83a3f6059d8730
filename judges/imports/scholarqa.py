"""Reads the reports of ScholarQA and AstaBench: sections of text, each with a list of what it cites.

In: `{"sections": [{"title", "text", "citations": [{"id", "snippets", "title", "metadata"}], "table"}]}`, or that
under `response`; evidence. Out: `TagParse`; titles as headings, and the snippets that the report declares itself. In
text, what stands in brackets or parentheses and equals an id is a citation, as are several ids with `;` or `,`
between them; a number in brackets that is no id leads nowhere.

A citation means the snippets with the text that it quotes; else those of the work that its DOI, URL or title names;
else the one with its id. Its number means nothing: it counts in the report's own list. Not here: whether a quotation
is true.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from citerefine.judges.imports.bad_answer import list_of, object_of, optional_text, text_of
from citerefine.judges.imports.inline import Shield, code_places, find_links, merged
from citerefine.judges.imports.numbered import Reading, find_numbers
from citerefine.judges.imports.placing import Marker, place
from citerefine.judges.imports.sources import Sources, unknown
from citerefine.judges.imports.text_parts import Parts
from citerefine.refiner.records import Snippet
from citerefine.refiner.tags.block import Finding

_ENCLOSED: Final = re.compile(r"\[([^\[\]\n]{1,300}+)\]|\(((?:[^()\n]{1,300}+|\([^()\n]{0,100}+\)){1,8}+)\)")
_SEPARATOR = re.compile(r"[;；]")
_BRACKETS = {"[": "]", "(": ")"}


class _Citation(NamedTuple):
    """One entry of a section's list."""

    id: str
    texts: tuple[str, ...]
    title: str
    addresses: tuple[str, ...]


class _Section(NamedTuple):
    start: int
    end: int
    known: dict[str, _Citation]


def is_scholarqa(answer: object) -> bool:
    """Whether an answer has this form."""
    inner = _unwrapped(answer)
    return isinstance(inner, dict) and isinstance(inner.get("sections"), list)


def read_scholarqa(answer: object, sources: Sources) -> Reading:
    """The report. Raises BadAnswer."""
    whole = object_of(_unwrapped(answer), "the answer")
    parts, sections = Parts(), list[_Section]()
    for number, section in enumerate(list_of(whole.get("sections"), "sections")):
        sections += _sections(object_of(section, f"sections[{number}]"), f"sections[{number}]", parts)
    marked = parts.marked()
    everywhere = {key: one for section in reversed(sections) for key, one in section.known.items()}
    reader = _Reader(sources, everywhere)
    code = code_places(marked.text, marked.code)
    links, images = find_links(marked.text, Shield(code))
    shield = Shield(merged([*code, *images, *((link.start, link.end) for link in links)]))
    numbers = {one.start: (one.end, one.numbers) for one in find_numbers(marked.text, shield, [], 1)}
    markers = [marker for section in sections for marker in reader.markers(marked.text, section, shield, numbers)]
    cited = {one.id: one for section in sections for one in section.known.values()}
    declared = [snippet for section in sections for one in section.known.values() for snippet in _declared(one)]
    notes = (f"citations declared: {len(cited)}, with {len(declared)} snippets of its own",) if cited else ()
    return Reading(place(marked, markers, findings=reader.findings), notes, tuple(dict.fromkeys(declared)))


def _unwrapped(answer: object) -> Any:
    if isinstance(answer, dict) and "sections" not in answer and isinstance(answer.get("response"), dict):
        return answer["response"]
    return answer


def _sections(section: dict[str, Any], where: str, parts: Parts) -> Iterator[_Section]:
    """The section and its table."""
    title = " ".join(optional_text(section.get("title"), f"{where}.title").split())
    if title:
        parts.add(f"## {title}")
    start, end = parts.add(optional_text(section.get("text"), f"{where}.text"))
    known = dict[str, _Citation]()
    for number, one in enumerate(list_of(section.get("citations"), f"{where}.citations")):
        citation = _citation(object_of(one, f"{where}.citations[{number}]"), f"{where}.citations[{number}]")
        known.setdefault(_key(citation.id), citation)
    yield _Section(start, end, known)
    if section.get("table") is not None:
        table = object_of(section["table"], f"{where}.table")
        yield from _sections({**table, "table": None}, f"{where}.table", parts)


def _citation(one: dict[str, Any], where: str) -> _Citation:
    id = one.get("id")
    if isinstance(id, int) and not isinstance(id, bool):
        id = str(id)
    metadata = one.get("metadata")
    fields = metadata if isinstance(metadata, dict) else {}
    texts = [text_of(text, f"{where}.snippets") for text in list_of(one.get("snippets"), f"{where}.snippets")]
    title = optional_text(one.get("title"), f"{where}.title") or str(fields.get("title") or "")
    addresses = [fields[name] for name in ("doi", "url") if isinstance(fields.get(name), str)]
    return _Citation(text_of(id, f"{where}.id"), tuple(text for text in texts if text.strip()), title, tuple(addresses))


def _declared(citation: _Citation) -> list[Snippet]:
    url = next((address for address in citation.addresses if "://" in address), None)
    return [Snippet(text=text, title=citation.title, url=url) for text in citation.texts]


def _key(id: str) -> str:
    """An id without the brackets or parentheses around it."""
    id = " ".join(id.split())
    if len(id) > 1 and _BRACKETS.get(id[0]) == id[-1]:
        id = id[1:-1].strip()
    return id


class _Reader:
    """Finds the citations of sections, and what they mean."""

    def __init__(self, sources: Sources, everywhere: dict[str, _Citation]) -> None:
        self.findings = list[Finding]()
        self._sources, self._everywhere = sources, everywhere
        self._found = dict[_Citation, tuple[str, ...]]()

    def markers(
        self, text: str, section: _Section, shield: Shield, numbers: dict[int, tuple[int, tuple[int, ...]]]
    ) -> Iterator[Marker]:
        """The citations in a section, in order."""
        known = {**self._everywhere, **section.known}
        for found in _ENCLOSED.finditer(text, section.start, section.end):
            if shield.covers(found.start()):
                continue
            end, named = found.end(), self._named(found[1] or found[2], known)
            if not named and found.start() in numbers:
                end, cited = numbers[found.start()]
                named = [known.get(str(number), f"[{number}]") for number in cited]
            if named:
                ids = dict.fromkeys(id for one in named for id in self._ids(one, found.start(), end))
                yield Marker(found.start(), end, tuple(ids))

    def _named(self, inner: str, known: dict[str, _Citation]) -> list[_Citation | str]:
        """The citations that a bracket holds; none unless all that it holds is some."""
        key = _key(inner)
        if key in known:
            return [known[key]]
        for parts in (_SEPARATOR.split(inner), inner.split(",")):
            keys = [_key(part) for part in parts]
            if all(key in known for key in keys):
                return [known[key] for key in keys]
        return []

    def _ids(self, citation: _Citation | str, start: int, end: int) -> tuple[str, ...]:
        if isinstance(citation, str):
            return (unknown(citation),)
        if citation not in self._found:
            ids = self._meant(citation)
            self._found[citation] = ids or (unknown(f"[{_key(citation.id)}]"),)
            if len(ids) > 1 and len(ids) > len(citation.texts):
                self.findings.append(Finding("several_passages", start, end))
            if not ids and len(self._sources):
                self.findings.append(Finding("unmatched_reference", start, end))
        return self._found[citation]

    def _meant(self, citation: _Citation) -> tuple[str, ...]:
        quoted = tuple(dict.fromkeys(id for text in citation.texts for id in self._sources.text(text)))
        addressed = [self._sources.reference(address) for address in citation.addresses]
        work = next((ids for ids in addressed if ids), ()) or self._sources.title(citation.title)
        work = self._sources.quoting(work, citation.texts)
        key = _key(citation.id)
        return quoted or work or (() if key.isdecimal() else self._sources.id(key))

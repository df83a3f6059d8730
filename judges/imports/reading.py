"""Reads an answer in whichever form it cites, so that all systems are scored by the same code.

In: an answer as a system gave it, text or JSON, and the evidence of its question. Out: `ReadAnswer`, whose `parse` is
what the tag parser gives: plain text, spans with ids, code, findings. What an answer says of its own sources only
helps to find them in the evidence; it never is evidence. Not here: scoring (scoring.py), rows of files (runs/).

Ids: where the snippet was found, its id. Where not, `?` and what was written: no snippet and no alias can have that
id.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from citerefine.judges.imports.bad_answer import BadAnswer, shown
from citerefine.judges.imports.footnotes import find_footnotes, read_footnotes
from citerefine.judges.imports.links import find_citing_links, read_links
from citerefine.judges.imports.numbered import Reading, find_numbered, read_numbered
from citerefine.judges.imports.placing import Marked, read_marked
from citerefine.judges.imports.reference_list import find_references
from citerefine.judges.imports.scholarqa import is_scholarqa, read_scholarqa
from citerefine.judges.imports.sources import Sources
from citerefine.judges.imports.trec import is_trec, read_trec
from citerefine.judges.imports.url_citation import is_url_citation, read_url_citation
from citerefine.refiner.batch.rows import BadRow, read_values
from citerefine.refiner.errors import InputError
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet
from citerefine.refiner.tags.block import Finding
from citerefine.refiner.tags.markup import scrub
from citerefine.refiner.tags.scanner import TagParse, parse_tags

FORMS: Final[dict[str, str]] = {
    "auto": "the form that the answer's shape shows; text without markers and references is read as tags",
    "tags": "<snippet id=…> and <cite id=…> in an <answer> block, as this project's models write",
    "numbered": "[1][2], [1, 3], [2-4], [^1^], 【1】: the n-th snippet from 1, or an entry of the answer's references; "
    "[S1], [an-id]: an alias or id",
    "numbered_from_0": "the same, [0] being the first snippet; never found by shape, since it cannot be seen",
    "footnotes": "[^id] with definitions [^id]: …, and ^[inline notes]",
    "links": "Markdown links [title](https://…)",
    "trec": "TREC RAG: sentences with citations into a list of references",
    "scholarqa": "ScholarQA and AstaBench: sections with their own list of citations",
    "url_citation": "OpenAI Responses or Chat Completions with annotations of type url_citation",
}
"""Form → meaning."""


class ReadAnswer(NamedTuple):
    """An answer as it was read."""

    parse: TagParse
    """Plain text, spans with ids, code, findings. In other forms than tags, raw offsets count in the text of the
    answer, that of JSON forms being its parts joined by blank lines; where thinking, line ends or entities within made
    the plain text differ, in the plain text with its markers; a span's raw stretch holds markers."""
    form: str
    """A key of `FORMS`, never `auto`."""
    declared: tuple[Snippet, ...] = ()
    """Snippets that the answer itself holds: what the system says its sources say. No evidence."""
    notes: tuple[str, ...] = ()
    """What happened to the answer, in words."""


def read_answer(answer: object, evidence: Evidence | None, form: str = "auto") -> ReadAnswer:
    """An answer as the scorer takes it.

    Args:
        answer: text; or an object or list as JSON gives it, or its text.
        evidence: what the answer may cite; None if it is not known, and then no citation is found anywhere.
        form: a key of `FORMS`.

    Raises:
        InputError: if there is no such form.
        BadAnswer: if the answer is no answer, or none of this form; a BadRow with a code of `BAD_ANSWERS`. Text of a
            text form is never refused.

    >>> evidence = Evidence([{"id": "a", "text": "Perch doubled."}, {"id": "b", "text": "Ice came late."}])
    >>> answer = read_answer("Perch doubled [1]. Ice came late [2][7].", evidence)
    >>> [(span.text, span.ids) for span in answer.parse.spans]
    [('Perch doubled.', ('a',)), ('Ice came late.', ('b', '?[7]'))]
    """
    if form not in FORMS:
        raise InputError(f"there is no form {form!r} of citations; use one of {', '.join(FORMS)}")
    if not isinstance(answer, str):
        return _read_json(answer, evidence, form)
    text = scrub(answer)
    if form in _JSON_FORMS:
        return _read_json(_json_in(text), evidence, form)
    if form == "auto" and (shape := _shape_of(text)):
        return _read_json(_json_in(text), evidence, shape)
    return _read_text(text, evidence, form)


# --- JSON -------------------------------------------------------------------------------------------------------------

_JSON_FORMS: Final[dict[str, tuple[Callable[[object], bool], Callable[[object, Sources], Reading]]]] = {
    "scholarqa": (is_scholarqa, read_scholarqa),
    "trec": (is_trec, read_trec),
    "url_citation": (is_url_citation, read_url_citation),
}


def _read_json(answer: object, evidence: Evidence | None, form: str) -> ReadAnswer:
    if not isinstance(answer, dict | list):
        raise BadAnswer("no_answer_given", f"the answer must be text, an object or a list, and is {shown(answer)}")
    if form == "auto":
        form = next((name for name, (fits, _) in _JSON_FORMS.items() if fits(answer)), form)
    if form not in _JSON_FORMS:
        raise BadAnswer(
            "unknown_shape",
            f"the answer is {shown(answer)} of no form that is read"
            if form == "auto"
            else f"the form {form} is text, and the answer is {shown(answer)}",
        )
    reading = _JSON_FORMS[form][1](answer, Sources(evidence))
    parse = reading.parse
    if reading.declared:
        parse = parse._replace(findings=(Finding("declared_snippets", 0, 0), *parse.findings))
    return ReadAnswer(parse, form, reading.declared, reading.notes)


def _json_in(text: str) -> object:
    try:
        return read_values(text.encode())
    except BadRow as error:
        raise BadAnswer("bad_answer_json", f"the answer is no JSON object that can be read: {error}") from None


def _shape_of(text: str) -> str | None:
    """The JSON form that a text holds; None where it is just text."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        values = read_values(text.encode())
    except BadRow:
        return None
    return next((name for name, (fits, _) in _JSON_FORMS.items() if fits(values)), None)


# --- text -------------------------------------------------------------------------------------------------------------


def _read_text(text: str, evidence: Evidence | None, form: str) -> ReadAnswer:
    marked = read_marked(text)
    sources, first = Sources(evidence), 0 if form == "numbered_from_0" else 1
    references, footnotes = find_references(marked.text, marked.code, sources), find_footnotes(marked, sources)
    numbered, links = find_numbered(marked, references, sources, first), find_citing_links(marked, references)
    cites = numbered.places or links.links or footnotes.cites_outside(references.cuts)
    if references.cuts and not cites and references.is_most_of(marked.text):
        references = references.uncut()
        numbered, links = find_numbered(marked, references, sources, first), find_citing_links(marked, references)
    places = {"numbered": numbered.places, "footnotes": footnotes.places, "links": links.places}
    if form == "auto":
        most = max(places, key=lambda name: len(places[name]))
        most = most if places[most] or numbered.references.n_entries else "tags"
        form = "tags" if marked.is_tagged else most
    if form == "footnotes":
        reading = read_footnotes(footnotes, sources)
    elif form == "links":
        reading = read_links(links, sources)
    elif form == "tags":
        reading = Reading(parse_tags(text))
    else:
        reading = read_numbered(numbered, sources)
    return _with_unread(reading, form, marked, places)


def _with_unread(reading: Reading, form: str, marked: Marked, places: dict[str, list[int]]) -> ReadAnswer:
    """The reading, and what is said of markers of other forms."""
    mixed, notes = list[Finding](), [*reading.notes]
    for name, found in places.items():
        if found and name != form.removesuffix("_from_0"):
            mixed.append(Finding("mixed_forms", found[0] + marked.shift, found[0] + marked.shift + 1))
            notes.append(f"left as text: {len(found)} citations in the form {name}")
    if form != "tags" and marked.is_tagged:
        mixed.append(Finding("mixed_forms", marked.shift, marked.shift))
        notes.append("left out: citations by tags")
    findings = sorted([*reading.parse.findings, *mixed], key=lambda finding: finding.raw_start)
    return ReadAnswer(reading.parse._replace(findings=tuple(findings)), form, (), tuple(notes))

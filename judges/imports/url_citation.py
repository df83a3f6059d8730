"""Reads answers of OpenAI's APIs that cite web pages by annotations of type `url_citation`.

In: a response of the Responses API (`output` → `content` → `output_text`), of Chat Completions (`choices` →
`message`), or one message or text part of them; evidence. Out: `TagParse`. An annotation cites the snippets that have
its URL. Where it covers a Markdown link to that URL, such as `([site](url))`, the link is the marker (links.py says
when its words stay); where it covers other text, it cites the sentences that it covers; where it covers nothing, the
sentence before it.

`start_index` and `end_index` count code points of one text, the end behind the last of them. Not here: web pages.
"""

import re
from typing import Any, NamedTuple

from citerefine.judges.imports.bad_answer import BadAnswer, list_of, object_of, optional_text, shown, text_of
from citerefine.judges.imports.inline import Shield, code_places, find_links
from citerefine.judges.imports.links import link_marker
from citerefine.judges.imports.numbered import Reading
from citerefine.judges.imports.placing import Cover, Marker, place
from citerefine.judges.imports.sources import Sources, unknown, url_key
from citerefine.judges.imports.text_parts import Parts
from citerefine.refiner.tags.block import Finding

_TEXT_TYPES = ("output_text", "text", None)
_FLAGS = range(0xF0000, 0xFFFFE)
"""Private use: one that no text holds marks places while the text is read."""


class _Citation(NamedTuple):
    start: int | None
    end: int | None
    url: str


class _Text(NamedTuple):
    text: str
    citations: list[_Citation]
    n_other: int
    """Annotations of other types."""


def is_url_citation(answer: object) -> bool:
    """Whether an answer has this form."""
    if isinstance(answer, list):
        return bool(answer) and all(isinstance(one, dict) and "type" in one for one in answer)
    if not isinstance(answer, dict):
        return False
    if isinstance(answer.get("output"), list) or isinstance(answer.get("choices"), list):
        return True
    return bool({"annotations", "role", "refusal"} & answer.keys() and {"content", "text"} & answer.keys())


def read_url_citation(answer: object, sources: Sources) -> Reading:
    """The answer. Raises BadAnswer."""
    texts = _texts(answer)
    flag = _flag(texts)
    parts, flagged = Parts(), list[_Citation]()
    for one in texts:
        parts.add(_with_flags(one, flag, flagged))
    marked = parts.marked()
    places = {int(found[1]): found.span() for found in re.finditer(f"{flag}([0-9]+){flag}", marked.text)}
    ids = {url_key(url): sources.address(url) or (unknown(url),) for one in texts for *_, url in one.citations}
    links, _ = find_links(marked.text, Shield(code_places(marked.text, marked.code)))
    cited = [link for link in links if url_key(link.url) in ids]
    markers = [link_marker(marked.text, link, ids[url_key(link.url)], sources) for link in cited]
    several = [Finding("several_passages", one.start, one.end) for one in markers if len(one.ids) > 1]
    covers, lost = list[Cover](), list[Finding]()
    for number, citation in enumerate(flagged):
        start, end = places.get(2 * number), places.get(2 * number + 1)
        if start is None or end is None or citation.start is None:
            lost.append(Finding("no_place", 0, 0))
        elif citation.start == citation.end:
            markers.append(Marker(*end, ids[url_key(citation.url)]))
        else:
            covers.append(Cover(start[1], end[0], ids[url_key(citation.url)]))
    points = {marker.start for marker in markers}
    cuts = [where for where in places.values() if where[0] not in points]
    parse = place(marked, sorted(markers), covers=covers, cuts=sorted(cuts), findings=[*several, *lost])
    n_other = sum(one.n_other for one in texts)
    return Reading(parse, (f"annotations of other types: {n_other}, not read",) if n_other else ())


def _flag(texts: list[_Text]) -> str:
    held = set[str]().union(*(one.text for one in texts))
    return next((chr(code) for code in _FLAGS if chr(code) not in held), "\U0010fffe")


def _with_flags(one: _Text, flag: str, flagged: list[_Citation]) -> str:
    """The text with a numbered flag at both ends of each citation that is no link; adds these to `flagged`."""
    links, _ = find_links(one.text, Shield(()))
    at, of_key = Shield([(link.start, link.end) for link in links]), dict[str, list[tuple[int, int]]]()
    for link in links:
        of_key.setdefault(url_key(link.url), []).append((link.start, link.end))
    linked = {key: Shield(places) for key, places in of_key.items()}
    ends = {link.start: link.end for link in links}
    flags = list[tuple[int, str]]()
    for citation in one.citations:
        start, end = citation.start, citation.end
        if start is not None and end is not None:
            start, end = min(max(start, 0), len(one.text)), min(max(end, 0), len(one.text))
            same = linked.get(url_key(citation.url))
            if same is not None and same.touches(start - 2, end + 2):
                continue
            first, last = at.around(start), at.around(end - 1)
            start, end = start if first is None else first, end if last is None else max(end, ends[last])
            number = 2 * len(flagged)
            flags += [(start, f"{flag}{number}{flag}"), (max(start, end), f"{flag}{number + 1}{flag}")]
        flagged.append(citation)
    pieces, behind = list[str](), 0
    for where, text in sorted(flags, key=lambda placed: placed[0]):
        pieces += [one.text[behind:where], text]
        behind = where
    return "".join([*pieces, one.text[behind:]])


# --- the shapes of the two APIs ---------------------------------------------------------------------------------------


def _texts(answer: object) -> list[_Text]:
    """The texts of a response with their citations, in order."""
    if isinstance(answer, list):
        return _of_output(answer)
    whole = object_of(answer, "the answer")
    if "output" in whole:
        return _of_output(list_of(whole["output"], "output"))
    if "choices" in whole:
        choices = list_of(whole["choices"], "choices")
        if not choices:
            raise BadAnswer("bad_answer_field", "choices must hold a message, and is empty")
        return _of_message(object_of(object_of(choices[0], "choices[0]").get("message"), "choices[0].message"))
    if "message" in whole:
        return _of_message(object_of(whole["message"], "message"))
    if "content" in whole:
        return _of_message(whole)
    if "text" in whole:
        return [_text(whole["text"], whole.get("annotations"))]
    raise BadAnswer("unknown_shape", "a response has output, choices, a message or content, and this one has none")


def _of_output(items: list[Any]) -> list[_Text]:
    texts = list[_Text]()
    for number, one in enumerate(items):
        item = object_of(one, f"output[{number}]")
        if item.get("type") in ("message", None):
            texts += _of_message(item)
        elif item.get("type") in _TEXT_TYPES:
            texts += _of_content([item])
    return texts


def _of_message(message: dict[str, Any]) -> list[_Text]:
    content = message.get("content")
    if isinstance(content, list):
        return _of_content(content)
    if content is None and message.get("refusal") is not None:
        content = message["refusal"]
    return [_text(optional_text(content, "content"), message.get("annotations"))]


def _of_content(content: list[Any]) -> list[_Text]:
    texts = list[_Text]()
    for number, one in enumerate(content):
        part = object_of(one, f"content[{number}]")
        if part.get("type") in _TEXT_TYPES:
            texts.append(_text(part.get("text"), part.get("annotations")))
        elif part.get("type") == "refusal":
            texts.append(_text(part.get("refusal"), None))
    return texts


def _text(text: object, annotations: object) -> _Text:
    citations, n_other = list[_Citation](), 0
    for number, one in enumerate(list_of(annotations, "annotations")):
        where = f"annotations[{number}]"
        annotation = object_of(one, where)
        if annotation.get("type", "url_citation") != "url_citation":
            n_other += 1
            continue
        fields = object_of(annotation.get("url_citation", annotation), where)
        start, end = (_index(fields.get(name), f"{where}.{name}") for name in ("start_index", "end_index"))
        placed = start is not None and end is not None and (start, end) != (0, 0)
        citations.append(
            _Citation(start if placed else None, end if placed else None, text_of(fields.get("url"), f"{where}.url"))
        )
    return _Text(text_of(text, "the text of the answer"), citations, n_other)


def _index(value: object, where: str) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise BadAnswer("bad_answer_field", f"{where} must be a whole number, and is {shown(value)}")

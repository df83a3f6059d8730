"""Reads what services send: JSON and XML from strangers, into records of what is documented.

In: bodies, values. Out: lists of `Wire` records with a count of entries that are none, plain text, bare DOIs;
ValueError for a body that is not what a service documents. Fields that are not known are passed over; fields that are
missing are None. Not here: what a service's fields mean (each source).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from lxml import etree
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from citerefine.refiner.chat.strict_json import parse_json
from citerefine.tools.markup import in_place, plain
from citerefine.tools.web.reply import WebReply

_DOI = re.compile(r"10\.\d{4,9}/\S{1,300}")
_YEAR = re.compile(r"(?<!\d)(1[5-9]\d\d|20\d\d)(?!\d)")


class Wire(BaseModel):
    """What a service sends, as far as it is read."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


W = TypeVar("W", bound=Wire)


class Read(NamedTuple):
    """Entries of a list."""

    entries: list[Any]
    n_strange: int
    """Entries that could not be read, and were left out."""


def json_object(reply: WebReply) -> dict[str, JsonValue]:
    """The JSON object that a body is. Raises ValueError."""
    value = parse_json(reply.body)
    if not isinstance(value, dict):
        raise ValueError(f"it is {type(value).__name__}, no object")
    return value


def entries(values: JsonValue, kind: type[W], what: str) -> Read:
    """The entries of a list, each read by itself. Raises ValueError where there is no list, or none can be read."""
    if not isinstance(values, list):
        raise ValueError(f"{what} is {type(values).__name__}, no list")
    read = list[W]()
    first = ""
    for value in values:
        try:
            read.append(kind.model_validate(value))
        except ValidationError as error:
            first = first or _first_fault(error)
    if values and not read:
        raise ValueError(f"no entry of {what} can be read: {first}")
    return Read(read, len(values) - len(read))


def xml_root(reply: WebReply) -> Any:
    """The root of an XML body; no DTD is loaded, nothing is fetched, no entity is expanded. Raises ValueError."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(reply.body, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"it is no XML: {error}") from None
    if root is None:
        raise ValueError("it is empty")
    return root


def xml_text(node: Any) -> str | None:
    """All text in an element, whatever markup stands between: white space tidied; None if empty, or no element.

    Superscripts stay such (markup.py).
    """
    return None if node is None else tidy(_written(node))


def _written(node: Any) -> str:
    pieces = [node.text or ""]
    for part in node:
        if isinstance(part.tag, str):
            pieces.append(in_place(part, _written(part)))
        elif part.tag is etree.Entity:  # as it stands: none is expanded
            pieces.append(part.text or "")
        pieces.append(part.tail or "")
    return "".join(pieces)


def child(value: JsonValue, *path: str) -> JsonValue:
    """What stands at a path of names; None where there is nothing."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def tidy(text: str | None) -> str | None:
    """Text of a field without markup: white space tidied; None if empty."""
    return " ".join((text or "").split()) or None


def bare_doi(text: str | None) -> str | None:
    """The DOI in a field that holds one, in lower case: without resolver or prefix.

    >>> bare_doi("https://doi.org/10.1000/AbC")
    '10.1000/abc'
    """
    match = _DOI.search(text or "")
    return match[0].rstrip(".,;").lower() if match else None


def year_in(text: str | int | None) -> int | None:
    """The first year in a date of whatever form.

    >>> year_in("12 May 2019")
    2019
    """
    match = _YEAR.search(str(text or ""))
    return int(match[0]) if match else None


def names(people: Iterable[str | None]) -> tuple[str, ...]:
    """Names of people, tidied, without empty ones."""
    return tuple(name for person in people if (name := plain(person)))


def filled(params: Mapping[str, str | int | None]) -> tuple[tuple[str, str], ...]:
    """Parameters that have a value, as text."""
    return tuple((name, str(value)) for name, value in params.items() if value is not None)


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"

"""Finds the snippets that a citation of another form means.

In: evidence; what an answer says of a source: a number, an id, a URL, a DOI, a whole reference. Out: ids of snippets,
or the name of an unknown id. Comparison is exact after normalisation; nothing is matched by likeness. Not here:
finding citations in text.

A URL, DOI or title names a work: where the evidence holds several passages of it, all are meant, unless the number
beside it names one of them.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet, normalised

MIN_TITLE_WORDS: Final = 3
"""A title of fewer words is only found where it is the whole reference, or stands in quotes or emphasis."""
MAX_REFERENCE: Final = 1000
"""Longest reference, in code points; what is longer is no reference."""
MAX_ID: Final = 64
"""Longest unknown id, in code points."""

_URL = re.compile(r"https?://[^\s<>\"'\]\[|]+", re.IGNORECASE)
_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>\]\[|]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://")
_DOI_ADDRESS = re.compile(r"(?:(?:dx\.)?doi\.org/|doi:\s?)?(10\.\d{4,9}/.+)")
_PORT = re.compile(r":(?:80|443)?\Z")
_TRACKING = re.compile(r"(?:utm_[^=&]*|gclid|fbclid|msclkid|mc_cid|mc_eid|igshid|srsltid)(?:=|\Z)", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_QUOTED = re.compile(r"[\"“”«»*_]{1,3}([^\"“”«»*_\n]{1,300})[\"“”«»*_]{1,3}")


def unknown(written: str) -> str:
    """The id of a citation that leads nowhere: `?` and what was written.

    No snippet has it by accident, since neither ids nor aliases can hold a `?`. What is too long is cut, and a hash
    keeps different ones apart.
    """
    name = "?" + " ".join(written.split())
    if len(name) <= MAX_ID:
        return name
    return f"{name[: MAX_ID - 9]}~{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:8]}"


def url_key(url: str) -> str:
    """What tells one address from another: neither scheme, `www.`, case of the host, default port, fragment, slash at
    the end, tracking parameters nor percent signs that need not be do. An address of doi.org is the DOI.

    >>> url_key("http://www.Example.org:80/a%20b/?utm_source=x&id=3#top") == url_key("https://example.org/a b?id=3")
    True
    """
    rest = _SCHEME.sub("", url.strip(), count=1).partition("#")[0]
    place, _, query = rest.partition("?")
    host, slash, path = place.partition("/")
    host = _PORT.sub("", host.lower().removeprefix("www."))
    place = unquote(f"{host}{slash}{path}").rstrip("/")
    if doi := _DOI_ADDRESS.fullmatch(place):
        return doi_key(doi[1])
    kept = [part for part in query.split("&") if part and not _TRACKING.match(part)]
    return f"{place}?{'&'.join(kept)}" if kept else place


def doi_key(doi: str) -> str:
    """A DOI in lower case, without a prefix."""
    place = doi.strip().lower().find("10.")
    return "doi:" + doi.strip().lower()[max(place, 0) :]


def words_of(text: str) -> tuple[str, ...]:
    """The words of a title or reference as they are compared."""
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


class Sources:
    """The evidence, looked up in other ways than by id."""

    def __init__(self, evidence: Evidence | None) -> None:
        self._evidence = evidence or Evidence()
        self._by_address: dict[str, list[str]] = {}
        self._by_title: dict[tuple[str, ...], list[str]] = {}
        self._titles_from: dict[tuple[str, ...], set[int]] = {}
        self._by_text: dict[str, list[str]] = {}
        self._by_origin: dict[str, list[str]] = {}
        for snippet in self._evidence.snippets:
            self._add(snippet)

    def _add(self, snippet: Snippet) -> None:
        addresses = [url_key(snippet.url)] if snippet.url else []
        addresses += [doi_key(snippet.doi)] if snippet.doi else []
        for address in dict.fromkeys(addresses):
            self._by_address.setdefault(address, []).append(snippet.id)
        self._by_text.setdefault(normalised(snippet.text), []).append(snippet.id)
        self._by_origin.setdefault(snippet.source or "", []).append(snippet.id)
        if title := words_of(snippet.title or ""):
            self._by_title.setdefault(title, []).append(snippet.id)
            self._titles_from.setdefault(title[:MIN_TITLE_WORDS], set()).add(len(title))

    def __len__(self) -> int:
        return len(self._evidence)

    def number(self, number: int) -> str | None:
        """The `number`-th snippet, from 1."""
        snippets = self._evidence.snippets
        return snippets[number - 1].id if 1 <= number <= len(snippets) else None

    def id(self, written: str) -> tuple[str, ...]:
        """The snippets that have this id, alias, or origin (a document's name in its corpus)."""
        if id := self._evidence.resolve(written):
            return (id,)
        return tuple(self._by_origin.get(written, ())) if written else ()

    def resolve(self, written: str) -> str | None:
        """The snippet that has exactly this id or alias."""
        return self._evidence.resolve(written)

    def address(self, url: str) -> tuple[str, ...]:
        """The snippets that have this URL or DOI."""
        return tuple(self._by_address.get(url_key(url), ()))

    def title(self, title: str) -> tuple[str, ...]:
        """The snippets that have exactly this title."""
        return tuple(self._by_title.get(words_of(title), ()))

    def titles(self, ids: Iterable[str]) -> list[str]:
        """The titles of these snippets."""
        return [title for id in ids if id in self._evidence and (title := self._evidence[id].title)]

    def text(self, text: str) -> tuple[str, ...]:
        """The snippets that have this text, white space aside."""
        return tuple(self._by_text.get(normalised(text), ()))

    def quoting(self, ids: tuple[str, ...], texts: Iterable[str]) -> tuple[str, ...]:
        """Those of `ids` whose snippets hold one of the texts, white space aside; all, if none does."""
        quotes = [quote for quote in map(normalised, texts) if quote]
        holding = [id for id in ids if any(quote in normalised(self._evidence[id].text) for quote in quotes)]
        return tuple(holding) or ids

    def reference(self, text: str, number: int | None = None) -> tuple[str, ...]:
        """The snippets that a reference names: by DOI, else by URL, else by title, else as an id or alias.

        Args:
            text: the reference.
            number: of the snippet, from 1, that it would be by its place. It chooses among several passages of one
                work, and counts alone only where that snippet has no DOI, URL or title that could be named.
        """
        text = text[:MAX_REFERENCE]
        found = self._addressed(text) or self._titled(text) or self._resolved(text)
        numbered = self.number(number) if number is not None else None
        if numbered is None or (found and numbered not in found):
            return found
        return (numbered,) if found or self._is_nameless(self._evidence[numbered]) else ()

    @staticmethod
    def _is_nameless(snippet: Snippet) -> bool:
        return not (snippet.url or snippet.doi or snippet.title)

    def _resolved(self, text: str) -> tuple[str, ...]:
        id = self._evidence.resolve(text.strip())
        return (id,) if id else ()

    def _addressed(self, text: str) -> tuple[str, ...]:
        keys = [doi_key(_trimmed(doi)) for doi in _DOI.findall(text)]
        keys += [url_key(_trimmed(url)) for url in _URL.findall(text)]
        return _once(id for key in keys for id in self._by_address.get(key, ()))

    def _titled(self, text: str) -> tuple[str, ...]:
        """The longest title that stands in the reference as a whole."""
        whole = [text, *(quoted for quoted in _QUOTED.findall(text))]
        for part in whole:
            if ids := self.title(part):
                return ids
        words, best = words_of(text), tuple[str, ...]()
        for at in range(len(words) - MIN_TITLE_WORDS + 1):
            for length in self._titles_from.get(words[at : at + MIN_TITLE_WORDS], ()):
                candidate = words[at : at + length]
                if length > len(best) and candidate in self._by_title:
                    best = candidate
        return tuple(self._by_title.get(best, ()))


def _trimmed(address: str) -> str:
    """An address in text, without the punctuation behind it."""
    address = address.rstrip(".,;:!?*_`")
    while address.endswith(")") and address.count("(") < address.count(")"):
        address = address[:-1].rstrip(".,;:!?*_`")
    return address


def _once(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))

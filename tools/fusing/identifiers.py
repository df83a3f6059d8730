"""What a snippet says of the work that it is a passage of, in a form that can be compared.

In: a `Snippet` of any source, or a name or title of it. Out: `Identity`: identifiers, the title's words, year, first
author. What is not said is None or empty, never guessed. Linear. Not here: which snippets belong together (works.py).
"""

import re
import unicodedata
from typing import Final, NamedTuple
from urllib.parse import unquote

from citerefine.refiner.records import Snippet, normalised
from citerefine.tools.markup import plain
from citerefine.tools.retractions import unmarked
from citerefine.tools.sources.wire import bare_doi

_PMID: Final = re.compile(
    r"^(?:https?://(?:pubmed\.ncbi\.nlm\.nih\.gov/|(?:www\.)?ncbi\.nlm\.nih\.gov/pubmed/"
    r"|(?:www\.)?europepmc\.org/(?:article|abstract)/MED/)|europepmc:MED/|(?:pmid|pubmed):\s*)(\d{1,9})\b",
    re.I,
)
"""At the beginning of an address, so that no other site's can pass for it."""
_PMCID: Final = re.compile(
    r"^(?:https?://(?:(?:www\.)?ncbi\.nlm\.nih\.gov/pmc/articles/|pmc\.ncbi\.nlm\.nih\.gov/articles/"
    r"|(?:www\.)?europepmc\.org/articles?/(?:PMC/)?)|europepmc:|pmcid:\s*)(PMC\d{1,9})\b",
    re.I,
)
_ARXIV: Final = re.compile(
    r"^(?:https?://(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/|arxiv:\s*|10\.48550/arxiv\.)"
    r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})",
    re.I,
)
_PREPRINT_DOI: Final = re.compile(
    r"10\.(?:48550|64898|21203|20944|2139|26434|31234|31219|36227)/|10\.1101/(?:\d{4}\.\d\d\.\d\d\.)?\d{6,}"
)
"""arXiv, bioRxiv and medRxiv, Research Square, Preprints.org, SSRN, ChemRxiv, PsyArXiv, OSF, TechRxiv."""
_PREPRINT_PLACE: Final = re.compile(r"rxiv|preprint|\bssrn\b|research square|\bPPR/", re.I)
_INITIALS: Final = re.compile(r"(?:[A-Z]\.?-?){1,3}")
_SUFFIXES: Final = frozenset({"jr", "sr", "ii", "iii", "iv"})
_SCHEME: Final = re.compile(r"^https?://(?:www\.)?", re.I)
_RESOLVER: Final = re.compile(r"https?://(?:dx\.)?doi\.org/", re.I)
_TRACKING: Final = re.compile(r"(?:utm_\w+|[gdy]clid|[gw]braid|fbclid|msclkid|igshid|mc_[ce]id)(?:=|$)", re.I)
_PUBLISHER: Final = re.compile(
    r"https?://(?:[\w-]+\.){0,3}(?:acm\.org|acs\.org|ahajournals\.org|aip\.org|annualreviews\.org|asm\.org|ascopubs\.org"
    r"|biorxiv\.org|cochranelibrary\.com|degruyter(?:brill)?\.com|emerald\.com|frontiersin\.org|iop\.org"
    r"|liebertpub\.com|medrxiv\.org|nejm\.org|pnas\.org|psychiatryonline\.org|royalsocietypublishing\.org"
    r"|sagepub\.com|science\.org|springer\.com|tandfonline\.com|wiley\.com)/",
    re.I,
)
"""Hosts that put the DOI of a work into its address."""
_DOI_IN_PATH: Final = re.compile(
    r"/(10\.\d{4,9}/[^/\s]{1,200}?)"
    r"(?:v\d{1,2})?(?:\.(?:full|abstract|short|pdf|html?|xml|full-text|full\.pdf))?"
    r"(?:/(?:full|abstract|pdf|epdf|epub|html|meta|xml|fulltext|full-text|references|figures|citations?|summary))?/?$",
    re.I,
)
"""A DOI without a further slash, and what publishers put behind it."""
_WORD: Final = re.compile(r"[^\W_]+")


class Identity(NamedTuple):
    """What is known of a work."""

    keys: frozenset[str]
    """Each names the work by itself: `doi:…`, `pmid:…`, `pmcid:…`, `arxiv:…`."""
    places: frozenset[str]
    """Where it was found: an address, or a record's name where there is neither address nor DOI."""
    doi: str | None
    """Of a published work; None for preprints, which share a title with what they become."""
    title: tuple[str, ...]
    """The title's words, folded."""
    year: int | None
    family: str | None
    """Family name of the first author, folded."""
    is_preprint: bool


def identity_of(snippet: Snippet) -> Identity:
    """What a snippet says of its work."""
    said = [text for text in (snippet.url, snippet.source) if text]
    doi = bare_doi(snippet.doi) or _doi_in_address(snippet.url)
    arxiv = _first(_ARXIV, [*said, *([doi] if doi else [])])
    known = {
        "doi": doi,
        "pmid": _first(_PMID, said),
        "pmcid": _first(_PMCID, said),
        "arxiv": arxiv,
    }
    is_preprint = bool(
        arxiv
        or (doi and _PREPRINT_DOI.match(doi))
        or any(_PREPRINT_PLACE.search(text) for text in (snippet.venue, *said) if text)
    )
    return Identity(
        keys=frozenset(f"{name}:{value}" for name, value in known.items() if value),
        places=_places(snippet),
        doi=None if is_preprint else doi,
        title=tuple(folded_words(unmarked(snippet.title or ""))),
        year=snippet.year,
        family=family_name(snippet.authors[0]) if snippet.authors else None,
        is_preprint=is_preprint,
    )


def without_markup(text: str) -> str:
    """A text without the tags of HTML and JATS, in which other things between `<` and `>` stay, white space tidied.

    >>> without_markup("<p>H<sub>2</sub>O</p><p>if a <b and c> d</p>")
    'H2O if a <b and c> d'
    """
    return plain(text) or ""


def folded(text: str) -> str:
    """A text without markup, accents and case."""
    bare = without_markup(text).casefold()
    if bare.isascii():
        return bare
    bare = unicodedata.normalize("NFKD", bare)
    return "".join(letter for letter in bare if not unicodedata.combining(letter))


def folded_words(text: str) -> list[str]:
    """The words of a text without markup, accents and case.

    >>> folded_words("<i>Étude</i>: β-blockers, H<sub>2</sub>O")
    ['etude', 'β', 'blockers', 'h2o']
    """
    return _WORD.findall(folded(text))


def family_name(name: str) -> str | None:
    """The last part of a family name, folded, in whichever order a service writes names.

    >>> [family_name(name) for name in ("Moe A", "Ada Moe", "Moe, Ada", "J. van der Berg Jr.")]
    ['moe', 'moe', 'moe', 'berg']
    """
    family, comma, _ = name.partition(",")
    parts = [part for part in family.split() if part.strip(".").casefold() not in _SUFFIXES]
    full = [part for part in parts if not _INITIALS.fullmatch(part)]
    if comma or not full:  # what looks like initials only is a short name in capitals
        full = parts if comma else sorted(parts, key=len)
    words = folded_words(full[-1]) if full else []
    return words[-1] if words else None


def _places(snippet: Snippet) -> frozenset[str]:
    if snippet.url:
        host, _, path = _SCHEME.sub("", _without_tracking(snippet.url.partition("#")[0])).rstrip("/").partition("/")
        return frozenset({f"url:{host.casefold()}/{path}"})
    return frozenset() if snippet.doi or not snippet.source else frozenset({f"source:{normalised(snippet.source)}"})


def _without_tracking(url: str) -> str:
    """The address without parameters that tell who sent a reader there, not what is read."""
    address, _, query = url.partition("?")
    kept = [part for part in query.split("&") if part and not _TRACKING.match(part)]
    return f"{address}?{'&'.join(kept)}" if kept else address


def _doi_in_address(url: str | None) -> str | None:
    """The DOI that an address holds: of the resolver, or a publisher's, where nothing unknown stands behind it.

    Other hosts could claim any DOI so.

    >>> _doi_in_address("https://www.pnas.org/doi/full/10.1073/Perch.1?utm_source=x")
    '10.1073/perch.1'
    >>> _doi_in_address("https://www.pnas.org/doi/10.1073/perch.1/chapter/3")
    """
    if not url:
        return None
    if _RESOLVER.match(url):
        return bare_doi(url)
    if not _PUBLISHER.match(url):
        return None
    match = _DOI_IN_PATH.search(unquote(re.split(r"[?#]", url, maxsplit=1)[0]))
    return bare_doi(match[1]) if match else None


def _first(pattern: re.Pattern[str], texts: list[str]) -> str | None:
    match = next((match for text in texts if (match := pattern.search(text))), None)
    return match[1].lower() if match else None

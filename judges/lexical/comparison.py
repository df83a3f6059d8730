"""Compares one sentence of a claim with the snippets that it cites.

In: a sentence and snippets, made ready. Out: `Match`: a score, the nearest window of evidence, the words that are
missing, flags. Linear in both. Not here: labels (lexical_judge.py).

With shares by weight, over the content words of the sentence,
    a = found in the best window of WINDOW evidence sentences (read with the snippet's title),
    b = found anywhere in the snippets, as the same stem or by a common beginning,
    e = pairs of neighbouring words (all words) that are neighbours in a snippet,
    n, m = numbers, names found anywhere,
the score is (a + b + e) / 3 * (0.6 + 0.4 n) * (0.8 + 0.2 m) * (0.9 if one denies what the other asserts, else 1), and
at most UNSOUND if e shows that the sentence strings words of the evidence together in an order of its own, or if a
stretch of it is not in the evidence while the rest is, as with a quotation behind an invention. Neither the length of
the claim nor that of the evidence counts: in labelled sets it tells the label.
"""

from collections.abc import Collection, Sequence, Set
from functools import lru_cache
from importlib.resources import files
from typing import Final, NamedTuple

from citerefine.judges.lexical.claim import ClaimSentence
from citerefine.judges.lexical.evidence import BEGINNING, Prepared
from citerefine.judges.lexical.words import is_number, keys

WINDOW: Final = 3
"""Sentences in a row that are read together."""

LEAST_ORDER: Final = 0.1
"""Least share of pairs of a sentence that says what the evidence says."""
LEAST_PAIRS: Final = 8
"""A sentence with fewer of them may well say the same in another order."""
STRETCH: Final = 4
"""Content words in a row of which some must be in the evidence."""
LEAST_OF_STRETCH: Final = 0.25
"""Least share of them, by weight."""
UNSOUND: Final = 0.4
"""Most that a sentence scores that fails one of these: too little for full support."""
FLAGS: Final = ("number", "name", "negation", "antonym", "order")
"""What can look wrong; `order`: words of the evidence that do not stand together as they do there."""


class Window(NamedTuple):
    """A stretch of evidence."""

    snippet: int
    """Which of the snippets."""
    start: int
    """Offset in its text, in code points."""
    end: int
    weight: int
    """Of the sentence's content words in it and in the snippet's title."""
    negates: bool
    """Whether the evidence sentence that has most of the claim denies a word that the claim asserts, or the reverse."""
    opposes: bool
    """Whether that sentence has the opposite of a word of the claim, instead of the word."""


class Match(NamedTuple):
    """How a sentence compares with its evidence."""

    score: float
    """From 0 to 1."""
    window: Window | None
    """The nearest evidence; None if no content word is in common."""
    missing: tuple[str, ...]
    """Content words that no snippet has, as written, in order, each once."""
    flags: tuple[str, ...]
    """Of `FLAGS`."""


def compare(sentence: ClaimSentence, snippets: Sequence[Prepared]) -> Match:
    """How far snippets say what a sentence says, as far as words show it."""
    weights, found = sentence.weights, set[str]()
    for one in snippets:
        found |= weights.keys() & one.places.keys()
        found |= weights.keys() & one.title
    windows = [nearest(number, sentence, one) for number, one in enumerate(snippets)]
    # Of equals the one that asserts it, so that nothing depends on the order of the evidence.
    window = max(filter(None, windows), key=lambda one: (one.weight, not one.negates, not one.opposes), default=None)
    alike = found | {key for key in weights if key not in found and _begins_alike(key, snippets)}
    paired = set[str]().union(*(sentence.pairs & one.pairs for one in snippets))
    if weights:
        total = sum(weights.values())
        a, b = window.weight / total if window else 0.0, _weigh(alike, weights) / total
        e = _share(sentence.pairs, paired, without=b)
    else:  # "So it is": all that can be compared is how it goes
        a = b = e = _share(sentence.pairs, paired, without=0.0)
    n, m = _share(sentence.numbers, found), _share(sentence.names, alike)
    negated = window is not None and window.negates
    disordered = e < LEAST_ORDER and len(sentence.pairs) >= LEAST_PAIRS
    signs = (n < 1, m < 1, negated, window is not None and window.opposes, disordered)
    score = (a + b + e) / 3 * (0.6 + 0.4 * n) * (0.8 + 0.2 * m) * (0.9 if negated else 1)
    return Match(
        min(score, UNSOUND) if disordered or _has_gap(sentence, alike) else score,
        window,
        _missing(sentence, found),
        tuple(flag for flag, is_set in zip(FLAGS, signs, strict=True) if is_set),
    )


def _begins_alike(key: str, snippets: Sequence[Prepared]) -> bool:
    beginning = key[:BEGINNING]
    return len(beginning) == BEGINNING and not is_number(key) and any(beginning in one.beginnings for one in snippets)


def _share(wanted: Set[str], found: Set[str], without: float = 1.0) -> float:
    """How much of what is wanted is found; `without` if nothing is wanted."""
    return len(wanted & found) / len(wanted) if wanted else without


def _has_gap(sentence: ClaimSentence, found: Set[str]) -> bool:
    """Whether the evidence has next to nothing of some STRETCH content words in a row."""
    if len(sentence.weights.keys() - found) < STRETCH - 1 or len(sentence.content) <= STRETCH:
        return False  # a quarter of the weight cannot be less than one word, unless that is a light one
    weights = [word.weight for word in sentence.content]
    known = [word.weight if word.key in found else 0 for word in sentence.content]
    return any(
        sum(known[at : at + STRETCH]) < LEAST_OF_STRETCH * sum(weights[at : at + STRETCH])
        for at in range(len(weights) - STRETCH + 1)
    )


def _missing(sentence: ClaimSentence, found: Set[str]) -> tuple[str, ...]:
    spans = list[tuple[int, int]]()
    for word in sentence.content:
        if word.key not in found:
            overlaps = spans and word.start < spans[-1][1]  # pairs of characters do
            spans[-1:] = [(spans[-1][0], word.end)] if overlaps else [*spans[-1:], (word.start, word.end)]
    return tuple(dict.fromkeys(sentence.text[start:end] for start, end in spans))


def nearest(number: int, sentence: ClaimSentence, snippet: Prepared) -> Window | None:
    """The shortest of the windows of a snippet that have most of a sentence's content; the first of equals."""
    weights, hits = sentence.weights, dict[int, list[str]]()
    titled = weights.keys() & snippet.title
    for key in weights:
        if key not in titled:
            for place in snippet.places.get(key, ()):
                hits.setdefault(place, []).append(key)
    if not hits:
        return None
    size = {place: _weigh(keys, weights) for place, keys in hits.items()}
    first = last = min(hits)
    most = 0
    for start in sorted(hits):
        seen, bound = set[str](), 0
        for place in range(start, start + WINDOW):
            if place in hits:
                seen.update(hits[place])
                bound += size[place]
                if bound > most and (weight := _weigh(seen, weights)) > most:
                    first, last, most = start, place, weight
    centre = max((place for place in range(first, last + 1) if place in hits), key=size.__getitem__)
    return Window(
        number,
        snippet.sentences[first].start,
        snippet.sentences[last].end,
        most + _weigh(titled, weights),
        any((key in sentence.denied) != (key in snippet.denied.get(centre, ())) for key in hits[centre]),
        _opposes(sentence, snippet, centre),
    )


def _weigh(keys: Collection[str], weights: dict[str, int]) -> int:
    return sum(weights[key] for key in keys)


def _opposes(sentence: ClaimSentence, snippet: Prepared, place: int) -> bool:
    opposites = antonyms()
    return any(
        opposite not in sentence.weights and _has(snippet, opposite, place)
        for key in sentence.weights.keys() & opposites.keys()
        if not _has(snippet, key, place)
        for opposite in opposites[key]
    )


def _has(snippet: Prepared, key: str, place: int) -> bool:
    return place in snippet.places.get(key, ())


@lru_cache(maxsize=1)
def antonyms() -> dict[str, frozenset[str]]:
    """Key → keys of its opposites; the pairs are in antonyms.txt, one a line."""
    found: dict[str, frozenset[str]] = {}
    for line in files("citerefine.judges.lexical").joinpath("antonyms.txt").read_text("utf-8").splitlines():
        one, other = keys(line)
        found[one] = found.get(one, frozenset()) | {other}
        found[other] = found.get(other, frozenset()) | {one}
    return found

"""How the words of a text become what SQLite's full-text index looks for, when it is filled and when it is asked.

In: passages; queries of any text. Out: text that FTS5 cuts into words; expressions of its query language. Scripts that
are written without blanks are given as overlapping pairs of characters, so that a word is found wherever it stands in a
run: as a phrase of its pairs. All other text is given as it is. A query is data: its words are quoted one by one, so
that nothing in it is syntax. Linear. What the index is given belongs to its format: see FORMAT in corpus.py. Not here:
statements (corpus.py), what is a run (refiner/language/unspaced.py).
"""

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Final

from citerefine.refiner.language.unspaced import (
    RUN,
    SOUTH_EAST,
    WINDOW,
    content_stretches,
    has_run,
    is_south_east,
    normal,
    windows,
)
from citerefine.refiner.language.words import content_words

MAX_TERMS: Final = 100
"""Most different words of a query that are searched; FTS5 refuses expressions of more than 256."""
LONGEST_PHRASE: Final = 32
"""Characters up to which a stretch without blanks is searched as a whole too; longer ones are no words."""

_BLOCKS: Final = (range(0x0E00, 0x10A0), range(0x1780, 0x17E0), range(0xAA60, 0xAA80))
# FTS5 would cut at vowel signs and tone marks, which are no letters to it; characters for private use are.
_AS_LETTERS: Final = {
    ord(character): 0xE000 + at
    for at, character in enumerate(re.findall(f"[{SOUTH_EAST}]", "".join(map(chr, chain(*_BLOCKS)))))
}


def searchable(text: str) -> str:
    """`text` as the index is given it: each run without blanks as its pairs, and its last character alone."""
    return RUN.sub(lambda run: f" {_pairs(run[0])} ", text) if has_run(text) else text


def expression(query: str) -> str | None:
    """What finds the passages that hold any content word of a query; None if it has none."""
    terms = islice(dict.fromkeys(_terms(query)), MAX_TERMS)
    return " OR ".join(terms) or None


def _terms(query: str) -> Iterator[str]:
    runs = [normal(run) for run in RUN.findall(query)] if has_run(query) else []
    yield from (f'"{word}"' for word in content_words(RUN.sub(" ", query) if runs else query))
    stretches = [stretch for run in runs for stretch in content_stretches(run)]
    # Wholes count beside their parts, so that passages which hold them come first.
    yield from (_term(whole) for whole in chain(runs, stretches) if len(whole) <= LONGEST_PHRASE)
    for stretch in stretches:
        yield from map(_term, windows(stretch, WINDOW if is_south_east(stretch) else 2))


def _term(run: str) -> str:
    """Finds a run within others: the pairs as a phrase; one character as the beginning of any pair."""
    if len(run) == 1:
        return f'"{_given(run)}" *'
    return f'"{_pairs(run, last=False)}"'


def _pairs(run: str, last: bool = True) -> str:
    run = _given(normal(run))
    return " ".join([run[at : at + 2] for at in range(len(run) - (not last))])


def _given(run: str) -> str:
    return run.translate(_AS_LETTERS) if is_south_east(run) else run

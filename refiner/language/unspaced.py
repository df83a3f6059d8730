"""Words of scripts that are written without blanks: Chinese, Japanese, Thai, Lao, Khmer, Burmese.

In: a text's runs of such scripts. Out: pieces of them by which texts are compared and searched: pairs of neighbouring
characters, since where a word ends cannot be seen without a dictionary. A Han character also counts alone, as most of
them can stand; of the scripts of South-East Asia, whose letters tell less, three neighbours make a piece. What carries
no meaning of its own is told apart by japanesegrammar.txt, particles and endings, and by the commonest Chinese
particles. Linear. Not here: words between blanks (words.py), the search index (tools/matching.py).
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Final
from unicodedata import normalize

_RARE_HAN: Final = "\U00020000-\U0003fffd"
_COMMON_HAN: Final = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_HAN: Final = _COMMON_HAN + _RARE_HAN
_HIRAGANA: Final = "\u3041-\u3096\u3099\u309a\u309d-\u309f"
_KATAKANA: Final = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
SOUTH_EAST: Final = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ebd\u0ec0-\u0ece\u0edc-\u0edf"  # Thai, Lao
    "\u1000-\u103f\u1050-\u108f\u109a-\u109d\uaa60-\uaa76\uaa7a-\uaa7f\u1780-\u17d3\u17d7\u17dc\u17dd"  # Burmese, Khmer
)
"""Letters and marks of these scripts as a class of characters, without digits and punctuation."""

RUN: Final = re.compile(f"[{_HAN}{_HIRAGANA}{_KATAKANA}]+|[{SOUTH_EAST}]+")
"""A stretch without blanks; never of both regions."""
WINDOW: Final = 3
"""Characters in a piece of a script of South-East Asia."""
CHARACTERS_A_WORD: Final = 2
"""About, for counting words."""

# Apart, since a class that reaches beyond U+FFFF takes ten times as long to look for: most texts have no run.
_ONE_COMMON: Final = re.compile(f"[{_COMMON_HAN}{_HIRAGANA}{_KATAKANA}{SOUTH_EAST}]")
_ONE_RARE: Final = re.compile(f"[{_RARE_HAN}]")
_ONE_SOUTH_EAST: Final = re.compile(f"[{SOUTH_EAST}]")
_ONE_HAN: Final = re.compile(f"[{_HAN}]")
_CHINESE_PARTICLES: Final = "的了吗嗎呢吧么麼什哪是很这這那怎"
_STRETCH: Final = re.compile(f"[{_HAN}]+|[{_KATAKANA}]+|(?P<hiragana>[{_HIRAGANA}]+)|[{SOUTH_EAST}]+")
_TELLING_STRETCH: Final = re.compile(f"(?:(?![{_CHINESE_PARTICLES}])[{_HAN}])+|{_STRETCH.pattern.partition('|')[2]}")
_PARTICLES: Final = frozenset("はがをにのでともへやか")
_ENDING: Final = 2
"""How many kana behind a Han character may still belong to the verb, as in 上がった."""
_LONGEST_GRAMMAR: Final = 6
"""Characters in the longest word of japanesegrammar.txt, at least."""
_MOST_GRAMMAR: Final = 40
"""No longer stretch is taken for grammar."""


@lru_cache(maxsize=1)
def _grammar() -> frozenset[str]:
    """Japanese particles and endings, in hiragana."""
    return frozenset(files("citerefine.refiner.language").joinpath("japanesegrammar.txt").read_text("utf-8").split())


def has_run(text: str) -> bool:
    """Whether any of a text is written without blanks."""
    return not text.isascii() and (_ONE_COMMON.search(text) or _ONE_RARE.search(text)) is not None


def is_south_east(run: str) -> bool:
    """Whether a run is of a script of South-East Asia."""
    return _ONE_SOUTH_EAST.match(run) is not None


def is_han(stretch: str) -> bool:
    """Whether a stretch of one script is of Han characters."""
    return _ONE_HAN.match(stretch) is not None


def normal(run: str) -> str:
    """A run as it is compared: half-width katakana, loose voicing marks and compatibility characters made one form."""
    # South-East Asian marks stay as they are: sorting many in a row, as this would, takes quadratic time.
    return run if is_south_east(run) else normalize("NFKC", run)


def pieces(run: str) -> Iterator[str]:
    """By what a run is compared with others, in its order."""
    return _cut(found[0] for found in _STRETCH.finditer(normal(run)))


def content_pieces(run: str) -> Iterator[str]:
    """The pieces of what carries meaning."""
    return _cut(content_stretches(normal(run)))


def content_stretches(run: str) -> Iterator[str]:
    """The parts of a normal run that carry meaning, each of one script."""
    for found in _TELLING_STRETCH.finditer(run):
        before = run[found.start() - 1 : found.start()]
        stretch = found[0] if found["hiragana"] is None else _without_grammar(found[0], before)
        if stretch:
            yield stretch


def _without_grammar(hiragana: str, before: str) -> str:
    """What is no particle or ending in a stretch of hiragana; `before` is the character before it, if there is one."""
    grammar = _grammar_from(hiragana)
    if any(at in grammar for at in range(_ENDING + 1 if is_han(before) else 1)):
        return ""
    start = 1 if before and hiragana[0] in _PARTICLES else 0
    behind = (at for at in range(start + 2, len(hiragana)) if at in grammar and hiragana[at] in _PARTICLES)
    return hiragana[start : next(behind, None)]


def _grammar_from(hiragana: str) -> set[int]:
    """Offsets from which on a stretch is nothing but particles and endings; its end is one."""
    end, known = len(hiragana), _grammar()
    found = {end}
    for at in reversed(range(end if end <= _MOST_GRAMMAR else 0)):
        sizes = range(1, _LONGEST_GRAMMAR + 1)
        if any(at + size in found and hiragana[at : at + size] in known for size in sizes):
            found.add(at)
    return found


def _cut(stretches: Iterable[str]) -> Iterator[str]:
    for stretch in stretches:
        if is_south_east(stretch):
            yield from windows(stretch, WINDOW)
        elif is_han(stretch):
            yield stretch[0]
            for pair in map("".join, pairwise(stretch)):
                yield pair
                yield pair[1]
        else:
            yield from windows(stretch, 2)


def windows(stretch: str, size: int) -> list[str]:
    """All neighbours, `size` at a time; a shorter stretch as it is."""
    return [stretch[at : at + size] for at in range(max(1, len(stretch) - size + 1))]


def joined(words: Iterable[str]) -> list[str]:
    """Words in which pieces that continue each other are put together again, for people to read."""
    whole = list[str]()
    for word in words:
        shared = _shared(whole[-1], word) if whole else 0
        if shared:
            whole[-1] += word[shared:]
        else:
            whole.append(word)
    return whole


def _shared(before: str, piece: str) -> int:
    """How many characters of `piece` are the last ones of `before`; 0 for a word between blanks."""
    if piece.isascii() or not RUN.fullmatch(piece):
        return 0
    return next((size for size in (2, 1) if before.endswith(piece[:size])), 0)

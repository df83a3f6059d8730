"""The sentences of a claim, made ready to be compared with snippets.

In: text. Out: `ClaimSentence`s. A claim of very many sentences is no claim: what follows the first MAX_SENTENCES counts
as one sentence, so that nothing of it is free and the work stays linear. Not here: comparing (comparison.py).
"""

from functools import lru_cache
from typing import Final, NamedTuple

from citerefine.judges.lexical.evidence import pairs_of
from citerefine.judges.lexical.markup import readable, without_markup
from citerefine.judges.lexical.words import Word, denied, is_number, read_words
from citerefine.refiner.language.sentences import split_sentences

MAX_SENTENCES: Final = 8
_LONGEST_KEPT: Final = 2_000


class ClaimSentence(NamedTuple):
    """What of a sentence is compared."""

    text: str
    """As written, in NFKC, without markup and addresses."""
    content: tuple[Word, ...]
    """The words that carry meaning, in order."""
    weights: dict[str, int]
    """Key → weight, of the content words."""
    numbers: frozenset[str]
    """Keys."""
    names: frozenset[str]
    """Keys of the content words that have a capital, without the first word of the sentence."""
    denied: frozenset[str]
    """Keys of the words that it denies."""
    pairs: frozenset[str]
    """Of keys of all words."""


def read_claim(text: str) -> tuple[ClaimSentence, ...]:
    """The sentences of a claim that have a word, in order."""
    return _known_claim(text) if len(text) <= _LONGEST_KEPT else _read_claim(text)


def _read_claim(text: str) -> tuple[ClaimSentence, ...]:
    text = readable(without_markup(text))
    spans = split_sentences(text, lines=True)
    pieces = [text[start:end] for start, end in spans[:MAX_SENTENCES]]
    if len(spans) > MAX_SENTENCES:
        pieces.append(text[spans[MAX_SENTENCES].start :])
    return tuple(sentence for piece in dict.fromkeys(pieces) if (sentence := _read_sentence(piece)))


_known_claim = lru_cache(maxsize=1_000)(_read_claim)


def _read_sentence(text: str) -> ClaimSentence | None:
    words = read_words(text)
    if not words:
        return None
    keys = [word.key for word in words]
    content = tuple(word for word in words if word.weight)
    weights = {word.key: word.weight for word in content}
    names = (word.key for word in content if text[word.start].isupper() and word is not words[0])
    return ClaimSentence(
        text=text,
        content=content,
        weights=weights,
        numbers=frozenset(filter(is_number, weights)),
        names=frozenset(names),
        denied=denied(keys),
        pairs=pairs_of(keys),
    )

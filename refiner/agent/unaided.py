"""Plans searches without a model: from the question's words, and from what was found.

In: the question, the queries so far, the records found. Out: the next query, or none. The first query is the question
itself. Later ones ask for the words of the question that nothing found mentions, then for the same beside the names
and frequent words of the best snippets. Deterministic. Not here: how many searches there may be (steps.py).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from citerefine.refiner.agent.state import SnippetRecord
from citerefine.refiner.language.unspaced import joined
from citerefine.refiner.language.words import (
    content_stems,
    content_words,
    is_held,
    light_stems,
    name_stems,
    stem,
    words,
)

MAX_QUERY: Final = 400
"""Longest query that is sent as it was written, in code points."""
MAX_WORDS: Final = 100
"""Most different words of a longer question that are searched for."""
_BEST: Final = 3
"""How many snippets, best first, expansions are taken from."""
_EXPANSIONS: Final = 4
"""Most words that are taken from them."""
_MISSING: Final = 8
"""Most words that are asked for because nothing mentions them."""


def first_query(question: str) -> str:
    """The question; of a long one its content words, which is what searches by words look at."""
    line = " ".join(question.split())
    if len(line) <= MAX_QUERY:
        return line
    return " ".join(joined([*dict.fromkeys(content_words(question))][:MAX_WORDS]))


def missing_words(question: str, records: Iterable[SnippetRecord]) -> list[str]:
    """Content words of the question that no record mentions, in order; words that say little aside."""
    asked = {stem(word): word for word in reversed(content_words(question)) if stem(word) not in light_stems()}
    for record in records:
        if not asked:
            break
        held = set(content_stems(record_text(record)))
        asked = {asked_stem: word for asked_stem, word in asked.items() if not is_held(asked_stem, held)}
    return [*asked.values()][::-1]


def next_query(question: str, asked: Sequence[str], records: Sequence[SnippetRecord]) -> str | None:
    """The next query; None if the words of the question are covered, or nothing new can be asked."""
    if not content_words(question):
        return None
    if not asked and not records:
        return first_query(question)
    missing = missing_words(question, records)
    if not missing:
        return None
    known = {query_key(query) for query in asked}
    return next((query for query in _candidates(question, missing, records) if query_key(query) not in known), None)


def _candidates(question: str, missing: list[str], records: Sequence[SnippetRecord]) -> Iterator[str]:
    yield first_query(question)  # new where evidence was given and nothing was searched yet
    sought = joined(missing)[:_MISSING]
    yield " ".join(sought)
    expansions = _expansions(question, records[:_BEST])
    if expansions:
        yield " ".join([*sought, *expansions])
    names = name_stems(question)
    named = [word for word in dict.fromkeys(content_words(question)) if stem(word) in names and word not in sought]
    if named:
        yield " ".join([*sought, *named])


def _expansions(question: str, best: Sequence[SnippetRecord]) -> list[str]:
    """Names and frequent words of the best snippets that the question does not have, most telling first."""
    asked = set(content_stems(question))
    counts, shown, names = Counter[str](), dict[str, str](), set[str]()
    for record in best:
        text = f"{record.get('title') or ''} {record['text']}"  # a section's name is no word of its subject
        names |= name_stems(text)
        for word in content_words(text):
            shown.setdefault(stem(word), word)
        counts.update(content_stems(text))
    telling = [found for found in counts if found not in asked | light_stems() and not found.isdigit()]
    ranked = sorted(telling, key=lambda found: (found not in names, -counts[found]))  # stable: as first met
    return [shown[found] for found in ranked[:_EXPANSIONS]]


def query_key(query: str) -> str:
    """What tells queries apart: their words, in order."""
    return " ".join(words(query)) or query


def record_text(record: SnippetRecord) -> str:
    """All that is looked for words: title, section, text."""
    return f"{record.get('title') or ''} {record.get('section') or ''} {record['text']}"

"""Says which words of a question no cited source mentions, so that a reader sees what an answer is not about.

In: an `Answer`. Out: the words. A quoted source on warfarin may look like an answer about aspirin; that it never
says "aspirin" is plain to check, for any refiner. A word counts as mentioned if its stem is in the title or in any
snippet of a work that the answer cites. Not here: whether the source supports the claim.
"""

from typing import Final

from citerefine.refiner.answer import Answer
from citerefine.refiner.language.unspaced import is_south_east, joined
from citerefine.refiner.language.words import content_words, is_held, light_stems, stem, stop_words, words

MAX_WORDS: Final = 8
"""Most words that are named."""


def unmentioned_words(answer: Answer) -> tuple[str, ...]:
    """Words of the question, in its order, that no cited source mentions; light words such as `best` aside."""
    return tuple(joined(_missing(answer, _mentioned_by_work(answer))))


def _missing(answer: Answer, held: dict[str, set[str]]) -> list[str]:
    mentioned = set[str]().union(*held.values())
    return [word for word in _asked(answer.question) if not is_held(stem(word), mentioned)]


def gap_notes(answer: Answer) -> tuple[str, ...]:
    """What readers should know: words that no cited source mentions, and words that no single one mentions together."""
    if not answer.answered:
        return ()
    by_work = _mentioned_by_work(answer)
    notes, missing = list[str](), _missing(answer, by_work)
    if missing:
        named = joined(missing)
        more = f" and {len(named) - MAX_WORDS} more words of the question" if len(named) > MAX_WORDS else ""
        notes.append(f"No cited source mentions: {', '.join(named[:MAX_WORDS])}{more}.")
    found = [word for word in _asked(answer.question) if word not in missing]
    together = any(all(is_held(stem(word), held) for word in found) for held in by_work.values())
    if not together:
        notes.append(f"No single cited source mentions all of: {', '.join(joined(found)[:MAX_WORDS])}.")
    return tuple(notes)


def _asked(question: str) -> list[str]:
    asked = [word for word in dict.fromkeys(content_words(question)) if stem(word) not in light_stems()]
    return [word for word in asked if not is_south_east(word)]  # a piece of such a script is no word to name


def _mentioned_by_work(answer: Answer) -> dict[str, set[str]]:
    """The stems of each cited work, in all that was found of it."""
    works = {answer.evidence[id].work for claim in answer.claims for id in claim.citations}
    mentioned: dict[str, set[str]] = {work: set() for work in works}
    for snippet in answer.evidence.snippets:
        if snippet.work in works:
            held = f"{snippet.title or ''} {snippet.section or ''} {snippet.text}"
            mentioned[snippet.work].update(map(stem, {*words(held)} - stop_words()))
    return mentioned

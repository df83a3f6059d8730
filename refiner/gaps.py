"""Says which words of a question no cited source mentions, so that a reader sees what an answer is not about.

In: an `Answer`. Out: the words. A quoted source on warfarin may look like an answer about aspirin; that it never
says "aspirin" is plain to check, for any refiner. A word counts as mentioned if its stem is in the title or in any
snippet of a work that the answer cites. Not here: whether the source supports the claim.
"""

from typing import Final

from citerefine.refiner.answer import Answer
from citerefine.refiner.language.words import content_words, light_stems, stem, stop_words, words

MAX_WORDS: Final = 8
"""Most words that are named."""


def unmentioned_words(answer: Answer) -> tuple[str, ...]:
    """Words of the question, in its order, that no cited source mentions; light words such as `best` aside."""
    return _missing(answer, _mentioned_by_work(answer))


def _missing(answer: Answer, held: dict[str, set[str]]) -> tuple[str, ...]:
    mentioned = set[str]().union(*held.values())
    return tuple(word for word in _asked(answer.question) if stem(word) not in mentioned)


def gap_notes(answer: Answer) -> tuple[str, ...]:
    """What readers should know: words that no cited source mentions, and words that no single one mentions together."""
    if not answer.answered:
        return ()
    by_work = _mentioned_by_work(answer)
    notes, missing = list[str](), _missing(answer, by_work)
    if missing:
        more = f" and {len(missing) - MAX_WORDS} more words of the question" if len(missing) > MAX_WORDS else ""
        notes.append(f"No cited source mentions: {', '.join(missing[:MAX_WORDS])}{more}.")
    found = [word for word in _asked(answer.question) if word not in missing]
    together = any(held.issuperset(map(stem, found)) for held in by_work.values())
    if not together:
        notes.append(f"No single cited source mentions all of: {', '.join(found[:MAX_WORDS])}.")
    return tuple(notes)


def _asked(question: str) -> list[str]:
    return [word for word in dict.fromkeys(content_words(question)) if stem(word) not in light_stems()]


def _mentioned_by_work(answer: Answer) -> dict[str, set[str]]:
    """The stems of each cited work, in all that was found of it."""
    works = {answer.evidence[id].work for claim in answer.claims for id in claim.citations}
    mentioned: dict[str, set[str]] = {work: set() for work in works}
    for snippet in answer.evidence.snippets:
        if snippet.work in works:
            held = f"{snippet.title or ''} {snippet.section or ''} {snippet.text}"
            mentioned[snippet.work].update(map(stem, {*words(held)} - stop_words()))
    return mentioned

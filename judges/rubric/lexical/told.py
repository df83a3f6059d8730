"""Reads an answer into the sentences that say something, made ready to be compared with criteria.

In: an answer with its tags. Out: `Told`. A question, a sentence that leaves open whether it is so (“whether”,
“unclear”), and a string of keywords say nothing: they count for no criterion, and neither does an HTML comment, nor
what a sentence calls false, but for criteria that ask for that. Small
words tell a statement from keywords: a sentence of LEAST_WORDS words or more needs a share SMALL_SHARE of English stop
words, or SHORT_SHARE of these and words of two or three letters, as other languages have them; a shorter one needs a
single one, or a word that ends like a verb. Linear. Not here: comparing.
"""

import re
from typing import Final, NamedTuple

from citerefine.judges.hidden import visible
from citerefine.judges.lexical.evidence import Prepared, prepare
from citerefine.judges.lexical.markup import without_markup
from citerefine.judges.prose import prose
from citerefine.judges.rubric.lexical.contrary import without_denied
from citerefine.refiner.language.sentences import split_sentences
from citerefine.refiner.language.words import stop_words
from citerefine.refiner.tags.scanner import parse_tags

LEAST_WORDS: Final = 5
SMALL_SHARE: Final = 0.18
SHORT_SHARE: Final = 0.3
MAX_RUN: Final = 9
"""Longest stretch of words without a small one that is read; longer ones are lists of keywords."""

_LETTERS = re.compile(r"[A-Za-zÀ-ɏͰ-ӿ]+(?:['’][A-Za-z]+)?")
_OPEN = re.compile(
    r"\b(?:whether|unclear|unknown|unsure|uncertain|undecided|perhaps|possibly|maybe|conceivabl[ey]|may or may not|"
    r"might or might not|not known|cannot be (?:excluded|ruled out)|some (?:would|might|may|could) (?:say|argue|think)|"
    r"cannot (?:be )?(?:tell|told|say|said|determined?|assess(?:ed)?)|open question|remains open)\b",
    re.IGNORECASE,
)
_ASKS: Final = ("?", "？", "؟")
_CLOSING: Final = " \t\n\"'”’»)]}*_"
_NOT_BLANK = re.compile(r"\S")


class Told(NamedTuple):
    """What an answer says."""

    text: str
    """The prose of the plain answer, blank where it has markup or an address; `prepared` counts offsets in it."""
    plain: str
    """The plain answer to the letter, with the same offsets: what evidence is cut from."""
    prepared: Prepared
    """Its statements only, without what they call false."""
    with_denied: Prepared
    """Its statements as they are."""

    def prepared_for(self, *, calls_false: bool) -> Prepared:
        """What a criterion is compared with that asks to call something false, or one that does not."""
        return self.with_denied if calls_false else self.prepared


def read_told(answer: str) -> Told:
    """What the answer says; raises nothing."""
    parse = parse_tags(_without_comments(answer))
    page = without_markup(prose(parse).text)
    stated, asserted, at = list[str](), list[str](), 0
    for start, end in split_sentences(page, lines=True):
        statement = _said(page[start:end])
        stated += [page[at:start], statement]
        asserted += [page[at:start], without_denied(statement)]
        at = end
    prepared = prepare("".join([*asserted, page[at:]]), "")
    return Told(
        page, parse.text, prepared, prepared if asserted == stated else prepare("".join([*stated, page[at:]]), "")
    )


def _without_comments(text: str) -> str:
    """The text without HTML comments, which no page shows; one that is never closed hides all behind it."""
    shown, *hidden = text.split("<!--")
    return shown + "".join(part.partition("-->")[2] for part in hidden)


def _said(sentence: str) -> str:
    """The sentence, blank where it says nothing; as long as it was."""
    if not _is_statement(sentence):
        return _NOT_BLANK.sub(" ", sentence)
    parts, at, run = list[str](), 0, list[re.Match[str]]()
    for word in [*_LETTERS.finditer(sentence), None]:
        if word is not None and word[0].lower() not in stop_words():
            run.append(word)
            continue
        if len(run) > MAX_RUN:
            start, end = run[0].start(), run[-1].end()
            parts += [sentence[at:start], _NOT_BLANK.sub(" ", sentence[start:end])]
            at = end
        run = []
    return "".join([*parts, sentence[at:]])


def _is_statement(sentence: str) -> bool:
    if sentence.rstrip(_CLOSING)[-1:] in _ASKS or _OPEN.search(sentence):
        return False
    words = _LETTERS.findall(visible(sentence).lower())
    if not words:
        return True  # another script, where no small words are known
    small = sum(word in stop_words() for word in words)
    short = sum(word in stop_words() or 2 <= len(word) <= 3 for word in words)
    if len(words) < LEAST_WORDS:
        return short > 0 or any(word.endswith(("ed", "s", "ing")) for word in words[1:])
    return small >= SMALL_SHARE * len(words) or short >= SHORT_SHARE * len(words)

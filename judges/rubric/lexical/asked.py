"""Reads a criterion into the words that an answer must say to meet it.

In: the text of a criterion. Out: `Asked`: its parts, made ready to be compared, or why words cannot tell. Words that
only say that something be said (“The answer states that …”, frame_words.txt) do not count. A part is what stands
between “and”, semicolons or ends of sentences, where each side has LEAST_PART content words; an answer must have every
part. A criterion that is mostly about form (form_words.txt), or asks that something be left out, is none that words
can tell. English. Linear. Not here: comparing, verdicts (lexical_rubric_judge.py).
"""

import re
from functools import lru_cache
from importlib.resources import files
from typing import Final, NamedTuple

from citerefine.judges.lexical.claim import ClaimSentence, read_claim
from citerefine.judges.lexical.markup import readable, without_markup
from citerefine.judges.lexical.words import key_of, read_words
from citerefine.judges.rubric.lexical.contrary import calls_false

LEAST_PART: Final = 3
"""Content words that each side of an “and” needs to be a part of its own."""
MAX_PARTS: Final = 16
"""What follows counts as one part."""
FORM_SHARE: Final = 0.5
"""From this share of form words on, by weight, a criterion is about form."""

FORM: Final = "form: the criterion is about form, style or quality, which words in common cannot tell"
ABSENCE: Final = "absence: the criterion asks that something be left out, which words in common cannot tell"

_JOINT = re.compile(r"(;|\band\b|\bas well as\b)", re.IGNORECASE)
_ABSENCE = re.compile(
    r"\s*(?:(?:the|an?|this) )?(?:(?:answer|response|reply|text|output|summary|report)s? )?"
    r"(?:(?:should|must|needs? to) )?(?:(?:does|do|did|should|must|need) ?n[o'’]t |fails? to |failed to |failing to |"
    r"omits?\b|omitting\b|avoids?\b|refrains?\b|neglects? to |lacks?\b|never (?=mention|state|say|explain|describe))",
    re.IGNORECASE,
)


class Asked(NamedTuple):
    """What a criterion asks an answer to say."""

    parts: tuple[ClaimSentence, ...]
    """All must be said; none where words cannot tell."""
    untold: str = ""
    """Why words cannot tell, as `code: what it is`; empty if they can."""
    calls_false: bool = False
    """Whether something is to be called false (contrary.py)."""


@lru_cache(maxsize=4_000)
def read_criterion(text: str) -> Asked:
    """What this criterion asks for; raises nothing."""
    text = readable(without_markup(text))
    if _ABSENCE.match(text):
        return Asked((), ABSENCE)
    said = _without_frame(text)
    words = [word for word in read_words(said) if word.weight]
    of_form = sum(word.weight for word in words if word.key in _listed("form_words.txt"))
    if not words or of_form >= FORM_SHARE * sum(word.weight for word in words):
        return Asked((), FORM)
    parts = tuple(sentence for part in _parts(said) for sentence in read_claim(part) if sentence.content)
    return Asked(parts, calls_false=calls_false(text))


def _without_frame(text: str) -> str:
    """The text without words that only ask for saying; what is left stands in its order."""
    frame, kept, at = _listed("frame_words.txt"), list[str](), 0
    for word in read_words(text):
        if word.key in frame and text[word.start].islower() | (word.start == 0 or not text[: word.start].strip()):
            kept.append(text[at : word.start])
            at = word.end
    return "".join([*kept, text[at:]])


def _parts(text: str) -> list[str]:
    """The text cut at each joint that has enough on both sides."""
    pieces = _JOINT.split(text)
    parts, current, n = list[str](), pieces[0], _n_content(pieces[0])
    for joint, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        more = _n_content(piece)
        if len(parts) < MAX_PARTS and n >= LEAST_PART and more >= LEAST_PART:
            parts.append(current)
            current, n = piece, more
        else:
            current, n = f"{current}{joint}{piece}", n + more
    return [*parts, current]


def _n_content(text: str) -> int:
    return sum(word.weight > 0 for word in read_words(text))


@lru_cache(maxsize=2)
def _listed(name: str) -> frozenset[str]:
    words = files("citerefine.judges.rubric.lexical").joinpath(name).read_text("utf-8").split()
    return frozenset(map(key_of, words))

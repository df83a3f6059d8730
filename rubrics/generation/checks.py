"""Which written criteria are not to be kept, and why.

In: a criterion as the writer wrote it, what was in the prompt. Out: a reason, or none. Words that disqualify are data
(unfit_phrases.json). Not here: what `lint` finds, and likeness to other criteria (generate.py).
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from citerefine.rubrics.criterion import Polarity
from citerefine.rubrics.generation.reply import Written

DROPPED: Final[dict[str, str]] = {
    "duplicate": "there is a criterion of the same content",
    "near_duplicate": "there is a criterion that asks the same in other words",
    "mirrored": "there is a criterion that asks the opposite, so that one thing would count twice",
    "copies_answer": "it repeats an answer at length, so that only that answer can meet it",
    "names_answers": "it speaks of the answers that it was written from",
    "holds_id": "it names a snippet, which other answers may cite under another id",
    "to_the_judge": "it speaks to whoever grades, or holds markup of prompts",
    "absence": "it is a fault that is worded as something missing",
    "too_many": "there are as many criteria of its kind as were asked for",
    "lint": "the checks of `citerefine rubrics lint` find fault with it",
}
"""Why a criterion is not kept: code → meaning."""
COPIED_WORDS: Final = 12
"""So many words in a row of an answer are a copy."""
_WORD: Final = re.compile(r"\w+")
_NAMED: Final = re.compile(
    r"\[\s*(?:\d+|[0-9a-f]{8,})\s*\]|\bids?\s*=|\b(?:snippet|evidence|passage|citation)s? (?:no\.? )?\d+\b"
)
_ANSWER: Final = re.compile(r"\b(?:answer|response) (?:no\.? )?\d+\b")


class Unfit(NamedTuple):
    """Why a criterion is not kept."""

    code: str
    """A key of `DROPPED`."""
    reason: str


def unfit(written: Written, ids: Iterable[str], answers: Sequence[str]) -> Unfit | None:
    """Why a criterion is not kept, by itself; None if it may be.

    Args:
        written: title and text are looked at alike.
        ids: of the snippets that the writer saw.
        answers: that the writer saw.
    """
    text = _plain(f"{written.title} \n {written.text}")
    if phrase := _said("to_the_judge", text):
        return Unfit("to_the_judge", f"it says {phrase!r}")
    number = _ANSWER.search(text)
    if phrase := _said("answers", text) or (number[0] if number else ""):
        return Unfit("names_answers", f"it says {phrase!r}")
    if id := _id_in(text, ids):
        return Unfit("holds_id", f"it says {id!r}")
    if written.polarity is Polarity.NEGATIVE and (phrase := _said("absence", _plain(written.text))):
        return Unfit("absence", f"it says {phrase!r}; a fault is something that is there")
    if any(_shares_words(text, _plain(answer)) for answer in answers):
        return Unfit("copies_answer", f"{COPIED_WORDS} words in a row stand in an answer too")
    return None


@cache
def _phrases(kind: str) -> re.Pattern[str]:
    phrases: list[str] = json.loads(files(__package__).joinpath("unfit_phrases.json").read_text(encoding="utf-8"))[kind]
    return re.compile(
        "|".join(rf"(?<!\w){re.escape(one)}" + (r"(?!\w)" if one[-1].isalnum() else "") for one in phrases)
    )


def _said(kind: str, text: str) -> str:
    """The first phrase of a kind that stands in a text; empty if none does."""
    found = _phrases(kind).search(text)
    return found[0] if found else ""


def _id_in(text: str, ids: Iterable[str]) -> str:
    """The first id of a snippet in a text; one that is a plain word or number counts only in brackets."""
    for id in map(_plain, ids):
        is_code = any(map(str.isdigit, id)) and any(map(str.isalpha, id))
        if f"[{id}]" in text or (is_code and re.search(rf"(?<!\w){re.escape(id)}(?!\w)", text)):
            return id
    found = _NAMED.search(text)
    return found[0] if found else ""


def _shares_words(text: str, answer: str) -> bool:
    """Whether `COPIED_WORDS` words in a row stand in both."""
    words, other = _WORD.findall(text), " ".join(_WORD.findall(answer))
    starts = range(len(words) - COPIED_WORDS + 1)
    return any(f" {' '.join(words[start : start + COPIED_WORDS])} " in f" {other} " for start in starts)


def _plain(text: str) -> str:
    """The text in lower case on one line, one spelling of each sign, without what cannot be seen."""
    visible = (sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    return " ".join("".join(visible).replace("’", "'").casefold().split())

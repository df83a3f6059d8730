"""Whether the words of one criterion can be judged: vague, negated, too long, too short, not filled in.

In: a criterion, and the part of its text that is read. Out: findings. English; other scripts are measured only. Not
here: several things in one (compound.py), other criteria (pairs.py).
"""

import re
from collections.abc import Iterator
from typing import Final

from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.lint.finding import Finding

MAX_WORDS: Final = 120
LEAST_WORDS: Final = 3
_SCRIPTS_WITHOUT_BLANKS: Final = re.compile("[぀-ヿ㐀-鿿가-힯฀-๿]")

_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_PLACEHOLDER: Final = re.compile(
    r"\{\{[^{}\n]{0,60}\}\}"  # {{ name }}
    r"|(?<![\w\\}^_${])\{[A-Za-z]+(?:_[A-Za-z0-9]+)+\}"  # {criterion_text}; a name alone may be mathematics
    r"|[\[<](?:insert|your|add|fill in|placeholder|replace|todo|tbd)\b[^\]>\n]{0,60}[\]>]"
    r"|\b(?:TODO|TBD|FIXME|XXX)\b|\blorem ipsum\b"
    r"|\A\W*(?:n/?a|none|null|string|text|description|criterion \d+|rubric \d+|\.{3}|…)\W*\Z",
    re.IGNORECASE,
)
_CAPITALS: Final = re.compile(r"TODO|TBD|FIXME|XXX")

_SUBJECT: Final = r"(?:(?:the|this|an?) )?(?:answer|response|reply|report|text|article|output|model|it)?\s*"
_NEGATED_FAULT: Final = re.compile(
    rf"\A\W*(?:pitfall criteria:\s*)?{_SUBJECT}"
    r"(?:(?:does|do|did|is|are|has|have|should|must|can) not\b|(?:does|do|did|is|are|has|have|should|ca)n['’]t\b|"
    r"cannot\b|never\b|fails? to\b|neglects? to\b|lacks?\b|omits?\b|no (?=\w+ (?:of|is|are)\b))",
    re.IGNORECASE,
)
_NEGATED_MERIT: Final = re.compile(
    rf"\A\W*{_SUBJECT}"
    r"(?:(?:does|do|did|should|must) not\b|(?:does|do|did|should)n['’]t\b|never\b|avoids?\b|refrains? from\b|"
    r"(?:contains?|includes?|has|have|uses?|makes?) no\b|(?:should|must) (?:avoid|never)\b|is free (?:of|from)\b)",
    re.IGNORECASE,
)

_QUALITY: Final = (
    r"(?:good|great|excellent|high[- ]quality|appropriate|suitable|proper|adequate|sufficient|clear|comprehensive|"
    r"thorough|complete|effective|helpful|useful|insightful|engaging|professional|coherent|logical|well[- ]written|"
    r"well[- ]structured|well[- ]organi[sz]ed|reasonable|satisfactory|nice|strong|solid|relevant|accurate|concise|"
    r"detailed|in-depth|deep|rich|meaningful)"
)
_DEGREE: Final = r"(?:(?:very|quite|sufficiently|reasonably|highly|generally|overall) )?"
_WHOLE: Final = (
    r"(?:answers?|responses?|replies|reply|overview|analysis|discussion|explanations?|structure|organi[sz]ation|"
    r"language|style|tone|writing|manner|way|quality|content|coverage|format|formatting|presentation|summary|"
    r"information|details?|insights?|depth|understanding)"
)
_VAGUE: Final = re.compile(
    rf"\b(?:is|are|be|being|stays?|remains?|sounds?) {_DEGREE}(?P<a>{_QUALITY})\b(?! (?:to|for|that|than|by|when)\b)"
    rf"|\b(?P<b>{_QUALITY})(?:(?:,| and|, and) {_QUALITY})* {_WHOLE}\b"
    rf"|\b(?P<c>well|properly|adequately|appropriately|sufficiently|effectively)[ -](?:\w+ed|written|done|said)\b",
    re.IGNORECASE,
)
_MEASURED: Final = re.compile(
    r"\d|[\"“”'‘][^\"“”'‘]{3,}[\"”'’]|\b(?:such as|e\.g\.|i\.e\.|for example|for instance|including|namely|that is|"
    r"by \w+ing|at least|at most|each|every|all|no more than|instead of|rather than|so that|because|without)\b|[:(;]",
    re.IGNORECASE,
)
MAX_VAGUE_WORDS: Final = 16
"""A longer text says more than that a quality is wanted."""
_CLAUSE: Final = re.compile(r"\b(?:why|how|that|what|whether|which|when|if)\b", re.IGNORECASE)
_ENGLISH: Final = re.compile(r"\b(?:of|the|for|and|with|on)\b", re.IGNORECASE)
_VERBLIKE: Final = re.compile(
    r"n['’]t\b|\b(?:is|are|be|was|were|has|have|had|does|do|did|can|could|should|must|may|will|would)\b|\w{2,}(?:s|ed|ing)\b",
    re.IGNORECASE,
)


def check_wording(criterion: Criterion, head: str) -> Iterator[Finding]:
    """What is wrong with the words of one criterion."""
    if match := _placeholder(head):
        message = f"it holds {match[:40]!r}, which looks like a place to fill in; write what is asked"
        yield Finding("placeholder", criterion.id, message, "error")
        return
    if negation := _negation(criterion, head):
        yield Finding("negated", criterion.id, negation, "warning" if criterion.is_negative else "note")
    yield from _length(criterion, head)
    if (quality := _vague(head)) and criterion.scale.kind == "binary":
        message = f"{quality!r} is for each judge to fill in; say by what it can be told"
        yield Finding("vague", criterion.id, message, "warning")


def _placeholder(text: str) -> str:
    for match in _PLACEHOLDER.finditer(text):
        word = match[0]
        if word.isalpha() and word.upper() in ("TODO", "TBD", "FIXME", "XXX") and not _CAPITALS.fullmatch(word):
            continue
        return word
    return ""


def _negation(criterion: Criterion, text: str) -> str:
    pattern = _NEGATED_FAULT if criterion.is_negative else _NEGATED_MERIT
    match = pattern.match(text)
    if not match:
        return ""
    said = " ".join(match[0].split())[-40:]
    if criterion.is_negative:
        return f"a fault is asked for as if it were there, and {said!r} says what is not; turn it into a criterion"
    return f"{said!r} says what is not to be there; make it a fault, worded as what would be there"


def _length(criterion: Criterion, head: str) -> Iterator[Finding]:
    if _SCRIPTS_WITHOUT_BLANKS.search(head):
        return
    words = _WORD.findall(head)
    if len(words) > MAX_WORDS:
        message = f"it has over {MAX_WORDS} words; say one thing, and leave explanations out"
        yield Finding("too_long", criterion.id, message, "note")
    elif len(words) < LEAST_WORDS:
        message = f"it has {len(words)} words; say what an answer must do to meet it"
        yield Finding("too_short", criterion.id, message, "warning")
    elif len(words) <= MAX_VAGUE_WORDS and _ENGLISH.search(head) and not _VERBLIKE.search(head):
        message = f"{head.strip()[:60]!r} has no verb; say what an answer must do with it"
        yield Finding("no_verb", criterion.id, message, "note")


def _vague(text: str) -> str:
    """The word that asks for a quality, if the text gives nothing to tell it by."""
    match = _VAGUE.search(text)
    # In a clause, the quality is what the answer is to speak of, and not what is asked of the answer.
    if (
        match is None
        or _CLAUSE.search(text, 0, match.start())
        or _MEASURED.search(text)
        or len(_WORD.findall(text)) > MAX_VAGUE_WORDS
    ):
        return ""
    return next(word for word in match.groups() if word)

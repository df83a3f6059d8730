"""How well a sentence serves as an answer, by its wording and by the section that it stands in.

In: a sentence, a section heading, a question. Out: factors around 1, above it for what answers tend to be (results,
definitions that are asked for), below for what they are not (aims, questions, captions, sentences that lean on
others); and whether a stretch of text is a sentence at all. English. Linear. Not here: what the sentence is about.
"""

import re
from typing import Final

_SECTIONS: Final = (
    (re.compile(r"conclu|interpret|summary|discussion|implication|key (?:point|finding|message)", re.I), 1.35),
    (re.compile(r"result|finding|outcome|observation", re.I), 1.25),
    (re.compile(r"aim|objective|purpose|goal|question|hypothes", re.I), 0.55),
    (re.compile(r"method|design|setting|material|participant|patient|subject|intervention|measure", re.I), 0.75),
    (re.compile(r"background|introduction|context|importance", re.I), 0.85),
)
_AIM: Final = re.compile(
    r"(?:to (?:assess|compare|describe|determine|evaluate|examine|explore|identify|investigate|study|test)\b"
    r"|(?:the |our )?(?:aim|goal|objective|purpose)s? (?:of|was|were|is)\b"
    r"|(?:here,? )?we (?:aimed|sought|wanted|set out|hypothesi[sz]ed)\b"
    r"|this (?:study|paper|review|article|work) (?:aim|assess|examin|evaluat|investigat|describ|was designed))",
    re.I,
)
_LEANING: Final = re.compile(
    r"(?:it|its|he|she|his|her|they|their|these|this|those|such|however|but|moreover|furthermore|also|therefore|thus"
    r"|hence|nevertheless|nonetheless|then|second|third|fourth|fifth|finally|lastly|in addition|in contrast|similarly"
    r"|conversely|consequently|additionally|on the other hand|for example|for instance|as a result|instead)\b",
    re.I,
)
_CAPTION: Final = re.compile(r"(?:supplementary |supporting )?(?:table|figure|fig\.?|box|panel|scheme) ?s?\d", re.I)
_ENDING: Final = re.compile(r"[.!?。！？…][\"'”’»)\]」』]*\Z")
_LETTERS_SHARE: Final = 0.45
_MARKUP: Final = re.compile(r"```|~~~|\|[^|]*\||\A\s*[>#]")
_WHAT_IS: Final = re.compile(
    r"\s*(?:what|who)(?:'s| is| are| was| were)\s+(?:an?\s+|the\s+)?(.{1,80}?)\s*\??\s*\Z", re.I
)
_DEFINES: Final = (
    r"(?:an?\s+|the\s+)?{subject}(?:\s*\([^)]{{1,40}}\))?(?:,[^,]{{1,80}},)?\s+(?:is|are|was|were|means)\b"
)

AIM_PRIOR: Final = 0.5
LEANING_PRIOR: Final = 0.8
QUESTION_PRIOR: Final = 0.4
CAPTION_PRIOR: Final = 0.6
DEFINITION_PRIOR: Final = 1.6


def is_sentence(text: str) -> bool:
    """Whether a stretch is a whole sentence of prose: no heading, table row, code or list of symbols."""
    letters = sum(character.isalpha() or character.isspace() for character in text)
    return bool(_ENDING.search(text)) and letters >= _LETTERS_SHARE * len(text) and not _MARKUP.search(text)


def section_prior(section: str | None) -> float:
    """How likely a section is to hold answers; the innermost heading decides."""
    last = (section or "").rpartition(" > ")[2]
    return next((prior for pattern, prior in _SECTIONS if pattern.search(last)), 1.0)


def wording_prior(text: str) -> float:
    """How well a sentence stands alone as an answer."""
    prior = AIM_PRIOR if _AIM.match(text) else 1.0
    prior *= LEANING_PRIOR if _LEANING.match(text) else 1.0
    prior *= CAPTION_PRIOR if _CAPTION.match(text) else 1.0
    return prior * (QUESTION_PRIOR if text.endswith(("?", "？")) else 1.0)


def definition_of(question: str) -> re.Pattern[str] | None:
    """What a sentence begins with that defines what the question asks about; None unless it asks `What is …?`

    >>> definition_of("What is ALCE?").match("ALCE is a benchmark.") is not None
    True
    """
    asked = _WHAT_IS.fullmatch(question)
    return re.compile(_DEFINES.format(subject=re.escape(asked[1])), re.I) if asked else None

"""Writes the grammar that a reply must follow: what it admits is a canonical answer that cites known snippets only.

In: the names that snippets have in the prompt, and perhaps bounds. Out: one text in the form that llama.cpp calls
GBNF; vLLM takes it with both of its engines (xgrammar, llguidance), and so do the models of in_process/. Whatever a
model writes under it, the parser finds no format error and no unknown id in: this holds for random weights too.
Not here: sending a grammar (chat/, in_process/), what is done where it is not kept to (policy.py).

Written so that it takes few milliseconds a token in all three, which shapes the rules:

- Deterministic: no text can be read in two ways, or else llama.cpp follows all of them.
- llguidance makes one lexeme of a rule that uses no other kind of rule, reads it greedily and never goes back. So `<`
  and line ends only begin a rule, and what may stand side by side is said in `root`.
- Character classes are written out where they repeat, and list what they admit: xgrammar is slow with a repeated rule,
  knows no negated class beyond ASCII, and reads `\\x` with any number of digits, as no other does.
- `\\u` stands only where its first digit is not 0: llguidance drops leading zeros.
"""

import re
import string
from collections.abc import Iterable, Sequence
from typing import Final

from citerefine.refiner.errors import AnswerError, InputError
from citerefine.refiner.tags.markup import ID_PATTERN

MAX_NAMES: Final = 8
"""Most ids that the grammar admits in one tag."""

MOST_CLAIMS: Final = 200
"""Most claims that a bound can name: llama.cpp writes each out."""

_MOST_MARKS: Final = 8
"""Where the length of text is bounded: most blanks before a line, and most marks before a claim's first word."""

_ID: Final = re.compile(ID_PATTERN)

_TEXT: Final = ((0x9, 0x9), (0x20, 0x7E), (0xA0, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))
"""First and last code point of each stretch of what text may hold: no control characters but the tabulator."""

BLANKS: Final = (
    "\t \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""White space within a line. The parser skips all of it at the start of an answer, so that a fence may follow it."""

MARKS: Final = "`~"
"""Three of these begin a code fence, in which tags are not read."""

NOT_BEHIND_LESS: Final = string.ascii_letters + "/!<|｜"
"""What may not follow a `<`: what would make it a tag start (markup.TAG_START), and the bars by which models mark
tokens of their own, such as `<|im_end|>`, which servers leave out of a reply."""

WORD_RANGES: Final = (
    "0-9A-Za-zÀ-ÖØ-öø-ˁḀ-ἕ"  # Latin
    "Έ-ΊΎ-ΡΣ-ϵἠ-ὅ"  # Greek
    "Ϸ-ҁҊ-ԯ"  # Coptic, Cyrillic
    "Ա-Ֆՠ-ֈ"  # Armenian
    "א-ת"  # Hebrew
    "ؠ-ي٠-٩ٱ-ۓ۰-ۼ"  # Arabic
    "ऄ-ह०-९"  # Devanagari
    "অ-ঌও-নপ-রশ-হ০-৯"  # Bengali
    "ਅ-ਊਓ-ਨਪ-ਰ"  # Gurmukhi
    "અ-ઍઓ-નપ-રવ-હ"  # Gujarati
    "அ-ஊஎ-ஐஒ-கண-தந-பம-ஹ"  # Tamil
    "అ-ఌఎ-ఐఒ-నప-హ"  # Telugu
    "ಅ-ಌಎ-ಐಒ-ನಪ-ಳವ-ಹ"  # Kannada
    "അ-ഌഎ-ഐഒ-ഺ"  # Malayalam
    "ก-ะเ-ๆ๐-๙"  # Thai
    "ཉ-ཬ"  # Tibetan
    "က-ဪ"  # Burmese
    "ა-ჺ"  # Georgian
    "ሀ-ቈበ-ኈኘ-ኰዘ-ጐጘ-ፚ"  # Ethiopic
    "ក-ឳ"  # Khmer
    "ᠠ-ᡸ"  # Mongolian
    "ぁ-ゖァ-ヺㄅ-ㄯ㐀-㿿䀀-䶿一-鿿"  # Japanese, Chinese
    "ㄱ-ㆎ가-쿿퀀-힣"  # Korean
    "０-９Ａ-Ｚａ-ｚ"
)
"""Letters and digits, one of which each claim must hold; the parser counts all of these as such."""

LEAD_RANGES: Final = (
    r" !-%'-/:-;=-@\[-`{-~¡-©«-±´¶-¸»¿×÷"
    r"\u200B-\u2027\u2030-\u205E\u20A0-\u20BF\u2190-\u22FF、-〃〈-〠！-／：-＠［-｀｛-･"
)
"""What may stand before the first letter or digit of a claim: marks, and neither `<` nor `&`."""


def answer_grammar(names: Sequence[str], *, max_claims: int | None = None, max_chars: int | None = None) -> str:
    """The grammar of an answer that cites none but these snippets.

    An answer may also cite nothing. With both bounds it ends, whatever a model prefers: a claim has at most two pieces
    of `max_chars`, and so many the prose before and behind it, and some marks.

    Args:
        names: what the prompt calls the snippets; none for an answer without claims.
        max_claims: most claims of the answer.
        max_chars: longest piece of text without `<` and line end, in code points. xgrammar prepares such a bound
            for some seconds, once.

    Raises:
        AnswerError: if no tag can carry a name.
        InputError: if a bound is not positive, or `max_claims` exceeds MOST_CLAIMS.

    >>> print(answer_grammar(["S1", "S2"]).splitlines()[1])
    name ::= "S1" | "S2"
    """
    for name in names:
        if not _ID.fullmatch(name):
            raise AnswerError(f"id {name!r} cannot stand in a tag; use letters, digits, _ and -, at most 64")
    if max_claims is not None and not 1 <= max_claims <= MOST_CLAIMS:
        raise InputError(f"max_claims is {max_claims}; use 1 to {MOST_CLAIMS}, or None for any number")
    if max_chars is not None and max_chars < 1:
        raise InputError(f"max_chars is {max_chars}; use 1 or more, or None for any number")
    rules = [_root(bool(names), max_claims, bounded=max_chars is not None)]
    if names:
        rules += [f"name ::= {_alternatives(dict.fromkeys(names))}", *_claim_rules(max_chars)]
    return "\n".join([*rules, *_text_rules(max_chars)]) + "\n"


def choice_grammar(words: Sequence[str]) -> str:
    """The grammar of a reply that is one of `words` and nothing else.

    Raises:
        InputError: if there is no word, or one is empty or holds a control character.

    >>> choice_grammar(["yes", "no"])
    'root ::= "yes" | "no"\\n'
    """
    if not words:
        raise InputError("a choice of no words; give at least one")
    for word in words:
        if not word or any(character < " " or "\x7f" <= character < "\xa0" for character in word):
            raise InputError(f"{word!r} cannot be chosen; give words of at least one character, without control codes")
    return f"root ::= {_alternatives(words)}\n"


def _root(with_claims: bool, max_claims: int | None, *, bounded: bool) -> str:
    """An answer holds something: a line, or a claim."""
    prose = "less? (turn (line | less))?" if bounded else "less* (turn (line | less) less*)*"
    body = f"(line | less) {prose}"
    if with_claims:
        claim = f"claim text? {prose}"
        more = f"(turn? {claim})"
        behind_line = f"{more}{_times(0, max_claims)}"
        behind_claim = "" if max_claims == 1 else f" {more}{_times(0, max_claims and max_claims - 1)}"
        body = f"({body} {behind_line} | {claim}{behind_claim})"
    return f'root ::= "<answer>" turn? {body} turn? "</answer>"'


def _text_rules(max_chars: int | None) -> list[str]:
    """`line` is text that begins a line, and no code fence; `less` is a `<` that starts no tag, and text behind it."""
    any_text = _class(without="<")
    up_to = _times(0, max_chars)
    indent = _times(0, max_chars and _MOST_MARKS)
    first = _class(without="<" + BLANKS + MARKS)
    return [
        r'turn ::= "\n" "\n"?',
        f'line ::= {_listed(BLANKS)}{indent} ("`" "`"? | "~" "~"?)? {first} {any_text}{up_to}',
        f"text ::= {any_text}{_times(1, max_chars)}",
        f'less ::= "<" {_class(without=NOT_BEHIND_LESS)} {any_text}{up_to}',
    ]


def _claim_rules(max_chars: int | None) -> list[str]:
    """Before its first word a claim holds no `&` but that of an entity, whose letters are none of the text."""
    marks = f"[{LEAD_RANGES}]{_times(0, max_chars and _MOST_MARKS)}"
    behind_text, among_marks = ("less*", "*") if max_chars is None else ("less?", "?")
    return [
        f'claim ::= "<snippet id=" name ("," name){{0,{MAX_NAMES - 1}}} ">" lead word '
        f'{_class(without="<")}{_times(0, max_chars)} {behind_text} "</snippet>"',
        f'lead ::= {marks} (("<" [ =0-9] | "&" ("amp" | "lt" | "gt") ";") {marks}){among_marks}',
        f"word ::= [{WORD_RANGES}]",
    ]


def _times(least: int, most: int | None) -> str:
    if most is None:
        return "+" if least else "*"
    return f"{{{least},{most}}}"


def _alternatives(words: Iterable[str]) -> str:
    return " | ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words)


def _class(without: str) -> str:
    """The character class of all text but the characters `without`."""
    gaps = sorted(map(ord, without))
    parts = list[str]()
    for first, last in _TEXT:
        for gap in (gap for gap in gaps if first <= gap <= last):
            parts.append(_range(first, gap - 1))
            first = gap + 1
        parts.append(_range(first, last))
    return f"[{''.join(parts)}]"


def _listed(characters: str) -> str:
    return f"[{''.join(_written(ord(character)) for character in characters)}]"


def _range(first: int, last: int) -> str:
    if first > last:
        return ""
    block = last & ~0xFFF
    if 0x1000 <= block <= 0xFFFF and first < block:
        return _range(first, block - 1) + _range(block, last)
    return _written(first) if first == last else f"{_written(first)}-{_written(last)}"


def _written(code: int) -> str:
    """A character in a class, as all engines read it."""
    character = chr(code)
    if character in "[]\\":
        return f"\\{character}"
    if character == "\t":
        return "\\t"
    if 0x1000 <= code <= 0xFFFF:
        return f"\\u{code:04X}"
    return "\\xA0" if code == 0xA0 else character

"""Puts texts that nobody has checked into a prompt, between marks that they cannot contain.

In: labelled texts; a template with `{{name}}` places. Out: text for a prompt. The code in the marks is made of the
texts themselves and stands in none of them. Templates are filled in one pass, so that a text which looks like a place
stays a text. Not here: what the prompt says (prompt.py).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final

_PLACE: Final = re.compile(r"\{\{(\w+)\}\}")


def fenced(texts: Sequence[tuple[str, str]]) -> str:
    """Labelled texts, each between marks with a code that stands in no text."""
    code = _code([text for _, text in texts])
    return "\n\n".join(f"[{code}] BEGIN {label}\n{text}\n[{code}] END {label}" for label, text in texts)


def _code(texts: Sequence[str]) -> str:
    """The same for the same texts, so that calls can be told to be equal; nobody who writes one text can know it."""
    whole = hashlib.sha256("\0".join(texts).encode(errors="surrogatepass"))
    codes = (hashlib.sha256(whole.digest() + number.to_bytes(8)).hexdigest()[:12] for number in count())
    return next(code for code in codes if not any(code in text for text in texts))


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with its places filled; a place in a value is no place. Raises KeyError for one without value."""
    return _PLACE.sub(lambda place: values[place[1]], template)

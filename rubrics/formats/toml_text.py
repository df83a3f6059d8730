"""TOML that somebody else wrote, within bounds; and TOML of ours.

In: bytes, or tables. Out: tables, or text. Not here: what the tables mean (toml_form.py).
"""

import re
import tomllib
from typing import Final

import tomli_w

from citerefine.rubrics import rubric
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats.strict_json import decoded
from citerefine.rubrics.formats.values import MAX_DEPTH, Object

MOST_PARTS: Final = rubric.MAX_DEPTH
"""Most parts of a key: `[[positive.criteria.criteria]]` has three, and takes a tree three levels deep."""
# tomllib needs time with the square of the parts of a key.
_LONG_KEY: Final = re.compile(rf"""(?:\.[ \t]*+(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+){{{MOST_PARTS}}}""")


def parse_toml(data: bytes) -> Object:
    """The tables. Raises RubricError if it is no UTF-8, no TOML or nested too deep."""
    text = decoded(data)
    if _LONG_KEY.search(text):
        raise RubricError(f"has a key of more than {MOST_PARTS} parts with dots between; no rubric has")
    try:
        tables: Object = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RubricError(f"is no TOML: {error}; quote texts, and write `key = value`") from None
    except RecursionError:  # tomllib goes down by recursion into lists and inline tables
        raise RubricError(f"is nested deeper than {MAX_DEPTH} levels; no rubric is") from None
    except ValueError:  # a whole number of more digits than Python converts
        raise RubricError("holds a number of too many digits; no rubric needs one") from None
    return tables


def toml_text(tables: Object) -> str:
    """The text of tables."""
    return tomli_w.dumps(tables)

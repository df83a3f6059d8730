"""Which format a document is of, by its keys.

In: a native document. Out: the name of the one format that recognises it, or RubricError with the nearest. Not here:
reading it (the format modules).
"""

from pydantic import JsonValue

from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats import FORMATS
from citerefine.rubrics.formats.format import Format
from citerefine.rubrics.formats.values import near, shown


def recognise(native: JsonValue) -> Format:
    """The format of a document. Raises RubricError if none recognises it, or several do."""
    found = [format for format in FORMATS.values() if format.recognises(native)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"`{format.name}`" for format in found)
        raise RubricError(f"the document could be of several formats: {names}; say which is meant")
    if not isinstance(native, dict | list) or not native:
        raise RubricError(f"the document is {shown(native)}; a rubric is an object or a list with something in it")
    raise RubricError(f"the document is of no known format{_seen(native)}")


def format_named(name: str) -> Format:
    """The format of a name. Raises RubricError if there is none."""
    if name not in FORMATS:
        known = ", ".join(sorted(FORMATS))
        raise RubricError(f"there is no format {shown(name)}{near(name, FORMATS)}; there are {known}")
    return FORMATS[name]


def _seen(native: JsonValue) -> str:
    """The keys that it has, the formats that have most of them, and keys that may be misspelt."""
    keys = _keys(native)
    shares = {name: len(keys & format.known_keys) for name, format in FORMATS.items()}
    best = sorted((name for name, n in shares.items() if n), key=lambda name: -shares[name])[:3]
    seen = f" (its keys: {', '.join(sorted(keys)[:8])})" if keys else ""
    nearest = f"; nearest are {', '.join(f'`{name}`' for name in best)}" if best else ""
    known = {key for format in FORMATS.values() for key in format.known_keys}
    misspelt = next((f" (for `{key}`: {hint[2:]})" for key in sorted(keys - known) if (hint := near(key, known))), "")
    return f"{seen}{nearest}{misspelt}"


def _keys(native: JsonValue) -> set[str]:
    """The keys of the document, and of the first object in each of its lists."""
    documents = [entry for entry in (native, *_items(native)[:1]) if isinstance(entry, dict)]
    inner = [item for document in documents for value in document.values() for item in _items(value)[:1]]
    return {str(key)[:40] for entry in (*documents, *inner) if isinstance(entry, dict) for key in entry}


def _items(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []

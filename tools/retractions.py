"""How a hit says that its work was retracted: its title begins with `RETRACTED: `, as publishers themselves put it.

In: titles, and what a service says of a work. Out: titles. Not here: notices of a retraction, which are no retracted
works themselves.
"""

import re
from collections.abc import Iterable
from typing import Final

_MARK: Final = "RETRACTED: "
_MARKED: Final = re.compile(r"\W*(?:retracted(?:\s+(?:article|paper|chapter))?|withdrawn)\s*[:\])—–-]\W*", re.I)


def marked(title: str | None, is_retracted: bool = True) -> str | None:
    """The title of a work, which says so if the work was retracted.

    >>> marked("Perch in lakes", is_retracted=True)
    'RETRACTED: Perch in lakes'
    """
    if not is_retracted or is_marked(title):
        return title
    return f"{_MARK}{title or 'a work without a title'}"


def is_marked(title: str | None) -> bool:
    """Whether a title says that its work was retracted.

    >>> [is_marked(title) for title in ("[Retracted] Perch", "RETRACTED ARTICLE: Perch", "Retracted works")]
    [True, True, False]
    """
    return _MARKED.match(title or "") is not None


def unmarked(title: str) -> str:
    """The title without that."""
    return _MARKED.sub("", title, count=1) if is_marked(title) else title


def warned(titles: Iterable[str | None]) -> list[str]:
    """A warning of hits of retracted works, if there are any; each work counts once."""
    found = [*dict.fromkeys(title for title in titles if title and is_marked(title))]
    if not found:
        return []
    what = "1 hit is of a retracted work" if len(found) == 1 else f"{len(found)} hits are of retracted works"
    return [f"{what}: {'; '.join(map(unmarked, found))}"]

"""Answers as files to save.

In: an `Answer`. Out: its text in a form, with a name that is safe on every system. Not here: rendering
(refiner/report/).
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final, NamedTuple

from starlette.responses import Response

from citerefine.refiner.answer import Answer

_SLUG: Final = 40
"""Characters of the question in a file's name."""


class Form(NamedTuple):
    """A form in which an answer can be saved."""

    name: str
    media_type: str
    render: Callable[[Answer], str]


FORMS: Final = {
    "md": Form("Markdown", "text/markdown; charset=utf-8", Answer.to_markdown),
    "html": Form("HTML", "text/html; charset=utf-8", Answer.to_html),
    "json": Form("JSON", "application/json", Answer.to_json),
}
"""Ending of the file's name → its form."""


def export(answer: Answer, id: str, ending: str) -> Response:
    """The answer as a file that a browser saves."""
    form = FORMS[ending]
    name = f'attachment; filename="{_slug(answer.question)}-{id}.{ending}"'
    headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
    return Response(form.render(answer), media_type=form.media_type, headers=headers)


def _slug(question: str) -> str:
    """Letters and digits of the question; `answer` where it has none that every system knows."""
    plain = unicodedata.normalize("NFKD", question).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall("[a-z0-9]+", plain))[:_SLUG].strip("-") or "answer"

"""Forms of the page, as browsers send them.

In: a request whose body the guard has bounded. Out: its fields. Not here: what they mean.
"""

from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request

from citerefine.app.serving.errors import ApiError

_MOST_FIELDS: Final = 5_000


async def read_form(request: Request) -> dict[str, list[str]]:
    """The values of each field. Raises ApiError if the body is no form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise ApiError(415, "no_form", "the page's forms are sent as application/x-www-form-urlencoded")
    try:
        return parse_qs((await request.body()).decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:  # UnicodeDecodeError too
        raise ApiError(400, "bad_form", f"the form cannot be read: {error}") from None


def only(form: dict[str, list[str]], name: str) -> str:
    """The value of a field; empty if it was not sent."""
    return form.get(name, [""])[0]

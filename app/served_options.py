"""The options that commands which serve have in common, and the settings that they come to.

In: arguments of `citerefine serve` and `citerefine mcp`. Out: `Sources`; values of `ServeSettings`. Not here: options
of answering itself (answer_commands.py), what only one of the two takes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from citerefine.app.answer_commands import DEFAULTS
from citerefine.refiner.settings import OnInvalid

if TYPE_CHECKING:
    from citerefine.app.searching import Sources

Planner = Annotated[
    str | None, typer.Option(envvar="CITEREFINE_PLANNER", help="The model that chooses what to search for.")
]
Host = Annotated[
    str, typer.Option(envvar="CITEREFINE_HOST", help="Address to listen at; any but this machine's needs a token.")
]
Names = Annotated[
    list[str] | None,
    typer.Option("--name", envvar="CITEREFINE_NAME", help="A further name under which the server is asked."),
]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="CITEREFINE_TOKEN",
        show_default=False,
        help="What callers must send as `Authorization: Bearer TOKEN`. Better set by the variable.",
    ),
]
MaxSearches = Annotated[
    int, typer.Option(envvar="CITEREFINE_MAX_SEARCHES", min=0, max=1000, help="Most searches of an answer.")
]
MaxSeconds = Annotated[
    float, typer.Option(envvar="CITEREFINE_MAX_SECONDS", min=1, help="Longest time for one answer.")
]
Concurrency = Annotated[
    int, typer.Option(envvar="CITEREFINE_CONCURRENCY", min=1, max=1024, help="What is worked on at once.")
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Ask sources anew each time.")]
ReadPages = Annotated[
    int, typer.Option(envvar="CITEREFINE_READ_PAGES", min=0, max=20, help="Web pages to read behind hits.")
]


def served_sources(specs: Sequence[str] | None, filters: Sequence[str] | None, no_cache: bool, pages: int) -> "Sources":
    """What is searched beside corpora. Raises InputError for a filter that is none."""
    from citerefine.app.searching import Sources
    from citerefine.tools.filters import read_filters

    return Sources(tuple(specs or ()), read_filters(filters or []), cached=not no_cache, pages=pages)


def answer_settings(
    model: str,
    planner: str | None,
    limit: int,
    max_searches: int,
    max_seconds: float,
    on_invalid: OnInvalid,
    concurrency: int,
) -> dict[str, Any]:
    """How answers are written."""
    return {
        "model": model,
        "planner": planner,
        "snippets_per_search": limit,
        "max_searches": max_searches,
        "max_seconds": max_seconds,
        "refiner": DEFAULTS.model_copy(update={"on_invalid": on_invalid, "deadline": max_seconds}),
        "at_once": concurrency,
    }


def address_settings(host: str, port: int | None, names: Sequence[str] | None, token: str | None) -> dict[str, Any]:
    """Where it listens, and for whom."""
    return {"host": host, "port": port, "hosts": tuple(names or ()), "token": token or None}

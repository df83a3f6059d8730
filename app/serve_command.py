"""The command that serves, and its options: `citerefine serve`.

In: arguments, `CITEREFINE_*` variables (arguments win). Out: a server that runs until it is told to stop. Not here:
serving (serving/), what is searched (searching.py).
"""

from pathlib import Path
from typing import Annotated

import typer

from citerefine.app.answer_commands import CorpusPaths, FilterTexts, Limit, Model, Policy, SourceNames
from citerefine.app.served_options import (
    Concurrency,
    Host,
    MaxSearches,
    MaxSeconds,
    Names,
    NoCache,
    Planner,
    ReadPages,
    Token,
    address_settings,
    answer_settings,
    served_sources,
)
from citerefine.refiner.errors import InputError
from citerefine.refiner.settings import OnInvalid

MISSING = "citerefine serve needs the extra `serve`; install it with: pip install 'citerefine[serve]'"


def serve(
    corpus: CorpusPaths = None,
    source: SourceNames = None,
    filter: FilterTexts = None,
    model: Model = "extractive",
    planner: Planner = None,
    host: Host = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", "-p", envvar="CITEREFINE_PORT", min=0, max=65_535, help="0 takes any free one.")
    ] = 8008,
    name: Names = None,
    token: Token = None,
    limit: Limit = 10,
    max_searches: MaxSearches = 4,
    max_seconds: MaxSeconds = 300.0,
    on_invalid: Policy = OnInvalid.REPAIR,
    concurrency: Concurrency = 8,
    queue: Annotated[
        int, typer.Option(envvar="CITEREFINE_QUEUE", min=0, help="Requests that may wait for a place.")
    ] = 64,
    history: Annotated[
        Path | None,
        typer.Option(
            envvar="CITEREFINE_HISTORY", help="File of answers for the page.  [default: in the user's data folder]"
        ),
    ] = None,
    no_history: Annotated[
        bool, typer.Option("--no-history", envvar="CITEREFINE_NO_HISTORY", help="Keep no answers once the server ends.")
    ] = False,
    no_cache: NoCache = False,
    read_pages: ReadPages = 0,
) -> None:
    """Serve cited answers: to OpenAI clients, to programs, and on a web page.

    The models `refiner` (answers from the evidence of a request) and `research` (searches first) are asked at /v1; the
    page is at the address itself. Ctrl-C finishes what is under way.

    Example: `citerefine serve --corpus papers/ --model openai:Qwen/Qwen3-4B@http://localhost:8000/v1`

    Example: `CITEREFINE_TOKEN=… citerefine serve --source europepmc --host 0.0.0.0 --name answers.example.org`
    """
    try:
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise InputError(MISSING) from error
    from citerefine.app.serve import run_serve

    settings = answer_settings(model, planner, limit, max_searches, max_seconds, on_invalid, concurrency)
    settings |= address_settings(host, port, name, token) | {"waiting": queue}
    sources = served_sources(source, filter, no_cache, read_pages)
    run_serve(corpus or [], sources, settings, history, keeps=not no_history)

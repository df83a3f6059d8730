"""The command that serves, and its options: `citerefine serve`.

In: arguments, `CITEREFINE_*` variables (arguments win). Out: a server that runs until it is told to stop. Not here:
serving (serving/), what is searched (searching.py).
"""

from pathlib import Path
from typing import Annotated

import typer

from citerefine.app.answer_commands import DEFAULTS, CorpusPaths, FilterTexts, Limit, Model, Policy, SourceNames
from citerefine.refiner.errors import InputError
from citerefine.refiner.settings import OnInvalid

MISSING = "citerefine serve needs the extra `serve`; install it with: pip install 'citerefine[serve]'"


def serve(
    corpus: CorpusPaths = None,
    source: SourceNames = None,
    filter: FilterTexts = None,
    model: Model = "extractive",
    planner: Annotated[
        str | None, typer.Option(envvar="CITEREFINE_PLANNER", help="The model that chooses what to search for.")
    ] = None,
    host: Annotated[
        str, typer.Option(envvar="CITEREFINE_HOST", help="Address to listen at; any but this machine's needs a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", "-p", envvar="CITEREFINE_PORT", min=0, max=65_535, help="0 takes any free one.")
    ] = 8008,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", envvar="CITEREFINE_NAME", help="A further name under which the server is asked."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="CITEREFINE_TOKEN", help="What callers must send as their key. Better set by the variable.",
            show_default=False,
        ),
    ] = None,
    limit: Limit = 10,
    max_searches: Annotated[
        int, typer.Option(envvar="CITEREFINE_MAX_SEARCHES", min=0, max=1000, help="Most searches of an answer.")
    ] = 4,
    max_seconds: Annotated[
        float, typer.Option(envvar="CITEREFINE_MAX_SECONDS", min=1, help="Longest time for one answer.")
    ] = 300.0,
    on_invalid: Policy = OnInvalid.REPAIR,
    concurrency: Annotated[
        int, typer.Option(envvar="CITEREFINE_CONCURRENCY", min=1, max=1024, help="Answers that are worked on at once.")
    ] = 8,
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
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Ask sources anew each time.")] = False,
    read_pages: Annotated[
        int, typer.Option(envvar="CITEREFINE_READ_PAGES", min=0, max=20, help="Web pages to read behind hits.")
    ] = 0,
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
    from citerefine.app.searching import Sources
    from citerefine.app.serve import run_serve
    from citerefine.tools.filters import read_filters

    sources = Sources(tuple(source or ()), read_filters(filter or []), cached=not no_cache, pages=read_pages)
    settings = {
        "model": model,
        "planner": planner,
        "host": host,
        "port": port,
        "hosts": tuple(name or ()),
        "token": token or None,
        "snippets_per_search": limit,
        "max_searches": max_searches,
        "max_seconds": max_seconds,
        "refiner": DEFAULTS.model_copy(update={"on_invalid": on_invalid, "deadline": max_seconds}),
        "at_once": concurrency,
        "waiting": queue,
    }
    run_serve(corpus or [], sources, settings, history, keeps=not no_history)

"""The command that serves assistants by the Model Context Protocol, and its options: `citerefine mcp`.

In: arguments, `CITEREFINE_*` variables (arguments win). Out: a server over standard input and output, or over HTTP.
Not here: serving (mcp_server.py), what is searched (searching.py).
"""

from typing import Annotated

import typer

from citerefine.app.answer_commands import DEFAULTS, CorpusPaths, FilterTexts, Limit, Model, Policy, SourceNames
from citerefine.refiner.errors import InputError
from citerefine.refiner.settings import OnInvalid

MISSING = "citerefine mcp needs the extra `mcp`; install it with: pip install 'citerefine[mcp]'"


def mcp(
    corpus: CorpusPaths = None,
    source: SourceNames = None,
    filter: FilterTexts = None,
    model: Model = "extractive",
    planner: Annotated[
        str | None, typer.Option(envvar="CITEREFINE_PLANNER", help="The model that chooses what to search for.")
    ] = None,
    http: Annotated[
        int | None,
        typer.Option(
            min=0, max=65_535, metavar="PORT", show_default=False,
            help="Listen there instead of speaking over standard input and output; 0 takes any free port.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(envvar="CITEREFINE_HOST", help="With --http: address; any but this machine's needs a token.")
    ] = "127.0.0.1",
    name: Annotated[
        list[str] | None,
        typer.Option("--name", envvar="CITEREFINE_NAME", help="With --http: a further name under which it is asked."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="CITEREFINE_TOKEN", show_default=False,
            help="With --http: what callers must send as `Authorization: Bearer TOKEN`. Better set by the variable.",
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
        int, typer.Option(envvar="CITEREFINE_CONCURRENCY", min=1, max=1024, help="Calls that are worked on at once.")
    ] = 8,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Ask sources anew each time.")] = False,
    read_pages: Annotated[
        int, typer.Option(envvar="CITEREFINE_READ_PAGES", min=0, max=20, help="Web pages to read behind hits.")
    ] = 0,
) -> None:  # fmt: skip
    """Serve assistants by MCP: the tools search, refine, check and ask.

    An assistant starts it and speaks over its streams; it ends with them. With --http it listens at /mcp instead.

    Example: `citerefine mcp --corpus papers/ --source europepmc`

    Example: `citerefine mcp --http 8010 --model openai:Qwen/Qwen3-4B@http://localhost:8000/v1`
    """
    try:
        import mcp.server.mcpserver  # noqa: F401
    except ImportError as error:
        raise InputError(MISSING) from error
    from citerefine.app.mcp_server import run_mcp
    from citerefine.app.searching import Sources
    from citerefine.tools.filters import read_filters

    sources = Sources(tuple(source or ()), read_filters(filter or []), cached=not no_cache, pages=read_pages)
    settings = {
        "model": model,
        "planner": planner,
        "snippets_per_search": limit,
        "max_searches": max_searches,
        "max_seconds": max_seconds,
        "refiner": DEFAULTS.model_copy(update={"on_invalid": on_invalid, "deadline": max_seconds}),
        "at_once": concurrency,
    }
    address = {"host": host, "port": http, "hosts": tuple(name or ()), "token": token or None}
    run_mcp(corpus or [], sources, settings if http is None else settings | address, http=http is not None)

"""The command that serves assistants by the Model Context Protocol, and its options: `citerefine mcp`.

In: arguments, `CITEREFINE_*` variables (arguments win). Out: a server over standard input and output, or over HTTP.
Not here: serving (mcp_server.py), what is searched (searching.py).
"""

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

MISSING = "citerefine mcp needs the extra `mcp`; install it with: pip install 'citerefine[mcp]'"


def mcp(
    corpus: CorpusPaths = None,
    source: SourceNames = None,
    filter: FilterTexts = None,
    model: Model = "extractive",
    planner: Planner = None,
    http: Annotated[
        int | None,
        typer.Option(
            min=0, max=65_535, metavar="PORT", show_default=False,
            help="Listen there instead of speaking over standard input and output; 0 takes any free port.",
        ),
    ] = None,
    host: Host = "127.0.0.1",
    name: Names = None,
    token: Token = None,
    limit: Limit = 10,
    max_searches: MaxSearches = 4,
    max_seconds: MaxSeconds = 300.0,
    on_invalid: Policy = OnInvalid.REPAIR,
    concurrency: Concurrency = 8,
    no_cache: NoCache = False,
    read_pages: ReadPages = 0,
) -> None:  # fmt: skip
    """Serve assistants by MCP: the tools search, refine, check and ask.

    An assistant starts it and speaks over its streams; it ends with them. With --http it listens at /mcp instead;
    --host, --name and --token are for that alone.

    Example: `citerefine mcp --corpus papers/ --source europepmc`

    Example: `citerefine mcp --http 8010 --model openai:Qwen/Qwen3-4B@http://localhost:8000/v1`
    """
    try:
        import mcp.server.mcpserver  # noqa: F401
    except ImportError as error:
        raise InputError(MISSING) from error
    from citerefine.app.mcp_server import run_mcp

    settings = answer_settings(model, planner, limit, max_searches, max_seconds, on_invalid, concurrency)
    if http is not None:
        settings |= address_settings(host, http, name, token)
    run_mcp(corpus or [], served_sources(source, filter, no_cache, read_pages), settings, http=http is not None)

"""Token counts from the server's own tokenizer.

In: a connection, what the server is, texts. Out: exact counts, or None where the server has no tokenizer to ask. Not
here: what to do then (token_estimate.py).
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from citerefine.refiner.chat.capabilities import Server
from citerefine.refiner.chat.connection import Connection
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.failures import Failure
from citerefine.refiner.chat.strict_json import parse_json


async def count_tokens(
    connection: Connection, endpoint: Endpoint, server: Server, texts: Sequence[str]
) -> list[int] | None:
    """How many tokens each text has; None if the server cannot say. Raises Failure where asking went wrong."""
    if server.kind == "other":
        return None
    counts = await asyncio.gather(*(_count(connection, endpoint, server, text) for text in texts))
    known = [count for count in counts if count is not None]
    return known if len(known) == len(counts) else None


async def _count(connection: Connection, endpoint: Endpoint, server: Server, text: str) -> int | None:
    body: dict[str, Any] = (
        {"model": endpoint.model, "prompt": text, "add_special_tokens": False}
        if server.kind == "vllm"
        else {"content": text}
    )
    try:
        value = parse_json(await connection.post(f"{endpoint.root_url}/tokenize", body))
    except ValueError:
        return None
    except Failure as failure:
        if failure.code in ("no_such_model", "bad_request"):
            return None
        raise
    tokens = value.get("tokens") if isinstance(value, dict) else None
    return len(tokens) if isinstance(tokens, list) else None

"""The keyless services themselves: whether they still answer as documented. `make test-live` runs it."""

import asyncio
import os
import socket
from urllib.parse import urlsplit

import pytest

from citerefine.refiner.protocols import Outcome
from citerefine.tools.filters import make_filters
from citerefine.tools.sources.registry import open_source, source_kind
from citerefine.tools.web.client import WebClient

pytestmark = pytest.mark.skipif(
    not os.environ.get("CITEREFINE_LIVE"), reason="asks services of the web; run it with: make test-live"
)
SPECS = ["semanticscholar", "semanticscholar:papers", "europepmc", "europepmc:fulltext", "arxiv", "pubmed", "crossref",
         "wikipedia", "openalex"]  # fmt: skip


def is_reachable(spec: str) -> bool:
    host = urlsplit(str(source_kind(spec.partition(":")[0]).address)).hostname  # type: ignore[attr-defined]
    try:
        socket.create_connection((host, 443), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("spec", SPECS)
def test_a_keyless_source_finds_what_there_certainly_is(spec: str) -> None:
    if not is_reachable(spec):
        pytest.skip(f"no way to the host of {spec} from here")

    async def search() -> None:
        async with WebClient() as web:
            page = await open_source(spec, web, make_filters({"since": 2000})).search("vitamin D supplementation", 5)
        if page.outcome is Outcome.RATE_LIMITED:
            pytest.skip(f"{spec} takes no more requests for now: {page.warnings}")
        assert page.outcome is Outcome.OK, page.warnings
        for snippet in page.snippets:
            assert len(snippet.text) > 40
            assert snippet.title
            assert snippet.url
            assert snippet.url.startswith("https://")
            assert snippet.source
            assert snippet.retrieved_at is not None
        assert not any("could not be read" in warning for warning in page.warnings)

    asyncio.run(search())

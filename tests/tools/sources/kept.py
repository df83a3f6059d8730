"""What remains of a search when it is over, so that tests can look for secrets in it."""

import asyncio
from pathlib import Path

from pydantic import SecretStr
from tests.tools.service import Service
from tests.tools.sources.searching import KEY, QUICK

from citerefine.refiner.protocols import SearchPage
from citerefine.tools.sources.settings import SourceSettings
from citerefine.tools.sources.source import Source
from citerefine.tools.web.client import WebClient
from citerefine.tools.web.store import StoreMode, WebStore

PERSON = "ada.moe@example.org"


def kept_of_a_recorded_search(kind: type[Source], service: Service, folder: Path) -> tuple[SearchPage, bytes]:
    """The page of a search with KEY, and all that is left of it: that page, and the files of the recording."""
    settings = SourceSettings(base_url=service.base_url, key=SecretStr(KEY))

    async def run() -> SearchPage:
        with WebStore(folder / "replies.db", StoreMode.RECORD) as store:
            async with WebClient(store, QUICK) as web:
                return await kind(web, settings).search("perch", 5)

    page = asyncio.run(run())
    files = [path.read_bytes() for path in sorted(folder.iterdir())]
    assert any(files)
    return page, b"".join([page.model_dump_json().encode(), *files])

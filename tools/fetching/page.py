"""A page that was read, and the passages that it gives.

In: its text and where it comes from. Out: `Snippet`s. Their source is the address of the page, by which reports link to
the very words that an answer quotes. Not here: reading it (fetcher.py).
"""

from datetime import datetime
from typing import Final, NamedTuple

from citerefine.refiner.records import Snippet
from citerefine.tools.fetching.page_text import PageText
from citerefine.tools.passages import cut_passages

_STATED: Final = ("title", "authors", "year", "venue", "licence")
"""What a page may say of itself."""


class Page(NamedTuple):
    """A page of the web."""

    url: str
    """As it was asked for: what it redirects to may change."""
    text: PageText
    fetched_at: datetime
    cached: bool
    """Whether nobody was asked for it now."""

    def snippets(self, hit: Snippet | None = None) -> list[Snippet]:
        """Its passages, in order.

        Args:
            hit: what led to the page. It says which work it is, and what the page does not say of itself.
        """
        of_hit = {name: getattr(hit, name) for name in (*_STATED, "doi")} if hit is not None else {}
        of_page = {name: value for name in _STATED if (value := getattr(self.text, name))}
        fields = {**of_hit, **of_page, "url": self.url, "source": self.url, "retrieved_at": self.fetched_at}
        return [Snippet.model_validate({**passage._asdict(), **fields}) for passage in cut_passages(self.text.blocks)]

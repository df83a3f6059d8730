"""How much of the web is read, how long, and how often a host is asked.

In: numbers. Out: `PageLimits`. Not here: keeping to them.
"""

from pydantic import Field

from citerefine.refiner.records import Record


class PageLimits(Record):
    """Of one page, unless it says otherwise."""

    deadline: float = Field(default=20.0, gt=0, allow_inf_nan=False)
    """Seconds for a page with all its redirects and waits."""
    connecting: float = Field(default=5.0, gt=0, allow_inf_nan=False)
    """Seconds for a connection to one address."""
    extraction: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    """Seconds for making text of a page that has come."""
    redirects: int = Field(default=5, ge=0)
    wire_bytes: int = Field(default=20_000_000, ge=1)
    """Longest body, packed as it comes."""
    page_bytes: int = Field(default=20_000_000, ge=1)
    """Longest body, unpacked."""
    ratio: float = Field(default=100.0, ge=1, allow_inf_nan=False)
    """How many times longer a body of more than a megabyte may be unpacked than packed."""
    markup: int = Field(default=3_000_000, ge=1)
    """Code points of a web page as it is written; what lies behind is left out, with a warning."""
    markup_bytes: int = Field(default=500_000, ge=0)
    """Longest web page whose article is looked for; of a longer one all text is taken."""
    unpacked_bytes: int = Field(default=10_000_000, ge=1)
    """Longest part of a PDF, unpacked; a page that has a longer one is left out, with a warning."""
    characters: int = Field(default=400_000, ge=1)
    """Code points of a page's text; what lies behind is left out, with a warning."""
    robots_bytes: int = Field(default=512_000, ge=1)
    """Of a robots.txt no more is read."""
    per_second: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Pages asked of one host."""
    crawl_delay: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    """Seconds between two pages of a host that asks for as many or more."""

"""The browser and the window that page tests drive, for the page here."""

from tests.browsing import opened
from tests.refiner.report.test_html_browser import browser

__all__ = ["browser", "opened"]

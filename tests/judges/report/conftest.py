"""The browser that the page tests of the refiner drive, for the pages here."""

from tests.refiner.report.test_html_browser import browser

__all__ = ["browser"]

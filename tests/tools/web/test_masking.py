"""What must not be shown is not shown, in whatever form somebody repeats it."""

import json
import logging
from urllib.parse import quote, quote_plus

import pytest

from citerefine.tools.web.failures import clean
from citerefine.tools.web.masking import keep_queries_out_of_logs, masked, masked_body

KEY = 'ab+cd/ef "é"=='
FORMS = [
    KEY,
    quote(KEY),
    quote(KEY, safe=""),
    quote_plus(KEY),
    "ab%2bcd%2fef+%22%c3%a9%22%3d%3d",
    json.dumps(KEY)[1:-1],
    json.dumps(KEY)[1:-1].replace("/", r"\/"),
    json.dumps(KEY, ensure_ascii=False)[1:-1],
]


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_found_as_it_stands_in_addresses_and_in_json(form: str) -> None:
    assert masked(f"at ?key={form}&q=1", [KEY]) == "at ?key=[key]&q=1"
    assert clean(f"at ?key={form}&q=1", [KEY]) == "at ?key=[key]&q=1"
    assert masked_body(f'{{"self": "{form}"}}'.encode(), [KEY]) == b'{"self": "[key]"}'


def test_of_two_secrets_of_which_one_holds_the_other_nothing_is_left() -> None:
    assert masked("x Bearer tok-123456 y", ["tok-123456", "Bearer tok-123456"]) == "x [key] y"


def test_what_is_too_short_for_a_key_is_not_looked_for_in_bodies_and_nothing_is_no_secret() -> None:
    assert masked_body(b'{"key": 1}', ["key", ""]) == b'{"key": 1}'
    assert masked("a key", ["key", ""]) == "a [key]"


@pytest.mark.parametrize("name", ["httpx2", "httpcore2.http11"])
def test_the_http_library_logs_addresses_without_their_queries(name: str, caplog: pytest.LogCaptureFixture) -> None:
    keep_queries_out_of_logs()
    with caplog.at_level(logging.DEBUG, name):
        logging.getLogger(name).info('asked: %s "%s"', "http://lake/search?q=perch&api_key=secret", "200 OK")
        logging.getLogger(name).info("asked: %d %%", 7)
    assert caplog.messages == ['asked: http://lake/search?… "200 OK"', "asked: 7 %"]

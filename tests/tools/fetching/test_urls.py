"""URLs of pages: one spelling, or none."""

import pytest

from citerefine.tools.fetching.addresses import Access
from citerefine.tools.fetching.urls import PageUrl, page_url
from citerefine.tools.web.failures import WebFailure

ANY = Access()


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("https://example.org", PageUrl("https", "example.org", 443, "/")),
        ("HTTP://EXAMPLE.org:80/A?b=C#part", PageUrl("http", "example.org", 80, "/A?b=C")),
        ("https://example.org./a", PageUrl("https", "example.org", 443, "/a")),
        ("http://bücher.example/ü", PageUrl("http", "xn--bcher-kva.example", 80, "/%C3%BC")),
        ("https://例え。example/", PageUrl("https", "xn--r8jz45g.example", 443, "/")),
        ("https://example.org/a%2Fb;c,d=e&f", PageUrl("https", "example.org", 443, "/a%2Fb;c,d=e&f")),
        ("http://8.8.8.8/", PageUrl("http", "8.8.8.8", 80, "/")),
        ("http://[2606:2800:220:1::1]/", PageUrl("http", "2606:2800:220:1::1", 80, "/")),
    ],
)
def test_a_url_is_taken_apart_in_one_spelling(text: str, read: PageUrl) -> None:
    assert page_url(text, ANY) == read


def test_a_url_is_written_as_it_is_asked_for() -> None:
    assert str(page_url("HTTPS://Example.org:443/a?b#c", ANY)) == "https://example.org/a?b"
    assert page_url("http://[2606:2800:220:1::1]/", ANY).netloc == "[2606:2800:220:1::1]"
    own = page_url("http://wiki.intern:8080/", Access(allow=("wiki.intern:8080",)))
    assert own.origin == "http://wiki.intern:8080"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ftp://example.org/", "only http and https"),
        ("javascript:alert(1)", "only http and https"),
        ("example.org/a", "only http and https"),
        ("//example.org/a", "only http and https"),
        ("http://user@example.org/", "user name or a password"),
        ("http://user:word@example.org/", "user name or a password"),
        ("http://example.org:22/", "the port 22 is not among 80, 443"),
        ("http://example.org:0/", "the port 0 is not among"),
        ("http://example.org:99999/", "the port 99999 is not among"),
        ("http://example.org:port/", "it is no URL"),
        ("http://exa mple.org/", "white space"),
        ("http://example.org/a\tb", "white space"),
        ("http://example.org\n/", "white space"),
        ("http://example.org\\@evil.example/", "backslashes"),
        ("http://exa%6dple.org/", "is no name of a host"),
        ("http://a..b/", "is no name of a host"),
        ("http:///a", "is no name of a host"),
        ("http://-a.example/", "is no name of a host"),
        (f"http://{'a' * 64}.example/", "is no name of a host"),
        ("http://[2606::1%25eth0]/", "network interface"),
        ("http://" + "a" * 3_000, "longer than 2,048"),
    ],
)
def test_what_may_be_read_in_two_ways_is_not_read(text: str, why: str) -> None:
    with pytest.raises(WebFailure, match=why) as raised:
        page_url(text, ANY)
    assert raised.value.code == "refused_address"
    assert not raised.value.retryable


def test_redirects_are_relative_to_where_they_stand() -> None:
    place = page_url("https://example.org/a/b?c", ANY)
    assert str(place.leading_to("d", ANY)) == "https://example.org/a/d"
    assert str(place.leading_to("/d?e", ANY)) == "https://example.org/d?e"
    assert str(place.leading_to("//other.example/d", ANY)) == "https://other.example/d"
    assert str(page_url("http://example.org/", ANY).leading_to("https://example.org/", ANY)) == "https://example.org/"


@pytest.mark.parametrize(
    "location",
    [
        "http://example.org/", "file:///etc/passwd", "//user@example.org/", "//127.0.0.1/", "https://[::1]/",
        "/\\evil.example", "\thttp://127.0.0.1/", "https://example.org:8443/", "https://[",
    ],
)  # fmt: skip
def test_redirects_are_checked_like_the_first_url_and_keep_encryption(location: str) -> None:
    with pytest.raises(WebFailure) as raised:
        page_url("https://example.org/a", ANY).leading_to(location, ANY)
    assert raised.value.code == "refused_address"

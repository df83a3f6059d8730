"""robots.txt: what hosts say of programs is kept to."""

import time
import tracemalloc

import pytest
from tests.faulty_server import Behaviour, raw
from tests.tools.fetching.fetching import QUICK, fetch, fetch_all, paths_of, plain, site

from citerefine.tools.fetching.addresses import Access
from citerefine.tools.fetching.robots import read_robots, robots_without
from citerefine.tools.fetching.urls import page_url
from citerefine.tools.web.failures import WebFailure


def text(robots: str) -> Behaviour:
    return raw(robots.encode(), headers={"Content-Type": "text/plain"})


def allows(robots: str, path: str = "/a") -> bool:
    try:
        read_robots(robots.encode()).check(page_url(f"https://example.org{path}", Access()))
    except WebFailure as failure:
        return failure.code != "robots"
    return True


@pytest.mark.parametrize(
    ("robots", "path", "allowed"),
    [
        ("", "/a", True),
        ("User-agent: *\nDisallow:", "/a", True),
        ("User-agent: *\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow: /private", "/a", True),
        ("User-agent: *\nDisallow: /private", "/private/a", False),
        ("User-agent: *\nDisallow: /\nAllow: /open", "/open/a", True),
        ("User-agent: *\nDisallow: /*.pdf$", "/a.pdf", False),
        ("User-agent: *\nDisallow: /*?print=", "/a?print=1", False),
        ("User-agent: googlebot\nDisallow: /", "/a", True),
        ("User-agent: citerefine\nDisallow: /", "/a", False),
        ("User-Agent: CiteRefine # they\nDisallow: /", "/a", False),
        ("User-agent: googlebot\nUser-agent: citerefine\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: citerefine\nAllow: /", "/a", True),
        ("User-agent: citerefine\nDisallow:\n\nUser-agent: *\nDisallow: /", "/a", True),
        ("User-agent: citerefine\nUser-agent: googlebot\nDisallow: /", "/a", False),
        ("User-agent: googlebot\n\nUser-agent: *\n# all\nDisallow: /", "/a", False),
        ("User-agent: *\nSitemap: https://a/\nUser-agent: googlebot\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow: /b\nUser-agent: googlebot\nDisallow: /", "/a", True),
        ("User-agent: *\nCrawl-delay: 1\nUser-agent: googlebot\nDisallow: /", "/a", True),
        ("\ufeffUser-agent: *\nDisallow: /", "/a", False),
        ("user-agent: *\r\ndisallow: /\r\n", "/a", False),
        ("<html><body>Not found</body></html>", "/a", True),
        ("Disallow: /", "/a", True),
        ("\x00\xff\x00", "/a", True),
    ],
)
def test_rules_are_those_of_the_group_that_names_us_else_of_all(robots: str, path: str, allowed: bool) -> None:
    assert allows(robots, path) is allowed


def test_a_page_that_robots_txt_forbids_is_not_asked_for() -> None:
    with site(plain(), text("User-agent: *\nDisallow: /private")) as service:
        fetch(service, "/open")
        with pytest.raises(WebFailure, match=r"robots\.txt does not allow it") as raised:
            fetch(service, "/private/a")
    assert raised.value.code == "robots"
    assert paths_of(service) == ["/open"]


def test_a_redirect_does_not_lead_around_robots_txt() -> None:
    pages = {"/open": raw(b"", 302, {"Location": "/private"}), "/private": plain()}
    robots = text("User-agent: *\nDisallow: /private")
    with site(pages, robots) as service, pytest.raises(WebFailure, match="does not allow it"):
        fetch(service, "/open")
    assert paths_of(service) == ["/open"]


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410])
def test_a_host_without_robots_txt_allows_everything(code: int) -> None:
    with site(plain(), raw(b"User-agent: *\nDisallow: /", code)) as service:
        fetch(service)


@pytest.mark.parametrize("code", [204, 429, 500, 503])
def test_a_host_that_fails_to_give_its_robots_txt_forbids_everything(code: int) -> None:
    why = rf"robots\.txt cannot be read, and so no page \(.* answers {code}\)"
    with site(plain(), raw(b"", code)) as service, pytest.raises(WebFailure, match=why):
        fetch(service)
    assert paths_of(service) == []


def test_a_robots_txt_may_be_elsewhere_but_not_inside() -> None:
    forbids = text("User-agent: *\nDisallow: /")
    there, inside = (raw(b"", 301, {"Location": to}) for to in ("/there", "http://169.254.169.254/"))
    with site({"/there": forbids}, there) as service, pytest.raises(WebFailure, match="does not allow it"):
        fetch(service)
    with site(plain(), inside) as service, pytest.raises(WebFailure, match="may give away the keys") as raised:
        fetch(service)
    assert raised.value.code == "refused_address"


def test_it_is_asked_for_once_in_a_run_by_all_pages_of_a_host() -> None:
    with site(plain(), text("User-agent: *\nAllow: /")) as service:
        fetch_all(service, ["/a", "/b", "/c"])
    assert [asked.path for asked in service.asked].count("/robots.txt") == 1


def test_the_delay_that_a_host_asks_for_is_kept_up_to_a_bound() -> None:
    with site(plain(), text("User-agent: *\nCrawl-delay: 0.6")) as service:
        fetch_all(service, ["/a", "/b"])
    _, first, second = service.asked
    assert second.at - first.at >= 0.35
    with site(plain(), text("User-agent: *\nCrawl-delay: 3600")) as service:
        fetch_all(service, ["/a", "/b"], limits=QUICK.model_copy(update={"crawl_delay": 0.2}))
    assert len(paths_of(service)) == 2


@pytest.mark.parametrize("delay", ["soon", "-1", "nan", "inf", "1e999"])
def test_a_delay_that_is_none_is_none(delay: str) -> None:
    assert read_robots(f"User-agent: *\nCrawl-delay: {delay}".encode()).delay == 0


def test_thousands_of_programs_with_thousands_of_rules_fill_no_memory() -> None:
    agents = "".join(f"User-agent: c{'*' * (number % 50)}{number}\n" for number in range(9_000))
    robots = (agents + "Disallow: /a*b*c\n" * 9_000 + "User-agent: *\nDisallow: /private").encode()
    began = time.monotonic()
    tracemalloc.start()
    read = read_robots(robots)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000_000
    assert time.monotonic() - began < 10
    with pytest.raises(WebFailure):
        read.check(page_url("https://example.org/private", Access()))


def test_of_many_thousand_rules_the_first_are_kept_to() -> None:
    robots = "User-agent: *\n" + "".join(f"Disallow: /p{number}/*x$\n" for number in range(28_000))
    began = time.monotonic()
    assert not allows(robots, "/p7/x")
    assert not allows(robots, "/p4900/x")
    assert allows(robots, "/p27000/x")
    assert time.monotonic() - began < 10


def test_patterns_made_to_be_slow_are_not() -> None:
    robots = "User-agent: *\n" + f"Disallow: /{'*a' * 500}b\n" * 100
    began = time.monotonic()
    assert allows(robots, "/" + "a" * 1_900)
    assert time.monotonic() - began < 5


def test_why_there_is_none_decides_what_it_would_have_said() -> None:
    place = page_url("https://example.org/", Access())
    robots_without(WebFailure("absent", "not_found")).check(place)
    with pytest.raises(WebFailure, match="no reply"):
        robots_without(WebFailure("no reply", "unreachable")).check(place)

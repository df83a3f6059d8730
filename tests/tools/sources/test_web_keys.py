"""Keys of web engines: needed, sent as documented, and found nowhere but on the wire."""

import asyncio
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.faulty_server import Behaviour, raw
from tests.tools.service import Service, json_reply
from tests.tools.sources.kept import kept_of_a_recorded_search
from tests.tools.sources.searching import KEY, search

from citerefine.refiner.protocols import Outcome
from citerefine.tools.sources.brave import Brave
from citerefine.tools.sources.europepmc import EuropePmc
from citerefine.tools.sources.exa import Exa
from citerefine.tools.sources.registry import key_variable
from citerefine.tools.sources.serper import Serper
from citerefine.tools.sources.source import Source
from citerefine.tools.sources.tavily import Tavily
from citerefine.tools.web.client import WebClient


class Engine(NamedTuple):
    kind: type[Source]
    variable: str
    header: str
    sent: str
    page: Behaviour


ENGINES = [
    Engine(
        Serper, "SERPER_API_KEY", "x-api-key", KEY,
        json_reply({"organic": [{"link": "https://example.org", "snippet": "Perch."}]}),
    ),
    Engine(
        Tavily, "TAVILY_API_KEY", "authorization", f"Bearer {KEY}",
        json_reply({"results": [{"url": "https://example.org", "content": "Perch."}]}),
    ),
    Engine(
        Brave, "BRAVE_API_KEY", "x-subscription-token", KEY,
        json_reply({"web": {"results": [{"url": "https://example.org", "description": "Perch."}]}}),
    ),
    Engine(
        Exa, "EXA_API_KEY", "x-api-key", KEY,
        json_reply({"results": [{"url": "https://example.org", "highlights": ["Perch."]}]}),
    ),
]  # fmt: skip
every_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.kind.source_name)


@every_engine
def test_without_a_key_an_engine_is_disabled_and_says_which_variable_to_set(engine: Engine) -> None:
    page = asyncio.run(engine.kind(WebClient()).search("perch", 3))
    assert page.outcome is Outcome.DISABLED
    assert page.warnings == (f"{engine.kind.title} needs a key; set {engine.variable}",)
    assert key_variable(engine.kind.source_name) == engine.variable


@every_engine
def test_the_key_is_sent_in_its_header_and_is_nowhere_else(engine: Engine, tmp_path: Path) -> None:
    with Service(engine.page) as service:
        page, kept = kept_of_a_recorded_search(engine.kind, service, tmp_path)
    (asked,) = service.asked
    assert page.outcome is Outcome.OK
    assert asked.headers[engine.header] == engine.sent
    assert KEY not in asked.target
    assert KEY not in str(asked.body)
    assert KEY.encode() not in kept


@every_engine
@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_a_key_that_an_engine_repeats_in_an_error_is_told_to_nobody(
    engine: Engine, status: int, tmp_path: Path
) -> None:
    with Service(json_reply({"message": f"no such key: {KEY}!"}, status, {"Retry-After": "60"})) as service:
        page, kept = kept_of_a_recorded_search(engine.kind, service, tmp_path)
    assert page.outcome is (Outcome.RATE_LIMITED if status == 429 else Outcome.FAILED)
    assert f"answers {status} ('no such key: [key]!')" in page.warnings[0]
    assert KEY.encode() not in kept


@every_engine
def test_a_key_in_a_body_that_cannot_be_read_is_told_to_nobody(engine: Engine, tmp_path: Path) -> None:
    with Service(raw(f'{{"results": "{KEY}", {KEY}'.encode())) as service:
        page, kept = kept_of_a_recorded_search(engine.kind, service, tmp_path)
    assert page.outcome is Outcome.FAILED
    assert KEY.encode() not in kept


@pytest.mark.parametrize(
    ("kind", "reply", "says"),
    [
        (
            Brave,
            json_reply({"error": {"code": "SUBSCRIPTION_TOKEN_INVALID", "detail": "The token is invalid."}}, 422),
            "answers 422 ('The token is invalid.'); check BRAVE_API_KEY: whether it is right",
        ),
        (
            Serper,
            json_reply({"message": "Not enough credits", "statusCode": 400}, 400),
            "answers 400 ('Not enough credits'); check SERPER_API_KEY: whether it is right, and what its account may",
        ),
        (
            Tavily,
            json_reply({"detail": {"error": "This request exceeds your plan's set usage limit."}}, 432),
            'answers 432 ("This request exceeds your plan\'s set usage limit."); check TAVILY_API_KEY',
        ),
        (Tavily, json_reply({"detail": {"error": "No."}}, 433), "answers 433 ('No.'); check TAVILY_API_KEY"),
    ],
)
def test_a_key_without_credit_is_told_of_as_such(kind: type[Source], reply: Behaviour, says: str) -> None:
    with Service(reply) as service:
        page = search(kind, service, key=KEY)
    assert page.outcome is Outcome.FAILED
    assert says in page.warnings[0]
    assert len(service.asked) == 1


def test_nobody_is_told_to_check_a_key_where_there_is_none() -> None:
    with Service(raw(b"Blocked", 403)) as service:
        page = search(EuropePmc, service)
    assert page.warnings == (f"{service.host} answers 403 ('Blocked')",)

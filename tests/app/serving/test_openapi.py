"""The OpenAPI description: it says what routes do, and whatever it allows is answered or refused as it says."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from pydantic import SecretStr
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi_checks
from tests.app.serving.running import Running, server

TOKEN = "a-long-secret-token"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
OPERATIONS = [
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{name}"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/refine"),
    ("POST", "/v1/score"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
]
CHECKS = (
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.unsupported_method,
    openapi_checks.ignored_auth,
)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with server(token=SecretStr(TOKEN)) as started:
        yield started


def described(running: Running) -> dict[str, Any]:
    description: dict[str, Any] = httpx2.get(f"{running.url}/openapi.json", headers=AUTHORIZED).json()
    return description


def test_every_route_for_programs_is_described_and_no_page_is(running: Running) -> None:
    paths = described(running)["paths"]
    assert [(method.upper(), path) for path, methods in paths.items() for method in methods] == OPERATIONS


def ask_many(
    running: Running, method: str, path: str, mode: GenerationMode, added: Mapping[str, Any] | None = None
) -> None:
    """Sends what the description allows, or what it does not, and checks what comes back; `added`: to each body."""
    operation = schemathesis.openapi.from_url(f"{running.url}/openapi.json", headers=AUTHORIZED)[path][method]
    named = described(running)["paths"][path][method.lower()]["responses"].keys() - {"default"}

    @given(operation.as_strategy(generation_mode=mode))
    @settings(max_examples=25, derandomize=True, database=None, deadline=None, suppress_health_check=[*HealthCheck])
    def ask(case: "schemathesis.Case[Any]") -> None:
        if added is not None:
            assert isinstance(case.body, dict)
            case.body.update(added)
        reply = case.call_and_validate(checks=[*CHECKS], headers=AUTHORIZED, timeout=20)
        assert str(reply.status_code) in named

    ask()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_whatever_the_description_allows_is_answered_or_refused_as_it_says(
    running: Running, method: str, path: str
) -> None:
    ask_many(running, method, path, GenerationMode.POSITIVE)


@pytest.mark.parametrize(
    ("path", "added"),
    [
        ("/v1/chat/completions", {"model": "research", "messages": [{"role": "user", "content": "Did perch double?"}]}),
        ("/v1/chat/completions", {"model": "refiner", "snippets": [{"text": "Perch doubled by 2010."}]}),
        ("/v1/refine", {"question": "Did perch double?"}),
        ("/v1/refine", {"snippets": [{"text": "Perch doubled by 2010."}]}),
        ("/v1/score", {"snippets": [{"id": "S1", "text": "Perch"}], "answer": "<snippet id=S1>Perch</snippet>"}),
    ],
)
def test_the_same_holds_where_part_of_a_request_makes_sense(
    running: Running, path: str, added: Mapping[str, Any]
) -> None:
    ask_many(running, "POST", path, GenerationMode.POSITIVE, added)


@pytest.mark.parametrize(("method", "path"), [operation for operation in OPERATIONS if operation[0] == "POST"])
def test_what_it_does_not_allow_is_refused_as_it_says_and_breaks_nothing(
    running: Running, method: str, path: str
) -> None:
    ask_many(running, method, path, GenerationMode.NEGATIVE)


def test_errors_are_described_in_the_form_in_which_they_come(running: Running) -> None:
    operation = described(running)["paths"]["/v1/chat/completions"]["post"]
    assert {*operation["responses"]} == {
        "200", "400", "401", "403", "404", "408", "413", "415", "421", "429", "502", "503", "504", "default",
    }  # fmt: skip
    forms = {
        response["content"]["application/json"]["schema"].get("$ref")
        for status, response in operation["responses"].items()
        if status != "200"
    }
    assert forms == {"#/components/schemas/ErrorBody"}
    assert operation["security"] == [{"HTTPBearer": []}]

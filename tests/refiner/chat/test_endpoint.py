"""A model string names a model and an address, and never carries a secret."""

import pytest

from citerefine.refiner.chat.endpoint import Endpoint, Prices, read_key
from citerefine.refiner.errors import ModelError
from citerefine.refiner.records import Usage


@pytest.mark.parametrize(
    ("text", "model", "base_url"),
    [
        ("openai:tiny@http://localhost:8000/v1", "tiny", "http://localhost:8000/v1"),
        ("openai:Qwen/Qwen3-4B@https://x.org/api/v1/", "Qwen/Qwen3-4B", "https://x.org/api/v1"),
        ("openai:gemma:4b@int8@http://[::1]:11434/v1", "gemma:4b@int8", "http://[::1]:11434/v1"),
        ("openai:a@http://b@http://c/v1", "a@http://b", "http://c/v1"),
        (" openai:m@http://h ", "m", "http://h"),
    ],
)
def test_name_and_address_part_at_the_last_at_sign_before_http(text: str, model: str, base_url: str) -> None:
    endpoint = Endpoint.parse(text)
    assert (endpoint.model, endpoint.base_url) == (model, base_url)


def test_an_endpoint_prints_as_the_string_it_was_parsed_from() -> None:
    text = "openai:gemma:4b@int8@http://localhost:8000/v1"
    assert str(Endpoint.parse(text)) == text
    assert Endpoint.parse(str(Endpoint.parse(text + "/"))) == Endpoint.parse(text)


def test_the_servers_own_pages_lie_beside_v1() -> None:
    assert Endpoint.parse("openai:m@http://h:1/v1").root_url == "http://h:1"
    assert Endpoint.parse("openai:m@http://h:1/gateway").root_url == "http://h:1/gateway"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tiny",
        "hf:tiny",
        "openai:",
        "openai:tiny",
        "openai:tiny@localhost:8000/v1",
        "openai:@http://localhost/v1",
        "openai:a\nb@http://localhost/v1",
        "openai:tiny@http://",
        "openai:tiny@http:///v1",
        "openai:tiny@http://host:port/v1",
        "openai:tiny@http://host:99999/v1",
        "openai:tiny@http://[::1/v1",
        "openai:tiny@http://ho st/v1",
    ],
)
def test_a_malformed_string_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ModelError, match=r"openai:Qwen/Qwen3-4B@http://localhost:8000/v1"):
        Endpoint.parse(text)


@pytest.mark.parametrize(
    "url", ["http://me:hunter2@h/v1", "http://hunter2@h/v1", "http://h/v1?key=hunter2", "http://h/v1#hunter2"]
)
def test_secrets_in_the_address_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ModelError) as caught:
        Endpoint.parse(f"openai:m@{url}")
    assert "hunter2" not in str(caught.value)


def test_the_key_comes_from_the_environment_and_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " sk-planted ")
    assert read_key().get_secret_value() == "sk-planted"
    assert "planted" not in repr(read_key())


def test_without_a_key_a_placeholder_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert read_key().get_secret_value()


def test_a_key_that_no_header_can_carry_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-plänted")
    with pytest.raises(ModelError, match="OPENAI_API_KEY") as caught:
        read_key()
    assert "nted" not in str(caught.value)


def test_prices_are_dollars_for_a_million_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEREFINE_PRICES", "0.5, 2")
    prices = Prices.read()
    assert prices is not None
    assert prices.cost(Usage(prompt_tokens=1_000_000, completion_tokens=500_000)) == pytest.approx(1.5)
    assert prices.cost(Usage(prompt_tokens=1)) is None


def test_no_prices_are_no_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CITEREFINE_PRICES", raising=False)
    assert Prices.read() is None


@pytest.mark.parametrize("text", ["1", "1,2,3", "a,b", "-1,2", "nan,1", "1,inf"])
def test_malformed_prices_are_refused_with_an_example(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEREFINE_PRICES", text)
    with pytest.raises(ModelError, match=r"0\.15,0\.60"):
        Prices.read()

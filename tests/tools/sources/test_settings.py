"""Addresses and keys of sources, from the environment."""

import pytest

from citerefine.refiner.errors import InputError
from citerefine.tools.sources.settings import SourceSettings, settings_from_environment


def test_address_and_key_come_from_variables_and_the_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEREFINE_LAKE_BASE_URL", " https://lake.example.org/v1/ ")
    monkeypatch.setenv("LAKE_KEY", " very-secret ")
    settings = settings_from_environment("lake", "LAKE_KEY")
    assert settings.base_url == "https://lake.example.org/v1"
    assert settings.key is not None
    assert settings.key.get_secret_value() == "very-secret"
    assert "very-secret" not in f"{settings!r} {settings.model_dump_json()}"


def test_empty_variables_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEREFINE_LAKE_BASE_URL", "")
    monkeypatch.setenv("LAKE_KEY", "  ")
    assert settings_from_environment("lake", "LAKE_KEY") == SourceSettings()
    assert settings_from_environment("lake", None) == SourceSettings()


@pytest.mark.parametrize("key", ["ключ", "two words", "line\nfeed"])
def test_what_cannot_be_a_key_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("LAKE_KEY", key)
    with pytest.raises(InputError, match="LAKE_KEY holds no key") as caught:
        settings_from_environment("lake", "LAKE_KEY")
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["lake.example.org", "ftp://lake", "file:///etc/passwd", "https://", "http://a.org/?key=1", "http://a/#x"]
)
def test_what_is_no_address_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("CITEREFINE_LAKE_BASE_URL", address)
    with pytest.raises(InputError, match=r"CITEREFINE_LAKE_BASE_URL: .* is no base URL"):
        settings_from_environment("lake", None)


def test_a_password_in_an_address_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEREFINE_LAKE_BASE_URL", "https://me:very-secret@lake.example.org")
    with pytest.raises(InputError, match="holds a user or a password") as caught:
        settings_from_environment("lake", None)
    assert "very-secret" not in str(caught.value)

"""What went wrong is said in one printable line that holds no secret."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.refiner.chat.failures import Failure, bad_response, excerpt, refused, reported, with_models

WHERE = "http://h/v1/chat/completions"
KEY = "planted-key"


@given(st.text(), st.text(), st.sampled_from(range(300, 600)))
def test_any_text_of_a_server_becomes_one_short_printable_line(body: str, location: str, status: int) -> None:
    for failure in (refused(WHERE, status, {"location": location}, body, KEY), bad_response(WHERE, body, body, KEY)):
        assert "\n" not in str(failure)
        assert "\x1b" not in str(failure)
        assert len(str(failure)) < 900


@given(st.text(max_size=900), st.text(max_size=900))
def test_the_key_is_cut_out_wherever_it_stands(before: str, after: str) -> None:
    body = f"{before}{KEY}{after}"
    failure = refused(WHERE, 401, {}, body, KEY)
    assert KEY not in str(failure)
    assert KEY not in failure.server_text
    assert KEY not in str(bad_response(WHERE, body, body, KEY))
    assert KEY not in str(reported(WHERE, {"message": body}, KEY))


@pytest.mark.parametrize("said", ["sk-abc123def456", "Bearer eyJhbGciOi", "sk-proj-****wxyz", "hf_abcdefghijk"])
def test_what_looks_like_a_key_is_cut_out_too(said: str) -> None:
    assert said.split()[-1] not in excerpt(f"bad key {said} given")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"error": {"message": "too bad"}}', "('too bad')"),
        ('{"error": "too bad"}', "('too bad')"),
        ('{"detail": "too bad"}', "('too bad')"),
        ('{"detail": {"error": "too bad"}}', "('too bad')"),
        ('{"message": "too bad", "code": 3}', "('too bad')"),
        ("too bad", "('too bad')"),
        ('{"error": {"message": 3}}', '\'{"error": {"message": 3}}\''),
        ("", "answers 400;"),
    ],
)
def test_the_message_is_taken_out_of_the_errors_that_servers_send(body: str, message: str) -> None:
    assert message in str(refused(WHERE, 400, {}, body, KEY))


@pytest.mark.parametrize(
    ("body", "field", "refuses"),
    [
        ("Unrecognized request argument supplied: stream_options", "stream_options", True),
        ("Unsupported parameter: 'max_tokens' is not supported with this model.", "max_tokens", True),
        ("max_completion_tokens is unknown", "max_tokens", False),
        ("max_tokens must be at most 4096", "max_tokens", False),
        ('[{"type": "extra_forbidden", "loc": ["body", "temperature"]}]', "temperature", True),
        ("temperature must be positive", "temperature", False),
    ],
)
def test_a_field_is_refused_only_if_the_server_says_that_it_does_not_take_it(
    body: str, field: str, refuses: bool
) -> None:
    assert refused(WHERE, 400, {}, body, KEY).refuses(field) is refuses
    assert not refused(WHERE, 500, {}, body, KEY).refuses(field)


def test_a_missing_model_is_told_with_a_bounded_list_of_others() -> None:
    failure = with_models(refused(WHERE, 404, {}, "", KEY), [f"m{number}" for number in range(99)], KEY)
    assert "it has m0, m1" in str(failure)
    assert str(failure).endswith(", …")


def test_a_failure_survives_pickling() -> None:
    failure = refused(WHERE, 503, {}, "busy", KEY)
    copy = pickle.loads(pickle.dumps(failure))
    assert isinstance(copy, Failure)
    assert (str(copy), copy.code, copy.retryable) == (str(failure), "server_error", True)


def test_long_words_of_a_server_end_with_a_word() -> None:
    message = str(refused(WHERE, 400, {}, "perch " * 100, KEY))
    assert "perch perch…" in message
    assert len(message) < 300

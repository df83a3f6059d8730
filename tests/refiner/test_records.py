"""Records are checked once, frozen, and JSON both ways."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from citerefine.refiner import Snippet
from citerefine.refiner.records import Claim, Issue, Usage, normalised

FULL = Snippet(
    text="Ice came later.",
    title="Ice on lakes",
    authors=("Ruud, A.",),
    year=2013,
    doi="10.1/x",
    url="https://a.org",
    source="ice.pdf",
    also_found=("crossref:10.1/x",),
    section="Results > Ice",
    page=3,
    start=10,
    end=25,
    licence="CC-BY-4.0",
    retrieved_at=datetime(2026, 11, 1, tzinfo=UTC),
)


@pytest.mark.parametrize(
    "record",
    [FULL, Snippet(text="x"), Usage(prompt_tokens=3), Issue(code="nested", message="m", start=0, end=1)],
)
def test_json_round_trip_gives_an_equal_record(record: Snippet | Usage | Issue) -> None:
    assert type(record).model_validate_json(record.model_dump_json()) == record


@given(st.text(min_size=1), st.text())
def test_any_text_can_be_stored_and_any_title_is_one_line(text: str, title: str) -> None:
    snippet = Snippet(text=f"x{text}", title=title)
    assert snippet.title is None or (len(snippet.title.splitlines()) == 1 and snippet.title == snippet.title.strip())
    assert Snippet.model_validate_json(snippet.model_dump_json()) == snippet


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"text": " \n"}, "empty or only white space"),
        ({"text": "x", "start": 3}, "start and end belong together"),
        ({"text": "x", "start": 3, "end": 3}, "end must lie behind start"),
        ({"text": "x", "page": 0}, "page"),
        ({"text": "x", "id": ""}, "id"),
        ({"text": "x", "id": "a b"}, "id"),
        ({"text": "x", "id": "a\n"}, "id"),
        ({"text": "x", "id": "ſ1"}, "id"),
        ({"text": "x", "id": "a" * 65}, "id"),
        ({"text": "x", "titel": "x"}, "titel"),
    ],
)
def test_wrong_values_are_refused_with_their_reason(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Snippet.model_validate(values)


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        FULL.text = "x"


def test_a_changed_copy_is_checked() -> None:
    assert FULL.model_copy(update={"year": 2014}).year == 2014
    assert FULL.model_copy() == FULL
    with pytest.raises(ValidationError, match="page"):
        FULL.model_copy(update={"page": -1})


def test_lone_surrogates_do_not_get_in() -> None:
    claim = Claim(text="a\ud800", citations=(), start=0, end=2, raw_start=0, raw_end=2)
    assert claim.text == "a\ufffd"


def test_identity_ignores_composition_and_white_space_only() -> None:
    assert normalised(" e\u0301\n\tx ") == "\u00e9 x"
    assert normalised("Ice") != normalised("ice")


@pytest.mark.parametrize("field", ["text", "title", "venue", "source", "authors", "also_found"])
def test_a_flood_of_combining_marks_costs_no_more_than_other_text(field: str) -> None:
    flood = "a" + "\u0301\u0327" * 200_000  # minutes, if they were sorted
    values = {"text": "x", field: (flood,) if field in ("authors", "also_found") else flood}
    snippet = Snippet.model_validate(values)
    held = getattr(snippet, field)
    held = held[0] if isinstance(held, tuple) else held
    assert len(held) == len(flood)
    assert held.startswith(flood[:33] + "\ufffd")

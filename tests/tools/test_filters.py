"""Filters: the same names for all sources, and clear words for what is none."""

from datetime import date

import pytest

from citerefine.refiner.errors import InputError
from citerefine.tools.filters import FILTERS, Filters, read_filters


def test_years_mean_their_first_and_last_day() -> None:
    filters = read_filters(["since=2015", "until=2020"])
    assert (filters.since, filters.until) == (date(2015, 1, 1), date(2020, 12, 31))
    assert read_filters(["since=2015-03-04"]).since == date(2015, 3, 4)


def test_lists_are_separated_by_commas_or_given_one_by_one() -> None:
    filters = read_filters(["authors=Ada Moe, Bo Lind", "authors=Cy Ott", "include-domains=a.org"])
    assert filters.authors == ("Ada Moe", "Bo Lind", "Cy Ott")
    assert filters.include_domains == ("a.org",)


def test_only_what_is_set_is_named() -> None:
    assert Filters().named == {}
    assert read_filters(["open_access=true", "min_citations=0"]).named == {"open_access": True, "min_citations": 0}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sinc=2019", "the filter 'sinc=2019' is none; write NAME=VALUE with one of: since, until"),
        ("since", "is none; write NAME=VALUE"),
        ("since=", "is none; write NAME=VALUE"),
        ("since=soon", "the filter since is 'soon'; write a year or a day, as in 2015 or 2015-06-30"),
        ("since=2015-06", "the filter since is '2015-06'; write a year or a day"),
        ("min_citations=-1", "the filter min_citations is '-1'; write a whole number"),
        ("language=German", "the filter language is 'German'; write two letters, as in de"),
        ("open_access=perhaps", "the filter open_access is 'perhaps'; write true or false"),
    ],
)
def test_what_is_no_filter_is_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_filters([text])


def test_contradictions_are_refused() -> None:
    with pytest.raises(InputError, match="these filters cannot be: since 2021-01-01 lies behind until 2020-12-31"):
        read_filters(["since=2021", "until=2020"])
    with pytest.raises(InputError, match="the filter venue is given twice"):
        read_filters(["venue=Nature", "venue=Cell"])


def test_codes_are_taken_in_any_case() -> None:
    filters = read_filters(["country=US", "language=De"])
    assert (filters.country, filters.language) == ("us", "de")


def test_all_names_are_told() -> None:
    assert "since" in FILTERS
    assert len(FILTERS) == len(set(FILTERS)) == len(Filters.model_fields)

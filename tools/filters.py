"""What narrows a search down, the same for all sources.

In: values, or texts such as `since=2019`. Out: `Filters`, checked. Each source says which of them it can honour; of the
others its page warns. Not here: how a source is told of them (sources/).
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any, Final, get_origin

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Line, Record


def _first_day(value: object) -> object:
    return f"{value}-01-01" if _is_year(value) else value


def _last_day(value: object) -> object:
    return f"{value}-12-31" if _is_year(value) else value


def _is_year(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and value.strip().isdecimal())


_CODE: Final = r"^[a-z]{2}$"
_Code = Annotated[str, BeforeValidator(lambda value: value.strip().lower() if isinstance(value, str) else value)]


class Filters(Record):
    """Only what is set narrows a search down.

    >>> Filters(since="2019", until="2020-06-30").since
    datetime.date(2019, 1, 1)
    """

    since: Annotated[date | None, BeforeValidator(_first_day)] = None
    """First day of publication; a year means its first day."""
    until: Annotated[date | None, BeforeValidator(_last_day)] = None
    """Last day of publication; a year means its last day."""
    authors: tuple[str, ...] = ()
    venue: Line = None
    """Name of a journal, a conference or the like."""
    fields_of_study: tuple[str, ...] = ()
    min_citations: int | None = Field(default=None, ge=0)
    open_access: bool | None = None
    """True: only works that anybody may read."""
    language: _Code | None = Field(default=None, pattern=_CODE)
    """ISO 639-1, as in `de`."""
    country: _Code | None = Field(default=None, pattern=_CODE)
    """ISO 3166-1, as in `us`; in lower case."""
    include_domains: tuple[str, ...] = ()
    exclude_domains: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> "Filters":
        if self.since and self.until and self.until < self.since:
            raise ValueError(f"since {self.since} lies behind until {self.until}")
        return self

    @property
    def named(self) -> dict[str, Any]:
        """Those that are set."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in values.items() if value not in (None, ()) and value is not False}


FILTERS: Final = tuple(Filters.model_fields)
"""All names."""
_LISTS: Final = frozenset(name for name, field in Filters.model_fields.items() if get_origin(field.annotation) is tuple)


_DAY: Final = "write a year or a day, as in 2015 or 2015-06-30"
_FORMS: Final = {
    "since": _DAY,
    "until": _DAY,
    "min_citations": "write a whole number, 0 or more",
    "open_access": "write true or false",
    "language": "write two letters, as in de",
    "country": "write two letters, as in us",
}
"""Name → what its value looks like."""


def read_filters(texts: Iterable[str]) -> Filters:
    """Filters from `NAME=VALUE`; several values of a list are separated by commas, or given one by one.

    Raises:
        InputError: for a name that there is not, or a value that it cannot have.

    >>> read_filters(["since=2019", "authors=Ada Moe,Bo Lind"]).authors
    ('Ada Moe', 'Bo Lind')
    """
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        name = name.replace("-", "_")
        if name not in Filters.model_fields or not equals or not value:
            raise InputError(f"the filter {text!r} is none; write NAME=VALUE with one of: {', '.join(FILTERS)}")
        if name in _LISTS:
            values[name] = (*values.get(name, ()), *(part.strip() for part in value.split(",") if part.strip()))
        elif name in values:
            raise InputError(f"the filter {name} is given twice; give it once")
        else:
            values[name] = value
    return make_filters(values)


def make_filters(values: Mapping[str, Any]) -> Filters:
    """Filters from values by name. Raises InputError."""
    try:
        return Filters.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            raise InputError(f"these filters cannot be: {first['msg'].removeprefix('Value error, ')}") from None
        name = str(first["loc"][0])
        form = _FORMS.get(name, first["msg"])
        raise InputError(f"the filter {name} is {values[name]!r}; {form}") from None

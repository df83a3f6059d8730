"""Between which lexical scores a cascade asks its model, and how often the lexical judge is wrong beyond them.

In: thresholds.json beside this module, as benchmarks/fit_cascade.py wrote it. Out: `Thresholds`. They hold for the
lexical judge that they were fitted for and no other, which is checked. Not here: fitting, judging.
"""

from functools import cache
from importlib.resources import files
from typing import Final

from pydantic import Field, ValidationError

from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Record

FILE: Final = "thresholds.json"
REFIT: Final = "python -m benchmarks.fit_cascade DATA_FOLDER"

Share = float
"""From 0 to 1."""


class Decided(Record):
    """What the lexical judge decides of one set one way, and how often it is right."""

    n: int = Field(ge=0)
    """Pairs decided."""
    share: Share
    """Of all pairs of the set."""
    right: Share | None
    """Of the pairs decided, those to which people give the same support, `contradicts` counting as `none`: the negative
    or positive predictive value. None if there are no pairs."""
    ci95: tuple[Share, Share] | None
    """Wilson interval of `right`, with no more trials than there are clusters (documents, questions)."""
    opposite: int = Field(ge=0)
    """Pairs decided as `none` that people call `full`, or the reverse; the other errors are `partial` to them."""


class SetErrors(Record):
    """One labelled set, judged with thresholds that were fitted without its group."""

    name: str
    n: int
    fitted: bool
    """Whether the final thresholds were fitted on it as well."""
    low: float | None
    high: float | None
    none: Decided
    full: Decided


class Thresholds(Record):
    """When the lexical judge decides alone."""

    lexical: str
    """Name of the lexical judge that they were fitted for."""
    low: float | None = Field(allow_inf_nan=False)
    """A score of at most this is `none`; None: never."""
    high: float | None = Field(allow_inf_nan=False)
    """A score of at least this, without flags, is `full`; None: never."""
    aim: Share
    """Share of decided pairs that fitting wanted right, as a mean over groups of sets."""
    sets: tuple[SetErrors, ...] = ()


def load_thresholds(lexical: str) -> Thresholds:
    """The thresholds that come with the package.

    Args:
        lexical: name of the lexical judge that they are for.

    Raises:
        InputError: if they were fitted for another one.
    """
    thresholds = _stored()
    if thresholds.lexical != lexical:
        raise InputError(
            f"the cascade's thresholds were fitted for the judge {thresholds.lexical!r}, and this one is {lexical!r}; "
            f"fit them anew: {REFIT}"
        )
    return thresholds


@cache
def _stored() -> Thresholds:
    try:
        return Thresholds.model_validate_json(files("citerefine.judges.cascade").joinpath(FILE).read_bytes())
    except (FileNotFoundError, ValidationError) as error:
        what = type(error).__name__
        raise InputError(f"the cascade has no thresholds in {FILE} ({what}); fit them: {REFIT}") from None

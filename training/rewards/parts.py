"""What is known of one part of a reward: a value, that it is missing, that the answer is bad, that it does not apply.

In: nothing. Out: the kinds. `Invalid` is a real, low score: the answer itself is at fault. `Missing` is no score at
all: a judge or grader failed, or nobody can say. Not here: working any of them out.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from citerefine.refiner.errors import CallError, InputError, ModelError

FATAL: Final = ("unauthorized", "no_such_model", "budget")
"""Codes of `CALL_FAILURES` with which asking on is of no use for any answer."""
HOPELESS: Final = ("bad_request", "context_exceeded", "too_large", "grader", "grader_deadline", "memory", "unusable")
"""Codes of failures with which the same question gets the same answer."""


class Scored(NamedTuple):
    """It is known."""

    value: float
    reason: str = ""
    """What holds it down, as `code: what happened`; empty if nothing does."""


class Missing(NamedTuple):
    """It is not known; the answer has no reward."""

    reason: str
    """As `code: what happened`."""
    codes: tuple[str, ...] = ()
    """Of all that failed; empty if nothing failed, and nobody can say."""

    @property
    def again(self) -> bool:
        """Whether it may be known if it is asked for again."""
        return any(code not in HOPELESS for code in self.codes)


class Invalid(NamedTuple):
    """The answer is bad: worth 0."""

    reason: str


class Absent(NamedTuple):
    """It does not apply to the row."""

    reason: str


Part = Scored | Missing | Invalid | Absent


def code_of(reason: str) -> str:
    """The code that a reason begins with."""
    return reason.partition(":")[0]


def codes_of(missing: Sequence[Missing]) -> tuple[str, ...]:
    """The codes of all that failed, each once, in order."""
    return tuple(sorted({code for part in missing for code in part.codes}))


def is_fatal(error: BaseException) -> bool:
    """Whether an error of one answer is one of all: it must rise."""
    return isinstance(error, ModelError) or (isinstance(error, CallError) and error.code in FATAL)


def missing_by(error: Exception) -> Missing:
    """What an error of one answer means for it."""
    if isinstance(error, TimeoutError):
        return failed("deadline", "the answer was not judged in time; raise answer_deadline, or see the judge's load")
    if isinstance(error, CallError):
        return failed(error.code, str(error))
    # A value that cannot be used stays so; a file that cannot be written, as on a full disk, may be writable again.
    code = "unusable" if isinstance(error, ValueError) and not isinstance(error, InputError) else "error"
    return failed(code, f"{type(error).__name__}: {error}")


def failed(code: str, what: str) -> Missing:
    """Missing since one thing failed."""
    return Missing(f"{code}: {what}", (code,))


def with_codes(reason: str, codes: Sequence[str]) -> str:
    """A reason, and in brackets what failed."""
    return f"{reason} ({', '.join(sorted({*codes}))})" if codes else reason

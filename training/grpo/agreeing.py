"""Makes the failure of one process of a job one of all, so that none waits for what no longer comes.

In: what failed in this process, if anything did. Out: an error in every process, marked as one of all: only then can
all save a last state together. Not here: what fails.
"""

from typing import Final, TypeVar

from accelerate.utils import gather_object

from citerefine.refiner.errors import CiterefineError
from citerefine.training.errors import TrainingError

Failure = TypeVar("Failure", bound=CiterefineError)

_OF_ALL: Final = "All processes of the job ended with this."


def fail_together(failure: CiterefineError | None, what: str, processes: int) -> None:
    """Raises in all processes if one has failed. All must call it at the same place.

    Args:
        failure: what failed in this process.
        what: could not be done, in words: “reward its answers”.
        processes: of the job.

    Raises:
        CiterefineError: the failure itself, in the process that has one; in the others a TrainingError that names it.
    """
    failures = [None if failure is None else str(failure)]
    if processes > 1:
        failures = gather_object(failures)
    if failure is not None:
        raise of_all(failure)
    for number, message in enumerate(failures):
        if message is not None:
            raise of_all(TrainingError(f"process {number} could not {what}: {message}"))


def of_all(error: Failure) -> Failure:
    """The error, marked as one that all processes raise."""
    error.add_note(_OF_ALL)
    return error


def is_of_all(error: CiterefineError) -> bool:
    """Whether all processes raise it."""
    return _OF_ALL in getattr(error, "__notes__", ())

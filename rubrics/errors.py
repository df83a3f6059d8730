"""The errors of the rubrics package.

    RubricError (ValueError)      a document is no rubric, or none that can be used
    └── GenerationError           a model was asked for criteria, and its reply holds none that can be read

Each message says what happened, the value seen, and what to do. Records that are built from wrong values raise
pydantic's ValidationError, which is a ValueError too.
"""


class RubricError(ValueError):
    """A document is no rubric of a known format, breaks a bound, or cannot be written in the format asked for."""

    exit_code = 2
    """What the command line ends with: wrong use or bad input."""


class GenerationError(RubricError):
    """A model was asked for criteria, and its reply cannot be read."""

    exit_code = 1
    """The work failed."""

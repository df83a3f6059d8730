"""The errors of the training package.

    TrainingError (CiterefineError)   the work failed, and what is saved is kept: exit code 1
    ├── JudgeOutage                   judges give no rewards, and the patience for them is spent
    └── StateError                    a checkpoint, or the folder of a run, cannot be gone on from
    RecipeError (InputError)          a recipe, or what it names, cannot be trained with: exit code 2

Each message says what happened, the value seen, and what to do.
"""

from citerefine.refiner.errors import CiterefineError, InputError


class TrainingError(CiterefineError):
    """Training could not go on."""

    exit_code = 1


class JudgeOutage(TrainingError):
    """Too few answers of a batch could be judged, for longer than the reward's patience."""


class StateError(TrainingError):
    """A checkpoint does not fit the run, or is not whole."""


class RecipeError(InputError):
    """A recipe that cannot be run: an unknown key, lengths that cannot fit, shapes that do not divide."""

"""The folder of a run: where everything that it writes is.

In: a path, a recipe. Out: `RunFolder`; the folder, made or gone on with, with the recipe in it as it was resolved. A
folder with something in it is never written over: a run in it is gone on with when that is asked for, and anything else
is refused. A start that failed before it did anything is no run (`unless_failed`). Not here: what the parts write, what
checkpoints hold (going_on.py).
"""

import json
import os
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from citerefine.refiner.errors import InputError
from citerefine.training.errors import StateError
from citerefine.training.grpo.identity import differences
from citerefine.training.recipes.recipe import Recipe

RECIPE: Final = "recipe.toml"
CHECKPOINTS: Final = "checkpoints"
_MAIN: Final = "0"
_PRIVATE: Final = 0o700


class RunFolder:
    """Paths in the folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe = path / RECIPE
        self.checkpoints = path / CHECKPOINTS
        self.model = path / "model"
        """What was trained, when it is done."""
        self.sft = path / "sft"
        self.sft_checkpoints = path / "sft" / CHECKPOINTS
        self.start = path / "sft" / "model"
        """What training on given answers made of the model, when that is done."""
        self.start_identity = path / "sft" / "identity.json"
        """What that was made from."""
        self.transcripts = path / "transcripts.jsonl"
        self.tensorboard = path / "tensorboard"
        self.rubric_events = path / "rubrics" / "events.jsonl"
        """Everything that ever changed rubrics that grow."""

    def calls(self) -> Path:
        """File of the calls of the reward's judge; support verdicts are kept beside it. Each machine of a job has its
        own, since SQLite on a network's file system is not safe."""
        machine = machine_number()
        return self.path / (f"judge-{machine}" if machine else "judge") / "calls.db"

    def heldout_calls(self) -> Path:
        """The same of the judges that held-out answers are watched by."""
        return self.calls().with_name("heldout") / "calls.db"

    def evolving_calls(self) -> Path:
        """The same of those who write and admit criteria."""
        return self.calls().with_name("evolving.db")

    @property
    def is_begun(self) -> bool:
        """Whether a run in it has done anything that can be gone on with, or that judges were paid for: there is more
        than a recipe, empty files, and what boards are told of a start."""
        of_start = (self.recipe, _written(self.recipe))
        others = (file for file in self.path.rglob("*") if not file.is_relative_to(self.tensorboard))
        return any(file not in of_start and _holds(file) for file in others)

    def check(self, *, resume: bool) -> None:
        """Sees whether a run can begin in the folder, or go on. Writes nothing.

        Raises:
            InputError: if the folder holds something and `resume` is not given, or cannot be read.
        """
        try:
            if not self.path.exists():
                return
            if not self.recipe.is_file():
                if any(self.path.iterdir()):
                    raise InputError(f"{self.path} is not empty, and holds no run; name another folder with --out")
            elif self.is_begun:
                self._see_run(resume)
        except OSError as error:
            raise self._unwritable(error) from error

    def open(self, recipe: Recipe, *, resume: bool) -> None:
        """Makes the folder and writes the recipe into it, or sees that a run can be gone on with; one process does.

        The recipe of a run that is there stays as it is: whether the new one goes on with it, its checkpoints tell.

        Raises:
            InputError: as `check`, or if the folder cannot be written.
        """
        self.check(resume=resume)
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
        except OSError as error:
            raise self._unwritable(error) from error
        if not self.is_begun:
            self.keep_recipe(recipe)

    def keep_recipe(self, recipe: Recipe) -> None:
        """Writes the recipe in place of the one that is there, which it goes on with. Raises InputError if it cannot
        be written."""
        self._write(self.recipe, recipe.resolved())

    def keep_start(self, identity: Mapping[str, Any]) -> None:
        """Writes down what the model of `start` is made from, before it is there. Raises InputError."""
        self._write(self.start_identity, json.dumps(identity, indent=1, ensure_ascii=False))

    def check_start(self, identity: Mapping[str, Any]) -> None:
        """Sees whether the model of `start` is what training on given answers would make now.

        Raises:
            StateError: if it is not, with what differs, or nobody can tell.
        """
        try:
            made_from = json.loads(self.start_identity.read_text("utf-8"))
            lines = differences(made_from, identity, finished=True)
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise StateError(
                f"{self.start_identity} cannot be read ({type(error).__name__}), and nobody can tell what {self.start} "
                "was made from; start a new run"
            ) from error
        if lines:
            raise StateError(
                f"{self.start} was made from other things: {'; '.join(lines)}. Go on with what it was made from, or "
                "start a new run"
            )

    def _write(self, file: Path, text: str) -> None:
        written = _written(file)
        try:
            written.write_text(text, "utf-8")
            os.replace(written, file)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(f"{self.path} cannot be written: {error.strerror}; name another with --out")

    def _see_run(self, resume: bool) -> None:
        if not resume:
            raise InputError(
                f"{self.path} holds a run already; go on with it with --resume, or name another folder with --out"
            )
        try:
            tomllib.loads(self.recipe.read_text("utf-8"))
        except ValueError as error:
            raise InputError(f"{self.recipe} is damaged: {error}; put it back, or start a new run") from error


@contextmanager
def unless_failed(folder: RunFolder) -> Iterator[None]:
    """In the block a run begins, or goes on. If that fails before anything was done, what the block wrote is taken
    away: the next start finds the place as this one did."""
    was_there, was_run = folder.path.exists(), folder.recipe.exists()
    try:
        yield
    except BaseException:
        if folder.recipe.is_file() and not was_run and not folder.is_begun:  # so that all of it is ours
            for path in folder.path.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            if not was_there:
                folder.path.rmdir()
        raise


def _written(file: Path) -> Path:
    """Where a file is until it is whole."""
    return file.with_name(f".{file.name}.new")


def _holds(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


def is_main() -> bool:
    """Whether this process writes and speaks for all of them."""
    return os.environ.get("RANK", _MAIN) == _MAIN


def process_count() -> int:
    """Processes of the job."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def machine_number() -> int:
    """Of the machine that this process runs on, from 0."""
    here = int(os.environ.get("LOCAL_WORLD_SIZE", process_count()))
    return int(os.environ.get("RANK", _MAIN)) // max(1, here)

"""The folder of a run: where everything that it writes is.

In: a path, a recipe. Out: `RunFolder`; the folder, made or gone on with, with the recipe in it as it was resolved. A
folder with something in it is never written over: a run in it is gone on with when that is asked for, and anything else
is refused. Not here: what the parts write.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from citerefine.refiner.errors import InputError
from citerefine.training.errors import StateError
from citerefine.training.grpo.identity import differences
from citerefine.training.recipes.recipe import Recipe

RECIPE: Final = "recipe.toml"
_MAIN: Final = "0"
_PRIVATE: Final = 0o700


class RunFolder:
    """Paths in the folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe = path / RECIPE
        self.model = path / "model"
        """What was trained, when it is done."""
        self.sft = path / "sft"
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

    def open(self, recipe: Recipe, *, resume: bool) -> None:
        """Makes the folder and writes the recipe into it, or sees that a run can be gone on with; one process does.

        The recipe of a run that is there stays as it is: whether the new one goes on with it, its checkpoints tell.

        Raises:
            InputError: if the folder holds something and `resume` is not given, or cannot be written.
        """
        try:
            if self.recipe.is_file():
                self._go_on(resume)
                return
            if self.path.exists() and any(self.path.iterdir()):
                raise InputError(f"{self.path} is not empty, and holds no run; name another folder with --out")
            self.path.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
        except OSError as error:
            raise self._unwritable(error) from error
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
        written = file.with_name(f".{file.name}.new")
        try:
            written.write_text(text, "utf-8")
            os.replace(written, file)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(f"{self.path} cannot be written: {error.strerror}; name another with --out")

    def _go_on(self, resume: bool) -> None:
        if not resume:
            raise InputError(
                f"{self.path} holds a run already; go on with it with --resume, or name another folder with --out"
            )
        try:
            tomllib.loads(self.recipe.read_text("utf-8"))
        except ValueError as error:
            raise InputError(f"{self.recipe} is damaged: {error}; put it back, or start a new run") from error


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

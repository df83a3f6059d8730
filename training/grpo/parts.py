"""What belongs to a run's state beside weights and optimizer: `StatePart`, and `PartsKeeper` that saves and loads them.

In: parts, each with a name. Out: one folder a part inside a checkpoint. What a part holds at the start of a rollout is
kept, because an outage in the middle of one saves the state from before it. Not here: the parts themselves.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from citerefine.training.errors import StateError

_FOLDER: Final = "parts"
_BEFORE: Final = ".before"


class StatePart(Protocol):
    """State that a checkpoint holds: a buffer of rubrics, drafts that wait for their second phase."""

    @property
    def name(self) -> str:
        """Of its folder: letters, digits, `_` and `-`."""

    def save(self, folder: Path) -> None:
        """Writes all of its state into a new folder: JSON or safetensors, nothing that runs code when it is read."""

    def load(self, folder: Path) -> None:
        """Takes the state that `save` wrote, in place of what it has."""


class PartsKeeper:
    """The parts of one run."""

    def __init__(self, parts: Sequence[StatePart], run: Path) -> None:
        """`run`: where what was before a rollout is kept."""
        names = [part.name for part in parts]
        wrong = [name for name in names if not name.replace("-", "_").isidentifier() or names.count(name) > 1]
        if wrong:
            raise ValueError(f"each part needs a name of its own, of letters, digits, `_` and `-`; got {wrong}")
        self._parts = tuple(parts)
        self._kept = run / _BEFORE

    def keep(self) -> None:
        """Remembers the parts as they are now."""
        if self._parts:
            shutil.rmtree(self._kept, ignore_errors=True)
            self._write(self._kept)

    def save(self, checkpoint: Path, *, kept: bool = False) -> None:
        """Writes the parts into a checkpoint: as they are, or as they were when they were last kept."""
        if not self._parts:
            return
        if kept:
            shutil.copytree(self._kept, checkpoint / _FOLDER)
        else:
            self._write(checkpoint / _FOLDER)

    def load(self, checkpoint: Path) -> None:
        """Gives each part its state.

        Raises:
            StateError: if the checkpoint holds none for it.
        """
        for part in self._parts:
            folder = checkpoint / _FOLDER / part.name
            if not folder.is_dir():
                raise StateError(f"{checkpoint} holds no state of {part.name!r}; it was saved by a run without it")
            part.load(folder)

    def _write(self, folder: Path) -> None:
        for part in self._parts:
            (folder / part.name).mkdir(parents=True)
            part.save(folder / part.name)

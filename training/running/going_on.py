"""How far a run has come, and whether a recipe goes on with it: `check_same`, `what_resuming_does`.

In: the folder of a run, a recipe. Out: a refusal before a model is loaded; words for people. Manifests of checkpoints
are read, and no weights. Not here: whether a checkpoint is whole, and the rows are the same, which the trainer finds
(citerefine.training.grpo).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from citerefine.training.errors import StateError
from citerefine.training.grpo.checkpoints import facts_of, listed, step_of
from citerefine.training.grpo.identity import differences
from citerefine.training.recipes.recipe import Recipe
from citerefine.training.running.run_folder import RunFolder

_SAME: Final = "the same command with --resume"


def check_same(folder: RunFolder, identity: Mapping[str, Any], processes: int) -> None:
    """Sees whether a run goes on with what its last checkpoint, or its model of given answers, was made with.

    Args:
        folder: of the run.
        identity: of the recipe that is to go on (`run_identity`).
        processes: of this job.

    Raises:
        StateError: if it does not, with what differs.
    """
    now = {**identity, "processes": processes}
    for made, saved, finished in (
        (folder.start, _read(folder.start_identity), True),
        *((path, _manifest(path), False) for path in _last(folder.checkpoints) or _last(folder.sft_checkpoints)),
    ):
        known = {name: value for name, value in saved.items() if name in now} if made.is_dir() else {}
        lines = differences(known, {name: now[name] for name in known}, finished=finished)
        if lines:
            raise StateError(
                f"{made} is of another run: {'; '.join(lines)}. Go on with the settings it was saved with, or start a "
                "new run with another --out"
            )


def what_resuming_does(folder: RunFolder, recipe: Recipe) -> str:
    """What the folder keeps of a run that has ended too early, and what `--resume` makes of it."""
    kept = _last(folder.checkpoints)
    if kept:
        last, step = recipe.train.steps * recipe.train.updates_per_rollout, step_of(kept[0])
        does = "goes on from there" if step < last else "writes the model, and trains no more"
        return f"{folder.path} keeps step {step}{'' if step < last else ', the last one'}; {_SAME} {does}"
    if folder.start.is_dir():
        return f"{folder.path} keeps what training on given answers made; {_SAME} goes on with rewards"
    if kept := _last(folder.sft_checkpoints):
        return f"{folder.path} keeps step {step_of(kept[0])} on given answers; {_SAME} goes on from there"
    if folder.is_begun:
        return f"{folder.path} keeps no step; {_SAME} begins anew"
    return f"nothing was done, and {folder.path} keeps nothing; the same command begins anew"


def _last(checkpoints: Path) -> list[Path]:
    """The last checkpoint, if there is one."""
    return listed(checkpoints)[-1:]


def _manifest(checkpoint: Path) -> Mapping[str, Any]:
    """What a checkpoint says that it is of; nothing if that cannot be read, which the trainer tells."""
    try:
        found = facts_of(checkpoint).get("identity")
    except StateError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _read(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, Mapping) else {}

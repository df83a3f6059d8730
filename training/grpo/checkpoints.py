"""Checkpoints that are whole or not there: `publish`, `newest`, `flaw`, `prune`.

In: a folder that was written beside the others under a name that starts with a dot. Out: `checkpoint-N`, renamed to
that only when all of it is on the disk, with a manifest of sizes and SHA-256 sums. A process that is killed leaves a
folder with a dot, which nobody reads and the next save removes. Old checkpoints leave after the new one is whole.
Nothing here knows torch, and nothing that is read can run code. Not here: what a checkpoint holds (trainer.py).
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from citerefine.training.errors import StateError

MANIFEST: Final = "manifest.json"
STAGED: Final = ".saving"
"""Where a checkpoint is written before it gets its name."""
_LEAVING: Final = ".leaving"
_PREFIX: Final = "checkpoint-"
_VERSION: Final = 1
_MOST_BYTES: Final = 64 << 20
"""Of a manifest that is read."""
_logger = logging.getLogger(__name__)


def publish(staged: Path, final: Path, facts: Mapping[str, Any]) -> None:
    """Makes `staged` the checkpoint `final`, in one step; a whole one of that name stays as it is.

    Args:
        staged: complete but for its manifest.
        final: in the same folder.
        facts: JSON that the manifest holds beside the list of files.
    """
    files = {}
    for file in _files(staged):
        files[file.relative_to(staged).as_posix()] = [file.stat().st_size, _sha256(file)]
        _sync(file)
    manifest = staged / MANIFEST
    manifest.write_text(json.dumps({"version": _VERSION, **facts, "files": files}, indent=1), "utf-8")
    _sync(manifest)
    for folder, _, _ in os.walk(staged, topdown=False):
        _sync(Path(folder))
    if final.exists():
        if not flaw(final):
            shutil.rmtree(staged)
            return
        _remove(final)
    staged.rename(final)
    _sync(final.parent)


def newest(checkpoints: Path) -> Path | None:
    """The checkpoint of the latest step that is whole; None if there is none."""
    for folder in reversed(listed(checkpoints)):
        reason = flaw(folder)
        if not reason:
            return folder
        _logger.warning("checkpoint %s is passed over: %s", folder.name, reason)
    return None


def listed(checkpoints: Path) -> list[Path]:
    """All folders that are named like checkpoints, by step."""
    if not checkpoints.is_dir():
        return []
    named = [path for path in checkpoints.iterdir() if path.name.removeprefix(_PREFIX).isdecimal() and path.is_dir()]
    return sorted(named, key=step_of)


def step_of(checkpoint: Path) -> int:
    """How many optimizer steps lie behind a checkpoint."""
    return int(checkpoint.name.removeprefix(_PREFIX))


def named(checkpoints: Path, step: int) -> Path:
    """Where the checkpoint of a step belongs."""
    return checkpoints / f"{_PREFIX}{step}"


def flaw(checkpoint: Path) -> str:
    """Why a checkpoint cannot be used; empty if each file is as it was written."""
    try:
        files = facts_of(checkpoint)["files"]
        for name, (size, digest) in files.items():
            file = checkpoint / name
            if not file.is_file():
                return f"{name} is not there"
            if file.stat().st_size != size:
                return f"{name} has {file.stat().st_size} bytes, and was written with {size}"
            if _sha256(file) != digest:
                return f"{name} is not what was written"
    except (StateError, KeyError, TypeError, ValueError, AttributeError) as error:
        return str(error) if isinstance(error, StateError) else f"{MANIFEST} cannot be read: {error!r}"
    return ""


def facts_of(checkpoint: Path) -> dict[str, Any]:
    """The manifest of a checkpoint.

    Raises:
        StateError: if there is none, or it is not JSON.
    """
    file = checkpoint / MANIFEST
    if not file.is_file() or file.stat().st_size > _MOST_BYTES:
        raise StateError(f"{checkpoint} has no {MANIFEST}; it was not saved to the end, use another checkpoint")
    try:
        facts = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise StateError(f"{file} is not JSON ({error}); use another checkpoint") from None
    if not isinstance(facts, dict) or facts.get("version") != _VERSION:
        raise StateError(f"{file} is not of version {_VERSION}; use the version of citerefine that wrote it")
    return facts


def prune(checkpoints: Path, keep: int) -> None:
    """Removes what interrupted saves left, and all but the last `keep` whole checkpoints and what is newer."""
    for path in [*checkpoints.glob(f"{STAGED}*"), *checkpoints.glob(f"{_LEAVING}*")]:
        shutil.rmtree(path, ignore_errors=True)
    for folder in [folder for folder in listed(checkpoints) if (folder / MANIFEST).is_file()][:-keep]:
        _remove(folder)


def _remove(checkpoint: Path) -> None:
    """Takes the name away first: a kill in the middle must not leave half a checkpoint under a checkpoint's name."""
    leaving = checkpoint.with_name(f"{_LEAVING}-{checkpoint.name}")
    shutil.rmtree(leaving, ignore_errors=True)
    checkpoint.rename(leaving)
    shutil.rmtree(leaving)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

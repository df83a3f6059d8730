"""Sees to it that a run neither replaces nor loses unasked what an earlier one left in its folder.

In: the folder, how answers are to be drawn. Out: a refusal that says what differs; a note in `stages/` of how answers
are drawn; whether anything is kept. A folder in which nothing is goes again. Not here: drawing (drawing.py), what a
result holds (results.py).
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from citerefine.refiner.chat.identity import identity
from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Mode
from citerefine.training.data.building.whole_file import write_whole
from citerefine.training.passk.drawing import LENGTHS
from citerefine.training.passk.results import RESULT, About
from citerefine.training.passk.running import STAGES
from citerefine.training.passk.settings import PasskSettings

DRAWN: Final = "drawn.json"
"""File in `stages/` that says how answers are drawn."""
_HOW: Final = {"temperature", "top_p", "seed"}
_MOST_SHOWN: Final = 200


def how_drawn(about: About, settings: PasskSettings, mode: Mode) -> dict[str, Any]:
    """All that decides an answer but its problem and its number, as JSON values."""
    return {
        "model": identity(about.model),
        "refiner": None if about.refiner is None else identity(about.refiner),
        "mode": str(mode),
        **settings.model_dump(mode="json", include=_HOW),
        **settings.lengths.model_dump(mode="json", include=LENGTHS),
    }


def check_kept(out: Path, drawn: Mapping[str, Any], n: int) -> None:
    """Raises InputError if a folder holds answers that were drawn otherwise, or more of them.

    Args:
        out: of the run; it need not be there.
        drawn: how its answers are drawn; see `how_drawn`.
        n: answers to each problem.
    """
    if not is_kept(out):
        return
    result = _read(out / RESULT)
    before = _read(out / STAGES / DRAWN) or _drawn_by(result)
    differ = [name for name in drawn if name in before and before[name] != drawn[name]]
    if before.get("refiner", drawn["refiner"]) is None and "refiner" in differ:
        differ.remove("refiner")  # drafts are refined that were not before: nothing is replaced
    if differ:
        told = "; ".join(f"{name} was {_shown(before[name])} and is {_shown(drawn[name])}" for name in differ)
        raise InputError(
            f"{out} holds answers that were drawn otherwise: {told}; name another --out, or set what differs as it was"
        )
    if isinstance(kept := result.get("n"), int) and kept > n:
        raise InputError(
            f"{out} holds {kept} answers to each problem, and -n is {n}; name -n {kept} or more, or another --out"
        )


def _read(file: Path) -> dict[str, Any]:
    """What a file of ours says; nothing if it is not there, or cannot be read: then it holds no result."""
    try:
        values = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _drawn_by(result: Mapping[str, Any]) -> dict[str, Any]:
    """The same as `how_drawn` as far as a result alone tells it."""
    settings = result.get("settings")
    if not isinstance(settings, dict):
        return {}
    lengths = settings.get("lengths")
    return {
        **{name: settings[name] for name in _HOW & settings.keys()},
        **(lengths if isinstance(lengths, dict) else {}),
    }


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)[:_MOST_SHOWN]


def note_drawn(out: Path, drawn: Mapping[str, Any]) -> None:
    """Writes how answers are drawn, before the first is. Raises InputError if that cannot be done."""
    write_whole(out / STAGES / DRAWN, f"{json.dumps(dict(drawn), ensure_ascii=False, indent=2)}\n")


def is_kept(out: Path) -> bool:
    """Whether a folder holds any answer, or why there is none."""
    if (out / RESULT).exists():
        return True
    return any(file.stat().st_size for file in (out / STAGES).glob("*/*.jsonl"))


def folders_to_make(out: Path) -> tuple[Path, ...]:
    """`stages/` and those it lies in, as far as they are not there yet, the innermost first."""
    stages = out / STAGES
    return tuple(folder for folder in (stages, *stages.parents) if not folder.exists())


def take_away(made: Sequence[Path]) -> None:
    """Takes away the folders that a run made that kept nothing; of these, only `stages/` with what is in it."""
    for folder in made:
        with suppress(OSError):  # what cannot be taken away stays, and holds nothing
            if folder.name == STAGES and folder == made[0]:
                shutil.rmtree(folder)
            else:
                folder.rmdir()

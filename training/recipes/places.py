"""Where paths in a recipe lead: relative ones start at the folder of its file.

In: the values of a recipe. Out: the same with whole paths. Names on a hub, addresses and names of judges stay. Not
here: whether there is anything at a path (checks.py).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_ROWS: Final = (("data", "train"), ("data", "eval"))
_MODELS: Final = (("model", "name"),)
_JUDGES: Final = (
    ("reward", "judge"),
    ("reward", "support"),
    ("reward", "backup"),
    ("watch", "audit"),
    ("evolve", "admission"),
    ("evolve", "writer"),
)
_FILES: Final = ("table",)
"""Kinds of judge strings that always name a file."""
_PERHAPS: Final = ("hf", "vllm", "cascade")
"""Kinds that name a path or something else."""


def placed(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The values with paths that start at `folder`."""
    result = {key: dict(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    for keys, place in ((_ROWS, _rows), (_MODELS, _model), (_JUDGES, _judge)):
        for section, key in keys:
            within = result.get(section)
            if isinstance(within, dict) and isinstance(within.get(key), str) and within[key]:
                within[key] = place(within[key], folder)
    return result


def _rows(name: str, folder: Path) -> str:
    return name if name.startswith("hub:") else _whole(name, folder)


def _model(name: str, folder: Path) -> str:
    """A name such as `org/model` is a folder only where there is one."""
    path = name.removeprefix("hf:")
    return _whole(path, folder) if _is_path(path) or (folder / path).is_dir() else name


def _judge(name: str, folder: Path) -> str:
    kind, colon, rest = name.partition(":")
    if kind in _FILES and rest:
        return f"{kind}:{_whole(rest, folder)}"
    if kind in _PERHAPS and _is_path(rest):
        return f"{kind}:{_whole(rest, folder)}"
    if kind == "cascade":
        return f"{kind}{colon}{_judge(rest, folder)}"
    return name


def _is_path(name: str) -> bool:
    return name.startswith(("/", "./", "../", "~"))


def _whole(name: str, folder: Path) -> str:
    return str((folder / Path(name).expanduser()).resolve())

"""Where commands keep what a model judged, so that no query is paid twice.

In: a file, if one was named. Out: the judge with its file of verdicts. Not here: the file's format
(judges/verdict_cache.py).
"""

from pathlib import Path

from citerefine.app.corpora import cache_folder
from citerefine.judges.judge import SupportJudge
from citerefine.judges.loading import load_support_judge
from citerefine.judges.runs.score_file import computes
from citerefine.refiner.errors import InputError


def judge_with_cache(name: str, cache: Path | None) -> SupportJudge:
    """The judge of a string; a model's verdicts are kept in `cache`, by default in the user's cache folder.

    Raises:
        ModelError: if the string names no judge.
        InputError: if the file cannot be made or read.
    """
    return load_support_judge(name, cache=None if computes(name) else cache or _default_cache())


def _default_cache() -> Path:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}; name a file with --cache") from error
    return folder / "verdicts.db"

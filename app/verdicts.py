"""What commands do with a judge that is a model: see that it is there, and keep what it judged.

In: a judge string, a file, if one was named. Out: the judge with its file of verdicts. Not here: the file's format
(judges/verdict_cache.py).
"""

from pathlib import Path

from citerefine.app.corpora import cache_folder
from citerefine.judges.judge import SupportJudge
from citerefine.judges.loading import load_support_judge
from citerefine.judges.runs.score_file import computes
from citerefine.refiner.background import run
from citerefine.refiner.errors import InputError
from citerefine.refiner.models import load_chat_model
from citerefine.refiner.protocols import ChatModel


def judge_with_cache(name: str, cache: Path | None) -> SupportJudge:
    """The judge of a string; a model's verdicts are kept in `cache`, by default in the user's cache folder.

    Raises:
        CallError: if its server is not there.
        ModelError: if the string names no judge.
        InputError: if the file cannot be made or read, or is named for a judge without a model.
    """
    refuse_cache(name, cache)
    judge = load_support_judge(name, cache=None if computes(name) else cache or _default_cache())
    greet(name)
    return judge


def refuse_cache(name: str, cache: Path | None) -> None:
    """Raises InputError if a file of verdicts is named for a judge that has none to keep."""
    if cache is not None and computes(name):
        raise InputError(f"--cache is for judges with a model, and {name} asks none; leave it out")


def greet(name: str) -> None:
    """Sees that the server of a judge is there, before any row is read. Raises CallError if it is not."""
    run(agreet(name))


async def agreet(name: str) -> None:
    """The same as `greet`, to be awaited."""
    model = name.removeprefix("cascade:")
    if model.startswith("openai:"):
        await _ask_what_it_can_do(load_chat_model(model))


async def _ask_what_it_can_do(model: ChatModel) -> None:
    try:
        await model.capabilities()
    finally:
        await model.aclose()


def make_folder(file: Path) -> None:
    """Makes the folder of a file of verdicts or calls, for its owner only. Raises InputError if that cannot be done."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InputError(f"{file.parent} cannot be made: {error.strerror}; name a file with --cache") from error


def _default_cache() -> Path:
    file = cache_folder() / "verdicts.db"
    make_folder(file)
    return file

"""`citerefine serve`: opens what is searched, and serves until it is told to stop.

In: paths, sources, settings. Out: a line on standard error with the address; then what the server does. Not here: the
server (serving/).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import ValidationError

from citerefine.app.messages import say
from citerefine.app.searching import Sources, open_searched
from citerefine.app.serving.answering import Answerer
from citerefine.app.serving.errors import said
from citerefine.app.serving.server import serve
from citerefine.app.serving.settings import ServeSettings
from citerefine.refiner.errors import InputError


def run_serve(
    paths: Sequence[Path], sources: Sources, values: Mapping[str, Any], history: Path | None, *, keeps: bool
) -> None:
    """Serves.

    Args:
        paths: corpora; none, and no source, stands for the built-in notes.
        sources: what else is searched.
        values: of `ServeSettings`.
        history: where answers are kept; None stands for the user's data folder.
        keeps: whether they are kept at all.

    Raises CiterefineError.
    """
    kept = (history or _data_folder() / "answers.db") if keeps else None
    try:
        settings = ServeSettings.model_validate({**values, "history": kept})
    except ValidationError as error:
        raise InputError(said(error).removeprefix("Value error, ")) from None
    with open_searched(paths, sources) as searched:
        answerer = Answerer(settings, searched.tool, searched.notes)
        serve(answerer, lambda address: _greet(address, answerer))


def _greet(address: str, answerer: Answerer) -> None:
    names = " and ".join(answerer.names)
    say(f"serving at {address} – OpenAI clients: base_url={address}/v1, models {names}; Ctrl-C stops")


def _data_folder() -> Path:
    return Path(platformdirs.user_data_dir("citerefine"))

"""Keeps libraries from telling users what only those who develop with them need: warnings, bars, telemetry.

In: a block of work, whose imports of these libraries stand inside. Out: the same in quiet. What this project tells, and
errors, are not touched. Not here: what is told.
"""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_FOREIGN: Final = r"(trl|transformers|torch|accelerate|peft|datasets)(\..*)?"
"""Modules whose warnings are about their own use."""
_LOGGERS: Final = ("trl", "accelerate", "datasets", "peft")
_VARIABLES: Final = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


@contextmanager
def quiet() -> Iterator[None]:
    """Only errors of libraries are told."""
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
    import transformers

    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    verbosity, bars = transformers.logging.get_verbosity(), transformers.logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=_FOREIGN)
            yield
    finally:
        transformers.logging.set_verbosity(verbosity)
        if bars:
            transformers.logging.enable_progress_bar()
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)

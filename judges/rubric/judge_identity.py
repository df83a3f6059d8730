"""Tells which judges are the same: what of a judge's name decides its verdicts.

In: names of judges, which hold model strings. Out: names that can be compared. Models on servers of one's own are the
same wherever these are. Not here: what of a model string counts (refiner/chat/identity.py).
"""

import re
from typing import Final

from citerefine.refiner.chat.identity import identity
from citerefine.refiner.errors import ModelError

_MODEL: Final = re.compile(r"\bopenai:[^\s()]*[^\s(),]")
"""A model string in a judge's name."""
_SEED: Final = re.compile(r", seed \d+(?=\)$|, backup )")
"""What the votes of a chat judge are drawn with."""


def judge_identity(name: str) -> str:
    """What of a judge's name decides its verdicts: of models on servers of one's own, not where these are.

    >>> one = judge_identity("openai:m@http://localhost:8000/v1 (votes 3)")
    >>> one == judge_identity("openai:m@http://10.0.0.7:9000/v1,http://node3/v1 (votes 3)")
    True
    """
    return _MODEL.sub(lambda found: _identity(found[0]), name)


def measured_identity(name: str) -> str:
    """What of a judge's name decides how far it agrees with people: another seed draws other votes of the same judge.

    >>> measured_identity("openai:m@http://localhost:8000/v1 (votes 3, seed 7)")
    'openai:m@own server (votes 3)'
    """
    return _SEED.sub("", judge_identity(name))


def _identity(model: str) -> str:
    try:
        return identity(model)
    except ModelError:  # only looks like a model string
        return model

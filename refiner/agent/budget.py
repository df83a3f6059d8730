"""Fits a refiner into the tokens that are left of a run.

In: settings and a number of tokens. Out: settings whose calls together need no more. Not here: counting tokens and
refusing calls (chat/budget.py), where the limit comes from (context.py).
"""

from typing import Final

from citerefine.refiner.errors import CallError
from citerefine.refiner.settings import OnInvalid, RefinerSettings

_MARGIN: Final = 64
"""By how much the prompt of a call may be longer than its budget, since chat templates add to it."""
_MIN_PROMPT, _MIN_ANSWER, _MIN_TOTAL = 128, 16, 256
"""Least values of RefinerSettings."""


def affordable(settings: RefinerSettings, left: int) -> RefinerSettings:
    """Settings of a refiner whose calls together stay within `left` tokens, as near to `settings` as that allows.

    First the second pass goes, then the repair, then prompt and answer get shorter. Raises CallError (`budget`) where
    not even the shortest call is left.
    """
    for passes, on_invalid in _ways(settings):
        calls = passes + on_invalid.repairs
        if calls * (settings.total_tokens + _MARGIN) <= left:
            return settings.model_copy(update={"passes": passes, "on_invalid": on_invalid})
    total = min(settings.total_tokens, left - _MARGIN)
    if total < _MIN_TOTAL:
        raise CallError(
            f"{left} tokens are left of the run's budget, too few for an answer; raise max_tokens", "budget"
        )
    answer = min(settings.answer_tokens, max(_MIN_ANSWER, total // 3))
    update = {
        "passes": 1, "on_invalid": _without_repair(settings.on_invalid), "total_tokens": total,
        "answer_tokens": answer, "prompt_tokens": max(_MIN_PROMPT, min(settings.prompt_tokens, total - answer)),
    }  # fmt: skip
    return settings.model_copy(update=update)


def _ways(settings: RefinerSettings) -> list[tuple[int, OnInvalid]]:
    """Passes and policy, from what is wanted to the fewest calls."""
    bare = _without_repair(settings.on_invalid)
    wanted = [(settings.passes, settings.on_invalid), (1, settings.on_invalid), (1, bare)]
    return [*dict.fromkeys(wanted)]


def _without_repair(on_invalid: OnInvalid) -> OnInvalid:
    return OnInvalid(on_invalid.last_resort)

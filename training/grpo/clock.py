"""Where the time of a step goes: `StepClock`.

In: calls as a step goes on. Out: seconds under the names that runs are logged by, and tokens a second. Not here: what
is learnt.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Part = Literal["rollout", "reward"]


class StepClock:
    """Times one optimizer step after the other."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._paused: float | None = None
        self._spent: dict[Part, float] = {}
        self._tokens = 0
        self._scored, self._hidden = 0.0, 0.0

    def start(self) -> None:
        """Begins a step, unless one is going on; what lay between a pause and this is not counted."""
        now = time.perf_counter()
        if self._began is None:
            self._began, self._spent, self._tokens = now, {}, 0
            self._scored, self._hidden = 0.0, 0.0
        elif self._paused is not None:
            self._began += now - self._paused
        self._paused = None

    def pause(self) -> None:
        """What follows is not counted, until the next `start`."""
        if self._paused is None:
            self._paused = time.perf_counter()

    @contextmanager
    def spending(self, part: Part) -> Iterator[None]:
        """Counts what happens inside to a part of the step."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._spent[part] = self._spent.get(part, 0.0) + time.perf_counter() - began

    def count(self, tokens: int) -> None:
        """Counts tokens of prompts and answers, over all processes."""
        self._tokens += tokens

    def scored(self, seconds: float, under_sampling: float) -> None:
        """Notes how long rewards were worked on, and how much of that was while others were sampled, so that nobody
        waited for it."""
        self._scored += seconds
        self._hidden += under_sampling

    def stop(self) -> dict[str, float]:
        """Ends the step: seconds of its parts, and tokens a second; nothing if none was going on.

        Where rewards were worked on early, `time/scoring` is how long, and `scoring/under_rollout` the share of that
        which `time/rollout` holds; `time/reward` is what was waited for.
        """
        if self._began is None:
            return {}
        ended = time.perf_counter() if self._paused is None else self._paused
        whole, self._began, self._paused = ended - self._began, None, None
        parts = {f"time/{part}": seconds for part, seconds in self._spent.items()}
        if self._tokens:
            parts["tokens/s"] = self._tokens / whole
        if self._scored:
            parts |= {"time/scoring": self._scored, "scoring/under_rollout": self._hidden / self._scored}
        return parts | {"time/update": whole - sum(self._spent.values())}

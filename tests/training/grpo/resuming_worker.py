"""A process that trains in forks of itself, which are killed where an order says; see tests/forking_worker.py.

An order: `model` and `run` (folders), `resume`, `kill` (a place of `PLACES`, or none), `call` (which time it comes
there, from 1). What is answered: digests of weights and of the optimizer's state, and the losses of all steps.
"""

import hashlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
from tests.forking_worker import serve_orders
from tests.training.grpo.tiny_runs import Scripted, by_first_token, model_of, tokenizer_of, trainer

from citerefine.training.grpo import checkpoints

PLACES: Final = (
    "rollout",
    "reward",
    "backward",
    "before the optimizer",
    "after the optimizer",
    "writing a checkpoint",
    "checking it",
    "naming it",
    "after naming it",
)
STEPS: Final = 3


class Killer:
    """Kills this process when it comes to its place for the nth time."""

    def __init__(self, place: str | None, call: int) -> None:
        self._place, self._left = place, call

    def at(self, place: str) -> None:
        if place == self._place:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)

    def before(self, place: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.at(place)
            return call(*args, **kwargs)

        return watched


class Counter:
    """A part of the state: how many answers were rewarded."""

    name = "counter"

    def __init__(self, killer: Killer) -> None:
        self.count, self._killer = 0, killer

    def save(self, folder: Path) -> None:
        (folder / "count.json").write_text(str(self.count))
        if ".saving" in str(folder):
            self._killer.at("writing a checkpoint")

    def load(self, folder: Path) -> None:
        self.count = int((folder / "count.json").read_text())


def prepared(order: dict[str, Any]) -> tuple[Scripted, Counter]:
    """A trainer that is killed where the order says."""
    killer = Killer(order.get("kill"), order.get("call", 1))
    counter = Counter(killer)

    def reward(completion_ids: Any, **columns: Any) -> list[float | None]:
        killer.at("reward")
        counter.count += len(completion_ids)
        return by_first_token(completion_ids)

    values: dict[str, Any] = {"steps": STEPS, "save_steps": 1, "schedule": "linear", "warmup_steps": 1}
    made = trainer(Path(order["model"]), Path(order["run"]), reward, parts=[counter], **values)
    for owner, name, place in (
        (made, "_generate_single_turn", "rollout"),
        (made.accelerator, "backward", "backward"),
        (made._gate, "on_pre_optimizer_step", "before the optimizer"),
        (made._gate, "on_optimizer_step", "after the optimizer"),
        (checkpoints, "_sync", "checking it"),
    ):
        setattr(owner, name, killer.before(place, getattr(owner, name)))
    setattr(made, "_publish", _watched_publish(made, killer))  # noqa: B010  # a method
    return made, counter


def _watched_publish(made: Scripted, killer: Killer) -> Callable[..., None]:
    rename, publish = Path.rename, made._publish

    def watched(*args: Any) -> None:
        Path.rename = killer.before("naming it", rename)  # type: ignore[method-assign]
        publish(*args)
        Path.rename = rename  # type: ignore[method-assign]
        killer.at("after naming it")

    return watched


async def work(order: dict[str, Any]) -> dict[str, Any]:
    """Trains to the end, unless it is killed."""
    torch.set_num_threads(1)
    made, counter = prepared(order)
    made.train(True if order.get("resume") and checkpoints.newest(made.checkpoints) else None)
    return {
        "weights": digest(made.model.state_dict()),
        "optimizer": digest(made.optimizer.state_dict()["state"]),
        "schedule": made.lr_scheduler.state_dict()["_last_lr"],
        "losses": [line["loss"] for line in made.state.log_history if "loss" in line],
        "tokens": made.state.num_input_tokens_seen,
        "rewarded": counter.count,
        "left": sorted(path.name for path in made.checkpoints.iterdir()),
    }


def digest(values: dict[Any, Any]) -> str:
    """A SHA-256 over all tensors, bit for bit."""
    found = hashlib.sha256()
    for key, value in sorted(values.items(), key=lambda item: str(item[0])):
        found.update(str(key).encode())
        found.update(digest(value).encode() if isinstance(value, dict) else value.cpu().numpy().tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    folder = Path(os.environ["TINY_QWEN3"])
    model_of(folder), tokenizer_of(folder)
    serve_orders(work)

"""A process that trains in two phases in forks of itself, which are killed where an order says (forking_worker.py).

An order: `model` and `run` (folders), `resume`, `kill` (a place of `PLACES`, or none), `call` (which time it comes
there, from 1), `stop` (the rollout after which it is asked to stop). What is answered: digests of weights and of the
optimizer's state, and the figures of all steps.
"""

import os
from pathlib import Path
from typing import Any, Final

import torch
from tests.forking_worker import serve_orders
from tests.training.grpo.resuming_worker import Killer, digest
from tests.training.grpo.tiny_runs import model_of, tokenizer_of
from tests.training.phases.two_phase_runs import Verified, phases_of, two_phase_trainer

from citerefine.training.grpo import checkpoints

PLACES: Final = ("rollout", "reward", "after the drafts are chosen", "before the optimizer", "writing the drafts")
STEPS: Final = 4
FIGURES: Final = ("loss", "reward/draft", "reward/improved", "transitions/wrong_right", "transitions/right_wrong")


async def work(order: dict[str, Any]) -> dict[str, Any]:
    """Trains to the end, unless it is killed or stopped."""
    torch.set_num_threads(1)
    killer, phases = Killer(order.get("kill"), order.get("call", 1)), phases_of(Path(order["model"]))
    scored, save = phases.scored, phases.save

    def told(rollout: int, answers: Any) -> Any:
        figures = scored(rollout, answers)
        killer.at("after the drafts are chosen")
        if rollout == order.get("stop"):
            made.stop_after_rollout()
        return figures

    def saved(folder: Path) -> None:
        save(folder)
        if ".saving" in str(folder):
            killer.at("writing the drafts")

    phases.scored, phases.save = told, saved  # type: ignore[method-assign]
    reward = killer.before("reward", Verified())
    values: dict[str, Any] = {"steps": STEPS, "save_steps": order.get("save_steps", 1), "schedule": "linear"}
    made = two_phase_trainer(Path(order["model"]), Path(order["run"]), reward, phases=phases, **values)
    setattr(made, "_sample", killer.before("rollout", made._sample))  # noqa: B010  # a method
    gated = killer.before("before the optimizer", made._gate.on_pre_optimizer_step)
    setattr(made._gate, "on_pre_optimizer_step", gated)  # noqa: B010
    made.train(True if order.get("resume") and checkpoints.newest(made.checkpoints) else None)
    return {
        "weights": digest(made.model.state_dict()),
        "optimizer": digest(made.optimizer.state_dict()["state"]),
        "steps": made.state.global_step,
        "figures": [[line.get(name) for name in FIGURES] for line in made.state.log_history if "loss" in line],
    }


if __name__ == "__main__":
    folder = Path(os.environ["TINY_QWEN3"])
    model_of(folder), tokenizer_of(folder)
    serve_orders(work)

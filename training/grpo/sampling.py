"""The half of the trainer that samples and asks for rewards: `SamplingTrainer`, a GRPOTrainer of TRL.

In: rows of the dataset. Out: `Rollout`s. TRL samples; here prompts are encoded as they are rendered, an answer without
tokens cannot end the run, and rewards are caught before TRL makes numbers of missing ones. Not here: what becomes of a
rollout (trainer.py).
"""

import asyncio
import math
import os
from collections.abc import Sequence
from typing import Any

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # before trl is imported

import torch
from accelerate.utils import gather, gather_object
from trl import GRPOTrainer
from trl.trainer.utils import is_async_callable

from citerefine.refiner.errors import CiterefineError
from citerefine.training.grpo.agreeing import fail_together
from citerefine.training.grpo.clock import StepClock
from citerefine.training.grpo.phases import Row
from citerefine.training.grpo.reward_figures import tells_figures
from citerefine.training.grpo.rollout import Rollout
from citerefine.training.grpo.seeding import seed_draw


class SamplingTrainer(GRPOTrainer):  # type: ignore[misc]  # trl is not typed
    """Samples by TRL; with transformers, from random numbers that depend on the seed and the step alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._clock = StepClock()
        self._caught: dict[str, Any] = {}
        """What TRL's methods say on the way, and its tensors do not hold."""
        super().__init__(*args, **kwargs)

    def _sample(self, number: int, draw: int, rows: Sequence[Row]) -> Rollout:
        """Answers and rewards for the rows of this process.

        Args:
            number: of the rollout.
            draw: which sampling of this rollout it is.
            rows: whole groups.
        """
        seed_draw(self.args.seed, number, draw, self.accelerator.process_index)
        self._caught = {}
        tensors = self._generate_and_score_completions([dict(row) for row in rows])
        caught = self._caught
        ends = {*self.eos_token_ids, self._tokenizer.pad_token_id}
        breakdowns = tuple(getattr(self.reward_funcs[0], "breakdowns", ()))
        if len(breakdowns) != len(rows):
            breakdowns = (None,) * len(rows)
        n_tokens = int(tensors["prompt_mask"].sum()) + sum(map(len, caught["ids"]))
        self._clock.count(sum(gather_object([n_tokens])))
        return Rollout(
            tensors=tensors,
            rows_B=[*rows],
            completions_B=caught["texts"],
            ids_B=caught["ids"],
            rewards_B=caught["rewards"],
            cut_B=[ids[-1] not in ends for ids in caught["ids"]],
            empty_B=caught["empty"],
            breakdowns_B=[*breakdowns],
        )

    def _tokenize_prompts(self, prompts: list[Any]) -> Any:
        """Prompts are rendered: their control tokens are there as text, and nothing may be added."""
        return self.processing_class(text=prompts, add_special_tokens=False)["input_ids"], None, {}

    def _generate(self, prompts: list[Any]) -> Any:
        with self._clock.spending("rollout"):
            return super()._generate(prompts)

    def _generate_single_turn(
        self, prompt_ids: Any, images: Any, multimodal_fields: Any, num_generations: int, has_tool_images: bool = False
    ) -> Any:
        """TRL looks at the last token of each answer; one without any gets an end token, and is left out later."""
        ids, logps = super()._generate_single_turn(
            prompt_ids, images, multimodal_fields, num_generations, has_tool_images=has_tool_images
        )
        self._caught["empty"] = [not row for row in ids]
        if logps is not None:
            logps = [row if kept else [0.0] for row, kept in zip(logps, ids, strict=True)]
        return [row or [self._tokenizer.eos_token_id] for row in ids], logps

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Any:
        """The rewards of all processes, (N, 1), NaN where one is missing; what fails in one process fails in all."""
        with self._clock.spending("reward"):
            failure: CiterefineError | None = None
            rewards: list[float | None] = [None] * len(prompts)
            try:
                rewards = self._ask(inputs, prompts, completions, completion_ids_list)
            except CiterefineError as error:
                failure = error
            # Before the others wait for the rewards of a process that has none.
            fail_together(failure, "reward its answers", self.accelerator.num_processes)
        self._caught |= {"rewards": rewards, "texts": list(completions), "ids": completion_ids_list}
        values = [[math.nan if reward is None else reward] for reward in rewards]
        return gather(torch.tensor(values, dtype=torch.float32, device=self.accelerator.device))

    def _ask(self, inputs: Any, prompts: Any, completions: Any, ids: Any) -> list[float | None]:
        columns = {key: [row[key] for row in inputs] for key in inputs[0] if key != "prompt"}
        reward = self.reward_funcs[0]
        asked = reward(
            prompts=prompts,
            completions=completions,
            completion_ids=ids,
            trainer_state=self.state,
            log_extra=self._log_completion_extra,
            log_metric=None if self.model.training and tells_figures(reward) else self._log_metric,
            **columns,
        )
        if is_async_callable(reward):
            asked = asyncio.run_coroutine_threadsafe(asked, self.async_loop).result()
        if len(asked) != len(prompts):
            raise ValueError(f"the reward gave {len(asked)} values for {len(prompts)} answers; it must give one each")
        return [None if value is None or not math.isfinite(value) else float(value) for value in asked]

    def _send_telemetry(self) -> None:
        """Nothing is sent."""

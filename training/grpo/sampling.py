"""The half of the trainer that samples and asks for rewards: `SamplingTrainer`, a GRPOTrainer of TRL.

In: rows of the dataset. Out: `Rollout`s. TRL samples; here prompts are encoded as they are rendered, and computed once
for all their answers (generating.py); rewards of a group are asked for while others are sampled (early.py); an
answer without tokens cannot end the run, and rewards are caught before TRL makes numbers of missing ones. Not here:
what becomes of a rollout (trainer.py).
"""

import asyncio
import math
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # before trl is imported

import torch
from accelerate.utils import gather, gather_object
from trl import GRPOTrainer
from trl.models import unwrap_model_for_generation
from trl.trainer.utils import is_async_callable

from citerefine.refiner.errors import CiterefineError
from citerefine.training.grpo.agreeing import fail_together
from citerefine.training.grpo.clock import StepClock
from citerefine.training.grpo.early import EarlyRewards, scoring_of
from citerefine.training.grpo.generating import Listener, generate_shared, until_end
from citerefine.training.grpo.phases import Row
from citerefine.training.grpo.reward_figures import tells_figures
from citerefine.training.grpo.rollout import Rollout
from citerefine.training.grpo.seeding import seed_draw
from citerefine.training.grpo.settings import AlgorithmSettings
from citerefine.training.prefix.support import refusal


class SamplingTrainer(GRPOTrainer):  # type: ignore[misc]  # trl is not typed
    """Samples by TRL; with transformers, from random numbers that depend on the seed and the step alone."""

    _settings: AlgorithmSettings
    """Set by whoever inherits, before TRL's own preparations."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._clock = StepClock()
        self._rows: Sequence[Row] = ()
        """Of the rollout that is sampled."""
        self._early: EarlyRewards | None = None
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
        self._caught, self._rows = {}, rows
        self._early = self._early_rewards()
        try:
            tensors = self._generate_and_score_completions([dict(row) for row in rows])
        finally:
            if self._early is not None:
                self._early.close()
                self._early = None
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
        """Answers of so many groups at once as the settings say; in training, each goes to the rewards as it ends.

        TRL looks at the last token of each answer; one without any gets an end token, and is left out later.
        """
        ids: list[list[int]] = []
        logps: list[list[Any]] | None = None
        empty: list[bool] = []
        each = self._rows_at_once(len(prompt_ids))
        for start in range(0, len(prompt_ids), each):
            part = slice(start, start + each)
            some, of_some = self._answers(prompt_ids[part], num_generations, partial(self._hand_over, start))
            empty += [not row for row in some]
            if of_some is not None:
                logps = (logps or []) + [row if kept else [0.0] for row, kept in zip(of_some, some, strict=True)]
            ids += [row or [self._tokenizer.eos_token_id] for row in some]
            for first in range(start, len(ids), num_generations):
                if self._early is not None and first not in self._early.places:
                    self._hand_over(0, first, ids[first : first + num_generations])
        self._caught["empty"] = empty
        return ids, logps

    def _rows_at_once(self, rows: int) -> int:
        """How many of this many rows are sampled together; TRL's evaluation has all."""
        wanted = self._settings.groups_at_once * self.num_generations
        return min(wanted, rows) if wanted and self.model.training else rows

    def _hand_over(self, start: int, first: int, ids: list[list[int]]) -> None:
        """Asks for the rewards of a group whose first answer is row `first` of those that begin at `start`."""
        if self._early is None:
            return
        at = start + first
        rows = self._rows[at : at + len(ids)]
        texts = self.processing_class.batch_decode(ids, skip_special_tokens=True)
        self._early.add(at, [row["prompt"] for row in rows], texts, ids, **columns_of(rows))

    def _answers(
        self,
        prompt_ids: Sequence[Sequence[int]],
        num_generations: int,
        tell: Callable[[int, list[list[int]]], None],
    ) -> Any:
        """The ids of answers, and their log-probabilities if vLLM tells them; `tell` is that of a `Listener`."""
        if self.use_vllm:
            return super()._generate_single_turn(prompt_ids, None, {}, num_generations)
        longest = max(map(len, prompt_ids)) + self.max_completion_length
        shares = self._settings.shared_prefix != "off" and refusal(self.model, longest) is None
        listener = None if self._early is None else Listener(num_generations, {*self.eos_token_ids}, tell)
        with (
            unwrap_model_for_generation(
                self.model_wrapped,
                self.accelerator,
                gather_deepspeed3_params=self.args.ds3_gather_for_generation,
                generation_kwargs=self.generation_kwargs,
                gradient_checkpointing_kwargs=self.args.gradient_checkpointing_kwargs,
            ) as model,
            torch.no_grad(),
            self._dist.summon_full_params(self.model_wrapped, recurse=False),
        ):
            answers = generate_shared(
                model,
                prompt_ids,
                self.generation_config,
                self._tokenizer.pad_token_id,
                self.accelerator.device,
                shares=shares,
                listener=listener,
            )
        return until_end(answers, self.eos_token_ids), None

    def _early_rewards(self) -> EarlyRewards | None:
        """What takes the answers of the rollout while it is sampled."""
        reward = self.reward_funcs[0]
        scoring = scoring_of(reward, self.state) if is_async_callable(reward) else None
        return None if scoring is None else EarlyRewards(scoring, self.async_loop)

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
        reward = self.reward_funcs[0]
        logs = {
            "log_extra": self._log_completion_extra,
            "log_metric": None if self.model.training and tells_figures(reward) else self._log_metric,
        }
        if self._early is not None and self._early.places:  # none where another way of sampling was put in place
            asked = self._early.finish(**logs)
            self._clock.scored(*self._early.worked())
        else:
            asked = reward(
                prompts=prompts,
                completions=completions,
                completion_ids=ids,
                trainer_state=self.state,
                **logs,
                **columns_of(inputs),
            )
            if is_async_callable(reward):
                asked = asyncio.run_coroutine_threadsafe(asked, self.async_loop).result()
        if len(asked) != len(prompts):
            raise ValueError(f"the reward gave {len(asked)} values for {len(prompts)} answers; it must give one each")
        return [None if value is None or not math.isfinite(value) else float(value) for value in asked]

    def _send_telemetry(self) -> None:
        """Nothing is sent."""


def columns_of(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """What a reward is given of rows beside their prompts, column by column."""
    return {key: [row[key] for row in rows] for key in rows[0] if key != "prompt"}

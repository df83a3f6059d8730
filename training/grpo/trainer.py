"""TRL's GRPOTrainer, with what it lacks: rewards that may be missing, groups that stay whole, exact resuming.

In: a model, a reward callable, a dataset of rendered prompts, `AlgorithmSettings`, a run's folder. Out: a trained model
and checkpoints. What differs from TRL is in the modules that this one joins: sampling and rewards (sampling.py),
advantages over whole groups of known rewards (missing.py), further groups in place of those without signal (refill.py),
an order of prompts and random numbers that depend on the step alone (order.py, seeding.py), checkpoints that are whole
or not there (saving.py). Methods that are private in TRL are overridden; a test compares their signatures. Not here:
rewards, recipes.

When judges fail, `train` ends with JudgeOutage and a checkpoint of the state before the step; nothing was moved.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object
from datasets import Dataset
from peft import PeftModel
from transformers import PrinterCallback

from citerefine.training.credit.spans import ByteTokens
from citerefine.training.errors import JudgeOutage, RecipeError
from citerefine.training.grpo.agreeing import of_all
from citerefine.training.grpo.config import grpo_config, lora_config
from citerefine.training.grpo.credited import term_matrix, terms_of, untold, with_claim_credit
from citerefine.training.grpo.gates import StepGate
from citerefine.training.grpo.identity import data_key
from citerefine.training.grpo.missing import GroupRule, Settled, into_passes, leave_out, row_scales, settle
from citerefine.training.grpo.order import PromptOrder, RolloutSampler
from citerefine.training.grpo.parts import PartsKeeper, StatePart
from citerefine.training.grpo.phases import Phases, Row, Scored
from citerefine.training.grpo.refill import Source, refill
from citerefine.training.grpo.reward_figures import reward_figures, trl_figures
from citerefine.training.grpo.rollout import Rollout
from citerefine.training.grpo.sampling import SamplingTrainer
from citerefine.training.grpo.saving import ExactlyResumed
from citerefine.training.grpo.settings import AlgorithmSettings
from citerefine.training.grpo.shapes import launched_processes, step_shape
from citerefine.training.prefix.shared import SharedPrefix

_MEAN_OVER_ROWS = ("dr_grpo", "grpo")
"""Losses that divide by the number of answers."""


class RefinerTrainer(ExactlyResumed, SamplingTrainer):  # trl is not typed
    """Trains a policy on the answers that it samples."""

    def __init__(
        self,
        model: Any,
        reward: Any,
        dataset: Dataset,
        tokenizer: Any,
        settings: AlgorithmSettings,
        output: Path,
        *,
        eval_dataset: Dataset | None = None,
        callbacks: Sequence[Any] = (),
        answer_tokens: int = 1024,
        total_tokens: int = 8192,
        identity: Mapping[str, Any] | None = None,
        parts: Sequence[StatePart] = (),
        phases: Phases | None = None,
        use_cpu: bool = False,
        report_to: Sequence[str] = (),
    ) -> None:
        """Prepares a run; `train` runs it.

        Args:
            model: the policy, or its path or name.
            reward: called as TRL calls a reward function, async or not; None is a missing reward. If it has
                `breakdowns`, aligned with the last call's rows, `gdpo` and claim credit use them; if it has `rewind`,
                that is told the step that a resumed run begins with; if it has `figures` and `take_usages`, these say
                what is logged of a rollout (reward_figures.py); if it has `kept`, that is told what is trained on.
            dataset: columns `id`, `prompt` (rendered, control tokens as text), `row`, `n_prompt_tokens`.
            tokenizer: the policy's.
            settings: of the algorithm.
            output: the run's folder.
            eval_dataset: for TRL's own evaluation, with the same columns.
            callbacks: of transformers.
            answer_tokens: most tokens of an answer.
            total_tokens: most tokens of prompt and answer.
            identity: what a run that goes on from a checkpoint must have the same; None: `settings` and lengths.
            parts: what checkpoints hold beside weights and optimizer.
            phases: rollouts that share prompts; None: one. What waits for its next phase is saved with the rest.
            use_cpu: even if there is a GPU.
            report_to: names of transformers' integrations.

        Raises:
            RecipeError: if a step cannot be shared out over the processes, or there are too few prompts.
        """
        _check(settings, phases)
        self._settings, self._dataset, self._phases = settings, dataset, phases
        self._n_phases = phases.count if phases else 1
        self._shape = step_shape(settings, launched_processes())
        self._order = PromptOrder(len(dataset), settings.prompts_per_step, settings.seed)
        self._rule = GroupRule(settings.advantage, settings.group_size, settings.least_share, settings.flat_tolerance)
        self._tokens = ByteTokens(tokenizer) if settings.claim_credit else None
        super().__init__(
            model=model,
            reward_funcs=reward,
            args=grpo_config(
                settings,
                self._shape,
                output,
                answer_tokens=answer_tokens,
                total_tokens=total_tokens,
                use_cpu=use_cpu,
                report_to=report_to,
            ),
            train_dataset=Dataset.from_dict({"place": range(len(dataset))}),
            eval_dataset=eval_dataset,
            processing_class=tokenizer,
            callbacks=[*callbacks],
            peft_config=None if isinstance(model, PeftModel) else lora_config(settings.lora),
        )
        self._buffered_inputs: list[dict[str, Any]] | None = None
        self._prefix = self._shared_prefix(total_tokens)
        updates = settings.updates_per_rollout
        self._gate = StepGate(self.accelerator, self._shape.passes_per_update, updates, self._clock)
        self.add_callback(self._gate)
        self.remove_callback(PrinterCallback)
        default = {"train": settings.model_dump(mode="json"), "answer_tokens": answer_tokens}
        self._prepare_saving(
            PartsKeeper([*parts, *([phases] if phases else [])], output),
            {**(default if identity is None else identity), "data": data_key(dataset)},
            keep=settings.keep_checkpoints,
            updates_per_save=updates,
        )

    def stop_after_rollout(self) -> None:
        """Ends `train` when the rollout that is going on is trained on, with a checkpoint; safe in a signal handler."""
        self._gate.stop_wanted = True

    def _begins_at(self, step: int) -> None:
        rewind = getattr(self.reward_funcs[0], "rewind", None)
        if rewind is not None:
            rewind(step)

    def _get_train_sampler(self, dataset: Any = None) -> RolloutSampler:
        passes = self._shape.passes_per_rollout
        return RolloutSampler(self._order, self.num_generations, passes, self._settings.steps, self._n_phases)

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        if not self.model.training:
            return super()._prepare_inputs(generation_batch)
        at = self._step % self._shape.passes_per_rollout
        if at == 0 or self._buffered_inputs is None:
            self._buffered_inputs = self._roll_out([row["place"] for row in generation_batch])
        return self._buffered_inputs[at]

    def _roll_out(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Samples, scores and settles the rollout of this step. Returns its passes."""
        number = self.state.global_step // self._settings.updates_per_rollout
        self._keep_before_rollout()
        found: dict[int, Row] = {place: self._dataset[place] for place in places[:: self.num_generations]}
        rows: Sequence[Row] = [found[place] for place in places]
        if self._phases is not None:
            rows = self._phases.rows(number, rows)
        rollout = self._sample(number, 0, rows)
        self._see_terms(rollout)
        if self._settings.refill:
            rollout = self._refilled(number, rollout)
        settled = self._settled(rollout)
        passes = self._finished(rollout, settled)
        self._note(rollout, settled)
        if self._phases is not None:
            self._tell_phases(self._phases, number, rollout)
        return passes

    def _tell_phases(self, phases: Phases, number: int, rollout: Rollout) -> None:
        known = self._known(rollout)
        rows = zip(rollout.rows_B, rollout.completions_B, known, rollout.cut_B, rollout.breakdowns_B, strict=True)
        for name, value in phases.scored(number, [Scored(*row) for row in rows]).items():
            self._metrics["train"][name].append(value)

    def _see_terms(self, rollout: Rollout) -> None:
        """Raises RecipeError if the algorithm needs the terms of rewards, and the reward does not tell them."""
        if self._settings.advantage == "gdpo" and any(
            gather_object([untold(rollout.rewards_B, rollout.breakdowns_B)])
        ):
            raise of_all(
                RecipeError(
                    "advantage = 'gdpo' normalises each term of a reward, and the reward has no breakdowns of its last "
                    "call; give it the attribute `breakdowns`, one for each answer, or set another advantage"
                )
            )

    def _refilled(self, number: int, rollout: Rollout) -> Rollout:
        size = self.num_generations
        source = Source(
            reserve=self._order.reserve(number, {*self._order.places(number)}),
            bound=lambda place: size * (self._dataset[place]["n_prompt_tokens"] + self.max_completion_length),
            sample=lambda places, draw: self._sample(
                number, draw, [self._dataset[place] for place in places for _ in range(size)]
            ),
            without_signal=self._without_signal,
            gather=lambda value: list(gather_object([value])),
            process=self.accelerator.process_index,
            processes=self.accelerator.num_processes,
            group_size=size,
            pad_id=self._tokenizer.pad_token_id,
        )
        done, metrics = refill(rollout, source, self._settings.refill_tokens), self._metrics["train"]
        metrics["groups/refilled"].append(float(sum(gather_object([done.replaced]))))
        of_draws = trl_figures(self.reward_func_names[0], gather_object(done.rollout.rewards_B), size)
        for name, value in of_draws.items() if done.sampled else ():
            metrics[name] = [value]
        return done.rollout

    def _known(self, rollout: Rollout) -> list[float | None]:
        """The rewards that count: None also for answers that were cut off, or have no token to train on."""
        cut_counts = not self._settings.mask_truncated
        rows = zip(rollout.rewards_B, rollout.cut_B, rollout.empty_B, strict=True)
        return [reward if (cut_counts or not cut) and not empty else None for reward, cut, empty in rows]

    def _without_signal(self, rollout: Rollout) -> list[int]:
        settled = settle(self._rule, self._known(rollout), term_matrix([*map(terms_of, rollout.breakdowns_B)]))
        return [number for number, reason in enumerate(settled.reasons_G) if reason]

    def _settled(self, rollout: Rollout) -> Settled:
        """What is decided about the rows of all processes."""
        if all(reward is None for reward in gather_object(rollout.rewards_B)):
            raise of_all(
                JudgeOutage(
                    f"none of the answers of step {self.state.global_step} has a reward; there is nothing to learn "
                    "from. See what the reward says of its judges, and go on with --resume"
                )
            )
        terms = term_matrix(gather_object([*map(terms_of, rollout.breakdowns_B)]))
        return settle(self._rule, gather_object(self._known(rollout)), terms)

    def _finished(self, rollout: Rollout, settled: Settled) -> list[dict[str, Any]]:
        """The passes of the rollout, with advantages, masks and counts in the tensors."""
        tensors, size = rollout.tensors, len(rollout.rows_B)
        mine = slice(self.accelerator.process_index * size, (self.accelerator.process_index + 1) * size)
        used, device = settled.used_B[mine], tensors["completion_mask"].device
        tensors["advantages"] = torch.tensor(settled.advantages_B[mine], dtype=torch.float32, device=device)
        leave_out(tensors, used)
        if self._tokens is not None:
            tensors["advantages"] = with_claim_credit(rollout, used, self._settings.claim_credit, self._tokens)
        each = self._shape.rows_per_pass
        counts = gather_object([[sum(used[start : start + each]) for start in range(0, size, each)]])
        self._gate.signal_P = [sum(column) for column in zip(*counts, strict=True)]
        scales = row_scales(settled.counted_B, self.accelerator.num_processes, self._settings.updates_per_rollout)
        return into_passes(
            tensors, self._shape.passes_per_rollout, scales, partial(self.accelerator.reduce, reduction="sum")
        )

    def _compute_loss(self, model: Any, inputs: Any) -> Any:
        """TRL's loss; a mean over answers is one over those that have a reward.

        TRL's means over no token are 0: what it noted of a pass in which nothing is trained on is taken back.
        """
        if "row_scale" not in inputs:
            return super()._compute_loss(model, inputs)
        metrics = self._metrics["train"]
        noted = {name: len(values) for name, values in metrics.items()}
        loss = super()._compute_loss(model, inputs)
        if not self._gate.signal_P[self._step % self._shape.passes_per_rollout]:
            for name, values in metrics.items():
                del values[noted.get(name, 0) :]
        return loss * inputs["row_scale"] if self.loss_type in _MEAN_OVER_ROWS else loss

    def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> Any:
        plain = super()._get_per_token_logps_and_entropies
        return plain(*args, **kwargs) if self._prefix is None else self._prefix.score(plain, *args, **kwargs)

    def _shared_prefix(self, total_tokens: int) -> SharedPrefix | None:
        """What computes a group's prompt once; before models are wrapped, after TRL patched them."""
        mode = self._settings.shared_prefix
        if mode == "off":
            return None
        autocast = self.accelerator.autocast
        made = SharedPrefix(
            self.model, longest=total_tokens, temperature=self.temperature, mode=mode, autocast=autocast
        )
        if self.ref_model is not None:
            made.prepare(self.ref_model)
        return made

    def _note(self, rollout: Rollout, settled: Settled) -> None:
        reward = self.reward_funcs[0]
        if hasattr(reward, "kept"):
            reward.kept(rollout.rows_B, rollout.completions_B, rollout.breakdowns_B)
        lengths, cut = gather_object([*map(len, rollout.ids_B)]), gather_object(rollout.cut_B)
        flat = [reason.startswith("flat") for reason in settled.reasons_G]
        missing = [reason.startswith("missing") for reason in settled.reasons_G]
        for name, value in {
            "groups/flat_share": sum(flat) / len(flat),
            "groups/dropped": sum(missing),
            "truncated_share": sum(cut) / len(cut),
            "length/mean": sum(lengths) / len(lengths),
            **reward_figures(reward, rollout, self.num_generations, gather_object),
        }.items():
            self._metrics["train"][name].append(float(value))

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:
        """A pass of TRL's."""
        self._clock.start()
        return super().training_step(model, inputs, num_items_in_batch)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """TRL's figures, and where the time went."""
        if self.model.training:
            logs |= self._clock.stop()
        super().log(logs, start_time)


def _check(settings: AlgorithmSettings, phases: Phases | None) -> None:
    if phases is None:
        return
    if settings.refill:
        raise RecipeError("refill = true replaces prompts, which phases share; set refill = false")
    if settings.steps % phases.count:
        raise RecipeError(f"steps must be a multiple of the {phases.count} phases, got {settings.steps}")

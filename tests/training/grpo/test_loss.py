"""The loss: that of TRL where it is right, and without the rows that have no reward."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.grpo.scripted import EOS, REWARDS, SCRIPT, given, loss_and_gradients
from tests.training.grpo.tiny_runs import Scripted, first_batch, model_of, prompts, tokenizer_of, trainer
from trl import GRPOConfig, GRPOTrainer

from citerefine.training.errors import JudgeOutage


def trl_batch(folder: Path, output: Path, rewards: Any, **config: Any) -> tuple[Any, Any]:
    """TRL's own trainer with the same model, answers and rewards, and its batch."""

    class Plain(GRPOTrainer):  # type: ignore[misc]  # trl is not typed
        def _generate_single_turn(self, prompt_ids: Any, *args: Any, **kwargs: Any) -> Any:
            return [[*ids] for ids in SCRIPT], None

        def _send_telemetry(self) -> None: ...

    usual: dict[str, Any] = {"loss_type": "dr_grpo", "scale_rewards": "none", "use_bias_correction_kl": False}
    args = GRPOConfig(
        output_dir=str(output),
        per_device_train_batch_size=8,
        num_generations=4,
        max_completion_length=6,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to="none",
        seed=42,
        disable_tqdm=True,
        max_steps=2,
        **{**usual, **config},
    )
    made = Plain(model_of(folder), rewards, args, prompts(), processing_class=tokenizer_of(folder))
    made.model.train()
    batch = made._generate_and_score_completions(next(iter(made.get_train_dataloader())))
    return made, batch


@pytest.mark.parametrize("loss", ["dr_grpo", "dapo", "grpo", "bnpo"])
@pytest.mark.parametrize("beta", [0.0, 0.05])
def test_loss_and_gradients_are_those_of_trl(tiny_qwen3: Path, tmp_path: Path, loss: str, beta: float) -> None:
    theirs, their_batch = trl_batch(tiny_qwen3, tmp_path / "trl", given(REWARDS), loss_type=loss, beta=beta)
    ours = trainer(
        tiny_qwen3,
        tmp_path,
        given(REWARDS),
        scripts=[SCRIPT],
        advantage="dr_grpo",
        loss=loss,
        beta=beta,
        micro_groups=2,
    )
    (our_batch,) = first_batch(ours)
    for name in ("prompt_ids", "completion_ids", "completion_mask", "num_items_in_batch"):
        assert torch.equal(our_batch[name], their_batch[name]), name
    assert torch.allclose(our_batch["advantages"], their_batch["advantages"], atol=1e-7)
    our_loss, our_gradients = loss_and_gradients(ours, our_batch)
    their_loss, their_gradients = loss_and_gradients(theirs, their_batch)
    assert our_loss == pytest.approx(their_loss, abs=1e-7)
    assert all(torch.allclose(our_gradients[n], their_gradients[n], atol=1e-6, rtol=1e-4) for n in our_gradients)


def test_grpo_advantages_are_those_of_trl(tiny_qwen3: Path, tmp_path: Path) -> None:
    _, theirs = trl_batch(tiny_qwen3, tmp_path / "trl", given(REWARDS), scale_rewards="group")
    ours = trainer(tiny_qwen3, tmp_path, given(REWARDS), scripts=[SCRIPT], advantage="grpo", micro_groups=2)
    assert torch.allclose(first_batch(ours)[0]["advantages"], theirs["advantages"], rtol=1e-5)


def test_a_partial_outage_is_a_bad_answer_to_trl_and_none_to_us(tiny_qwen3: Path, tmp_path: Path) -> None:
    """Four equal answers, .5 for citations each, and for rubrics .8, .8, .8 and nothing."""
    rubric, citation = [0.8, 0.8, 0.8, None] * 2, [0.5] * 8
    _, theirs = trl_batch(tiny_qwen3, tmp_path / "trl", [given(citation), given(rubric)])
    assert theirs["advantages"][:4].tolist() == pytest.approx([0.2, 0.2, 0.2, -0.6])
    together = [None if r is None else r + c for r, c in zip(rubric, citation, strict=True)]
    ours = trainer(tiny_qwen3, tmp_path, given(together), scripts=[SCRIPT], micro_groups=2)
    (batch,) = first_batch(ours)
    assert not batch["advantages"].any()
    assert not batch["completion_mask"].any()


@pytest.mark.parametrize("loss", ["dr_grpo", "dapo", "grpo"])
def test_a_missing_row_has_no_part_in_loss_divergence_and_normaliser(
    tiny_qwen3: Path, tmp_path: Path, loss: str
) -> None:
    """The loss is TRL's over the rows with rewards alone, and what the missing row says is no matter."""
    rewards = [*REWARDS[:3], None, *REWARDS[4:]]
    found = []
    for words in ([17, EOS], [30, 31, 32, 33, EOS]):
        script = [*SCRIPT[:3], words, *SCRIPT[4:]]
        made = trainer(
            tiny_qwen3,
            tmp_path / str(len(words)),
            given(rewards),
            scripts=[script],
            loss=loss,
            beta=0.1,
            micro_groups=2,
            advantage="dr_grpo",
        )
        (batch,) = first_batch(made)
        assert batch["advantages"][3] == 0
        assert batch["completion_mask"].sum(1).tolist() == [3, 2, 4, 0, 3, 2, 2, 3]
        assert int(batch["num_items_in_batch"]) == 19
        found.append((made, batch, *loss_and_gradients(made, batch)))
    assert found[0][2] == pytest.approx(found[1][2], abs=1e-7)
    assert all(torch.allclose(found[0][3][n], found[1][3][n], atol=1e-6) for n in found[0][3])
    made, batch, value, _ = found[0]
    kept = [0, 1, 2, 4, 5, 6, 7]
    alone = {n: v[kept] if v.ndim else v for n, v in batch.items() if n != "row_scale"}
    assert value == pytest.approx(float(made._compute_loss(made.model, alone).detach()), abs=1e-6)


def test_rows_of_a_flat_group_are_left_out_and_counted(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = trainer(
        tiny_qwen3, tmp_path, given([0.50, 0.52, 0.51, 0.50, *REWARDS[4:]]), scripts=[SCRIPT], flat_tolerance=0.02
    )
    batches = first_batch(made)
    assert [int(batch["completion_mask"].sum()) for batch in batches] == [0, 10]
    assert made._metrics["train"]["groups/flat_share"] == [0.5]
    assert made._gate.signal_P == [0, 4]


@pytest.mark.parametrize("masked", [True, False])
def test_answers_that_were_cut_off_are_left_out_of_loss_and_baseline(
    tiny_qwen3: Path, tmp_path: Path, masked: bool
) -> None:
    script = [SCRIPT[0], SCRIPT[1], SCRIPT[2], [17, 18, 19, 20, 21, 22], *SCRIPT[4:]]
    made = trainer(
        tiny_qwen3,
        tmp_path,
        given(REWARDS),
        scripts=[script],
        mask_truncated=masked,
        advantage="dr_grpo",
        micro_groups=2,
    )
    (batch,) = first_batch(made)
    baseline = 0.5 if masked else 1.75 / 4
    assert batch["advantages"][:3].tolist() == pytest.approx([1 - baseline, -baseline, 0.5 - baseline])
    assert bool(batch["completion_mask"][3].any()) is not masked
    assert made._metrics["train"]["truncated_share"] == [1 / 8]


def test_an_answer_without_tokens_ends_nothing_and_is_left_out(tiny_qwen3: Path, tmp_path: Path) -> None:
    class Mute(Scripted):
        def _generate_single_turn(self, *args: Any, **kwargs: Any) -> Any:
            return super(Scripted, self)._generate_single_turn(*args, **kwargs)

    made = trainer(tiny_qwen3, tmp_path, shared_prefix="off")
    made.__class__ = Mute
    made.use_vllm = True  # who samples by TRL's own way; transformers gives at least an end
    ids, logps = [[], [11, EOS]], [[], [-0.5, -0.1]]
    sample = lambda *_, **__: (ids, logps)  # noqa: E731
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GRPOTrainer, "_generate_single_turn", sample)
        assert made._generate_single_turn([[5], [5]], None, {}, 4) == ([[EOS], [11, EOS]], [[0.0], [-0.5, -0.1]])
    assert made._caught["empty"] == [True, False]
    scripted = trainer(
        tiny_qwen3, tmp_path, given(REWARDS), scripts=[[[], *SCRIPT[1:]]], mask_truncated=True, micro_groups=2
    )
    (batch,) = first_batch(scripted)
    assert not batch["completion_mask"][0].any()
    assert batch["completion_mask"][1:4].any(dim=1).all()


def test_a_reward_that_is_no_number_is_a_missing_one(tiny_qwen3: Path, tmp_path: Path) -> None:
    rewards = [math.nan, math.inf, *REWARDS[2:]]
    made = trainer(tiny_qwen3, tmp_path, given(rewards), scripts=[SCRIPT], micro_groups=2)
    (batch,) = first_batch(made)
    assert batch["completion_mask"].any(dim=1).tolist() == [False] * 4 + [True] * 4
    assert made._metrics["train"]["groups/dropped"] == [1.0]


def test_a_batch_without_any_reward_is_an_outage(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = trainer(tiny_qwen3, tmp_path, given([None] * 8), scripts=[SCRIPT])
    with pytest.raises(JudgeOutage, match="none of the answers of step 0 has a reward"):
        first_batch(made)


def test_a_group_may_take_several_passes(tiny_qwen3: Path, tmp_path: Path) -> None:
    """Gradients of passes of one row add up to those of one pass of all."""
    found = []
    for values in ({"micro_groups": 2}, {"micro_rows": 1}):
        made = trainer(tiny_qwen3, tmp_path / str(values), given(REWARDS), scripts=[SCRIPT], **values)
        batches = first_batch(made)
        made.current_gradient_accumulation_steps = len(batches)
        for number, batch in enumerate(batches):
            made._step = number
            made._compute_loss(made.model, batch).backward()
        found.append({name: p.grad for name, p in made.model.named_parameters()})
    assert all(torch.allclose(found[0][name], found[1][name], atol=1e-6) for name in found[0])


@pytest.mark.parametrize("loss", ["dr_grpo", "grpo", "dapo"])
def test_an_outage_in_one_update_of_a_rollout_changes_no_other(tiny_qwen3: Path, tmp_path: Path, loss: str) -> None:
    found = []
    for name, rewards in (("out", [None] * 4 + REWARDS[4:]), ("all", REWARDS)):
        made = trainer(
            tiny_qwen3, tmp_path / name, given(rewards), scripts=[SCRIPT], updates_per_rollout=2, loss=loss,
            advantage="dr_grpo",
        )  # fmt: skip
        _, second = first_batch(made)
        made._step = 1
        found.append(loss_and_gradients(made, second))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-7)
    assert all(torch.allclose(found[0][1][n], found[1][1][n], atol=1e-7) for n in found[0][1])


@pytest.mark.parametrize("beta", [0.0, 0.05])
def test_a_prompt_computed_once_changes_no_loss_and_gradient(tiny_qwen3: Path, tmp_path: Path, beta: float) -> None:
    rewards = [*REWARDS[:5], None, *REWARDS[6:]]
    found = []
    for mode in ("on", "off"):
        made = trainer(
            tiny_qwen3, tmp_path, given(rewards), scripts=[SCRIPT], shared_prefix=mode, beta=beta, micro_groups=2
        )
        (batch,) = first_batch(made)
        found.append(loss_and_gradients(made, batch))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-5)
    assert all(torch.allclose(found[0][1][n], found[1][1][n], atol=1e-5, rtol=1e-3) for n in found[0][1])


def test_rollouts_of_another_engine_are_corrected_by_its_log_probabilities(tiny_qwen3: Path, tmp_path: Path) -> None:
    """Ratios of the trainer's to the engine's probabilities, up to the cap; none where a row is left out."""

    class Engine(Scripted):
        def _generate_single_turn(self, *args: Any, **kwargs: Any) -> Any:
            ids, _ = super()._generate_single_turn(*args, **kwargs)
            return ids, [[-9.0 if at else math.nan for at in range(len(row))] for row in ids]

    made = trainer(tiny_qwen3, tmp_path, given([None, *REWARDS[1:]]), scripts=[SCRIPT], micro_groups=2)
    made.__class__ = Engine
    made.use_vllm, made.vllm_importance_sampling_correction = True, True
    made.vllm_importance_sampling_mode = "token_truncate"
    (batch,) = first_batch(made)
    ratio, old = batch["importance_sampling_ratio"], batch["old_per_token_logps"]
    assert not ratio[0].any()
    assert ratio[1, 0] == 1  # what the engine could not say
    assert torch.allclose(ratio[1, 1], (old[1, 1] + 9).exp().clamp(max=3.0))
    value, gradients = loss_and_gradients(made, batch)
    assert math.isfinite(value)
    assert all(gradient.isfinite().all() for gradient in gradients.values())

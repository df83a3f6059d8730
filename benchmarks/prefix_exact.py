"""Whether packed rows give the plain way's scores and gradients, and how far both are from float32.

In: a device. Out: differences. Not here: speed (prefix_gpu.py), the tests' finer cases (tests/training/prefix).
"""

from typing import Any, Final

import torch
from benchmarks.prefix_paths import install_shared, make_batch, make_config, make_model, policy_loss, trl_scores

from citerefine.training.prefix.batch import PaddedBatch
from citerefine.training.prefix.shared import SharedPrefix

SHAPE: Final = {
    "vocab_size": 2048, "hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 4,
    "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 128,
}  # fmt: skip
TINY: Final = {
    "vocab_size": 512, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
}  # fmt: skip
PROMPT: Final = 515
ANSWERS: Final = (70, 33, 1, 0, 64, 128)


def compare(device: str, tiny: bool) -> dict[str, Any]:
    """Differences in float32, and both ways' errors in bfloat16 against float32."""
    shape, cut = (TINY, 16) if tiny else (SHAPE, 1)
    batch = make_batch(PROMPT // cut, [-(-n // cut) for n in ANSWERS], shape["vocab_size"], device)
    exact = _run(shape, device, torch.float32, batch, shared=False)
    found: dict[str, Any] = {"float32": _apart(_run(shape, device, torch.float32, batch, shared=True), exact)}
    for name, shared in (("shared", True), ("plain", False)):
        found[f"bfloat16 {name}, from float32"] = _apart(_run(shape, device, torch.bfloat16, batch, shared), exact)
    return found


def _run(
    shape: dict[str, int], device: str, dtype: torch.dtype, batch: PaddedBatch, shared: bool
) -> tuple[torch.Tensor, list[torch.Tensor]]:  # fmt: skip
    """Log-probabilities, and all gradients."""
    # The weights of bfloat16, in each format: what differs is arithmetic alone.
    model = make_model(make_config(**shape), device, torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.bfloat16())
    model = model.to(dtype)
    if shared:
        install_shared(model)
        prefix = SharedPrefix(model, longest=10_000, mode="on")
        scores, _, _ = prefix.score(_plain, model, batch.ids, batch.mask, batch.n_answer, compute_entropy=True)
    else:
        scores, _ = trl_scores(model, batch)
    n = len(batch.ids)
    (1000 * policy_loss(scores, batch.answers_mask, slice(0, n), n)).backward()
    return scores.detach().float(), [p.grad.float() for p in model.parameters()]


def _plain(model: Any, ids: Any, mask: Any, n_answer: int, **_: Any) -> Any:
    return *trl_scores(model, PaddedBatch(ids, mask, n_answer)), None


def _apart(one: tuple[Any, Any], other: tuple[Any, Any]) -> dict[str, float]:
    return {
        "log_probs_worst": float((one[0] - other[0]).abs().max()),
        "log_probs_mean": float((one[0] - other[0]).abs().mean()),
        "gradients_worst": max(float((a - b).norm() / b.norm()) for a, b in zip(one[1], other[1], strict=True)),
    }

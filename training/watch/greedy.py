"""Answers prompts with the policy of a trainer as it is now, the likeliest token at each place.

In: a trainer, rendered prompts. Out: completions. All processes must call it at the same time, with as many batches:
where weights are sharded, each forward pass gathers them. No random number is drawn, so that training goes on as if
nobody had asked. Not here: scoring (heldout.py).
"""

from collections.abc import Sequence
from typing import Any, Final

import torch
from trl.models import unwrap_model_for_generation

BATCH: Final = 32
"""Prompts that are answered at once."""


def answer_greedily(trainer: Any, prompts: Sequence[str], max_tokens: int, batch: int = BATCH) -> list[str]:
    """The completions, special tokens left out.

    Args:
        trainer: a `GRPOTrainer`, or another with `model_wrapped`, `accelerator` and `processing_class`.
        prompts: rendered, with the model's control tokens as text.
        max_tokens: most tokens of a completion.
        batch: prompts at once.
    """
    tokenizer, accelerator = trainer.processing_class, trainer.accelerator
    n_batches = _most_batches(accelerator, -(-len(prompts) // batch))
    completions = list[str]()
    was_training = trainer.model.training
    with unwrap_model_for_generation(trainer.model_wrapped, accelerator) as model, torch.no_grad():
        model.eval()
        for number in range(n_batches):
            some = [*prompts[number * batch : (number + 1) * batch]]
            # A process that has no prompt left answers an empty one with the others.
            texts = _complete(model, tokenizer, some or [tokenizer.eos_token], max_tokens, accelerator.device)
            completions += texts[: len(some)]
        model.train(was_training)
    return completions


def _most_batches(accelerator: Any, mine: int) -> int:
    counts = accelerator.gather(torch.tensor([mine], device=accelerator.device))
    return int(counts.max())


def _complete(model: Any, tokenizer: Any, prompts: list[str], max_tokens: int, device: Any) -> list[str]:
    rows = [tokenizer.encode(prompt, add_special_tokens=False) for prompt in prompts]
    longest = max(map(len, rows))
    pad = tokenizer.pad_token_id
    ids = torch.tensor([[pad] * (longest - len(row)) + row for row in rows], device=device)
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=device)
    written = model.generate(
        input_ids=ids,
        attention_mask=mask,
        max_new_tokens=max_tokens,
        do_sample=False,
        temperature=None,
        top_p=None,
        top_k=None,
        pad_token_id=pad,
        eos_token_id=tokenizer.eos_token_id,
    )
    texts: list[str] = tokenizer.batch_decode(written[:, longest:], skip_special_tokens=True)
    return texts

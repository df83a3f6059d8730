"""The model of the demonstration: a Qwen3 of random weights, small enough for two cores.

In: the tokenizer, a seed. Out: a `Qwen3ForCausalLM` of half a million parameters. Not here: training it.
"""

from typing import Any, Final

from transformers import Qwen3Config, Qwen3ForCausalLM, set_seed

CONTEXT: Final = 1024
"""Most tokens that the model takes."""


def make_model(tokenizer: Any, seed: int) -> Qwen3ForCausalLM:
    """The model before any training.

    Heads share no keys and embeddings are not tied: with either, copying from a snippet is learned much later. Weights
    are as large as suits so narrow a model: 1 / sqrt(hidden size), about.
    """
    set_seed(seed)
    config = Qwen3Config(
        vocab_size=-(-len(tokenizer) // 64) * 64,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=32,
        initializer_range=0.08,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=False,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    model = Qwen3ForCausalLM(config)
    _let_heads_copy(model)
    return model


def _let_heads_copy(model: Qwen3ForCausalLM) -> None:
    """A head begins by passing on what it attends to, and what is passed on is what is written.

    So what has to be learned is where to look, and not what to do with what is seen: that takes half of the steps.
    """
    model.lm_head.weight.data.copy_(model.model.embed_tokens.weight.data)
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight.data.copy_(layer.self_attn.v_proj.weight.data.T)

"""Keeps a model of transformers to a grammar, token by token, with llguidance.

In: the model's tokenizer, a grammar (tags/grammar.py). Out: a logits processor for one reply. Not here: writing
grammars, generating (transformers_model.py).
"""

import json
from typing import Any, Final

import llguidance
import torch
from tokenizers import pre_tokenizers
from transformers import LogitsProcessor

from citerefine.refiner.errors import CallError

STEP_ITEMS: Final = 1_000_000
"""Most items of the parser for one token, about 50 ms. With the library's own limit, a bounded grammar gives up where
a vocabulary holds many tokens made of signs."""

_BYTES: Final = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


class Constrainer:
    """Makes constraints for one model; getting the vocabulary ready takes about a second, once."""

    def __init__(self, tokenizer: Any, vocabulary: int, ends: list[int]) -> None:
        """The model's fast tokenizer, how many logits it gives, and the tokens that end a reply."""
        self._tokenizer = llguidance.LLTokenizer(
            _with_plain_tags(tokenizer.backend_tokenizer), n_vocab=vocabulary, eos_token=ends
        )

    def constraint(self, grammar: str, prompt_length: int) -> "GrammarConstraint":
        """What keeps one reply to `grammar`. Raises CallError if the grammar cannot be read."""
        try:
            matcher = llguidance.LLMatcher(
                self._tokenizer,
                llguidance.grammar_from("grammar", grammar),
                limits=llguidance.LLParserLimits(step_max_items=STEP_ITEMS),
            )
        except ValueError as error:
            raise CallError(f"the grammar cannot be read: {error}", "bad_request") from error
        _check(matcher)
        return GrammarConstraint(matcher, prompt_length)


def _with_plain_tags(core: Any) -> str:
    """A fast tokenizer as JSON, in which added tokens such as `<tool_call>` are text like any other.

    llguidance takes every added token in angle brackets for a control token that no text contains, and then offers it
    all the same where a grammar wants these very letters.
    """
    parts: dict[str, Any] = json.loads(core.to_str())
    parts |= {"padding": None, "truncation": None}
    words = parts["model"].get("vocab")
    if isinstance(words, dict):
        spell = _byte_level if "ByteLevel" in json.dumps(parts["decoder"]) else str
        words |= {spell(added["content"]): added["id"] for added in parts["added_tokens"]}
        parts["added_tokens"] = [added for added in parts["added_tokens"] if added["special"]]
    return json.dumps(parts)


def _byte_level(text: str) -> str:
    """`text` as a byte-level vocabulary spells it, a blank as `Ġ`; a tokenizer keeps added tokens as they are read."""
    return "".join(piece for piece, _ in _BYTES.pre_tokenize_str(text))


class GrammarConstraint(LogitsProcessor):  # type: ignore[misc]
    """Leaves a model only those next tokens that the grammar admits."""

    def __init__(self, matcher: Any, prompt_length: int) -> None:
        self._matcher = matcher
        self._read = prompt_length

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """`scores_1V` with all else at minus infinity. Raises CallError where the matcher gives up."""
        for token in input_ids[0, self._read :].tolist():
            self._matcher.consume_token(token)
        self._read = input_ids.shape[1]
        # The library's own masking compiles a kernel first, which needs a C++ compiler where the model runs.
        allowed = torch.frombuffer(bytearray(self._matcher.compute_logit_bias()), dtype=torch.uint8).bool()
        _check(self._matcher)
        return scores.masked_fill(~allowed.to(scores.device), float("-inf"))


def _check(matcher: Any) -> None:
    if matcher.is_error():
        first_line = matcher.get_error().partition("\n")[0]
        raise CallError(f"the grammar cannot be kept to: {first_line}", "bad_request")

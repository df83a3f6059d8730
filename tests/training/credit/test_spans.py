"""Sampled ids lead to exact places in the text, whatever bytes they stand for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from citerefine.refiner.errors import InputError
from citerefine.training.credit.spans import ByteTokens, TokenSpans


@pytest.fixture(scope="module")
def tokenizer(tiny_qwen3: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_qwen3)


@pytest.fixture(scope="module")
def tokens(tokenizer: Any) -> ByteTokens:
    return ByteTokens(tokenizer)


def check(spans: TokenSpans, ids: Sequence[int], tokenizer: Any) -> None:
    assert spans.text == tokenizer.decode(ids, skip_special_tokens=True)
    assert len(spans.starts_T) == len(ids)
    assert list(spans.starts_T) == sorted(spans.starts_T)


def test_every_token_of_an_answer_has_its_place(tokens: ByteTokens, tokenizer: Any) -> None:
    text = "<answer><snippet id=S1>Perch – 20 % – doubled 🐟.</snippet></answer>"
    ids = tokenizer.encode(text, add_special_tokens=False)
    spans = tokens.spans([*ids, tokenizer.eos_token_id])
    assert spans.text == text
    pieces = [text[a:b] for a, b in zip(spans.starts_T, [*spans.starts_T[1:], len(text)], strict=True)]
    assert "".join(pieces) == text
    assert spans.starts_T[-1] == len(text)  # the end of the turn has no bytes


@given(data=st.data())
def test_any_sampled_ids_decode_as_the_tokenizer_decodes_them(
    data: st.DataObject, tokens: ByteTokens, tokenizer: Any
) -> None:
    """Random ids break characters apart and make bytes that are no UTF-8, as models do."""
    ids = data.draw(st.lists(st.integers(0, len(tokenizer) - 1), max_size=60))
    check(tokens.spans(ids), ids, tokenizer)


def test_a_character_in_several_tokens_begins_where_its_first_byte_is(tokens: ByteTokens, tokenizer: Any) -> None:
    ids = tokenizer.encode("a🐟b", add_special_tokens=False)
    spans = tokens.spans(ids)
    assert len(ids) > 3  # the fish is more than one token
    assert spans.starts_T[0] == 0
    assert set(spans.starts_T[1:-1]) == {1}
    assert spans.starts_T[-1] == 2


def test_a_tokenizer_without_fixed_bytes_is_refused() -> None:
    core = Tokenizer(models.WordLevel({"perch": 0, "[UNK]": 1}, unk_token="[UNK]"))
    with pytest.raises(InputError, match="claim_credit = 0"):
        ByteTokens(PreTrainedTokenizerFast(tokenizer_object=core))

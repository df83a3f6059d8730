"""A tokenizer under which the refiner's own prompt is short, so that a small model on two cores can read it.

In: the prompt files of the refiner and of mathematics, the words of the tasks. Out: a tokenizer of transformers. Each
paragraph of the fixed text of a prompt is one token, and so are each opening tag, each word of the tasks and each
syllable of a name; all else is bytes, so that any text can be written. The text that a prompt is rendered to does not
depend on it. Not here: what prompts say.
"""

import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any, Final

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from citerefine.training.demo.names import SYLLABLES
from citerefine.training.demo.task import MOST_SNIPPETS

END: Final = "<|im_end|>"
_CONTROL: Final = ("<|endoftext|>", "<|im_start|>", END)
_PROMPT_FILES: Final = ("system", "answer_only", "evidence", "question")
_LATER_FILES: Final = (
    ("citerefine.refiner.prompts", "improve"),
    ("citerefine.training.data.tasks", "maths"),
    ("citerefine.training.data.tasks", "maths_again"),
)
"""Prompts that came later: their tokens are the last ones, so that all others keep their numbers."""
_PLACEHOLDER: Final = re.compile(r"\$\w+")
_TURNS: Final = ("system\n", "user\n", "assistant\n", "<think>\n\n</think>\n\n", "\n\n")
_MARKS: Final = ("\nText: ", "\n</snippet>\n", "\n</snippet>", "</snippet>", "<answer>", "</answer>")
_WORDS: Final = ("What is near", "Near", " is")
_SUMS: Final = ("What is ", " + ", "\\boxed{")


def make_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer, the same each time; about 500 tokens."""
    fixed = [*dict.fromkeys(_fixed_texts())]
    core = Tokenizer(_model(fixed))
    longest_first = "|".join(map(re.escape, sorted(fixed, key=len, reverse=True)))
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(longest_first), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens([*_CONTROL])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token=END, pad_token=_CONTROL[0], padding_side="left"
    )
    template = files("citerefine.training.demo").joinpath("chat_template.jinja")
    tokenizer.chat_template = template.read_text("utf-8").strip()
    return tokenizer


def _model(fixed: Iterable[str]) -> Any:
    """Byte-level BPE whose merges are syllables: ` Ka` and `lo` for a name at the beginning and within.

    Fixed texts are tokens of the vocabulary, and no added ones: a grammar that an answer is kept to would not offer an
    added token that has a blank in it.
    """
    blank = _byte_level(" ")
    merges = [(syllable[0], syllable[1]) for syllable in SYLLABLES]
    merges += [(first.upper(), second) for first, second in merges]
    merges += [(blank, syllable.capitalize()) for syllable in SYLLABLES]
    syllables = ["".join(pair) for pair in merges]
    tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *syllables, *_CONTROL, *map(_byte_level, fixed)]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return models.BPE(vocab=vocabulary, merges=merges, ignore_merges=True)


def _byte_level(text: str) -> str:
    """The text as byte-level BPE writes it."""
    ((written, _),) = pre_tokenizers.ByteLevel(False, use_regex=False).pre_tokenize_str(text)
    return str(written)


def _fixed_texts() -> Iterable[str]:
    """What is one token each; where two begin at the same place the longer one is."""
    for name in _PROMPT_FILES:
        yield from _paragraphs("citerefine.refiner.prompts", name)
    yield from _TURNS
    yield from (f"<snippet id=S{number}>" for number in range(1, MOST_SNIPPETS + 1))
    yield from _MARKS
    yield from _WORDS
    for package, name in _LATER_FILES:
        yield from _paragraphs(package, name)
    yield from _SUMS


def _paragraphs(package: str, name: str) -> Iterator[str]:
    text = files(package).joinpath(f"{name}.md").read_text("utf-8").strip()
    for part in _PLACEHOLDER.split(text):
        yield from (paragraph for paragraph in part.strip("\n").split("\n\n") if paragraph)

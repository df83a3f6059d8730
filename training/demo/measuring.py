"""What a model of the demonstration is worth on rows that it was not trained on.

In: a model's folder, rows, the settings of their prompts. Out: `Worth`. Answers are greedy; citations are scored as
`citerefine score` does. Beside F1 stands what no judge can be talked into: the share of answers that say, word for
word, what the snippet that they cite says. Not here: figures along the run (citerefine.training.watch).
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from accelerate import Accelerator
from transformers import AutoModelForCausalLM, AutoTokenizer

from citerefine.judges import score_citations
from citerefine.refiner.answer import Answer, parse_answer
from citerefine.training.data.prompted import prompt_rows
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.settings import DataSettings
from citerefine.training.watch.greedy import answer_greedily


class Worth(NamedTuple):
    """Means over the rows."""

    f1: float
    """Citation F1; an answer that cites nothing has 0."""
    verbatim: float
    """Share of answers that are one claim, which is the whole text of the one snippet that it cites."""


class _Policy(NamedTuple):
    """What `answer_greedily` asks of a trainer."""

    model: Any
    model_wrapped: Any
    accelerator: Accelerator
    processing_class: Any


def measure(model: Path, rows: Sequence[TrainingRow], settings: DataSettings) -> Worth:
    """The worth of the model in a folder, with its tokenizer. Raises OSError if it cannot be loaded."""
    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    loaded = AutoModelForCausalLM.from_pretrained(model)
    policy = _Policy(loaded, loaded, Accelerator(cpu=True), tokenizer)
    prompts = [row.prompt for row in prompt_rows(rows, tokenizer, settings).rows]
    texts = answer_greedily(policy, prompts, settings.answer_tokens)
    answers = [parse_answer(text, row.evidence, question=row.question) for text, row in zip(texts, rows, strict=True)]
    return Worth(
        fmean(score_citations(answer).f1 or 0.0 for answer in answers),
        fmean(is_verbatim(answer) for answer in answers),
    )


def is_verbatim(answer: Answer) -> bool:
    """Whether an answer is one claim, which is the whole text of the one snippet that it cites."""
    claims = answer.claims
    if len(claims) != 1 or len(claims[0].citations) != 1 or claims[0].text != answer.text:
        return False
    return answer.evidence[claims[0].citations[0]].text == answer.text

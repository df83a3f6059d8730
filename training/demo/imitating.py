"""Teaches a model of the demonstration to answer, and to look at a draft again, by given answers.

In: a model's folder, rows with answers, settings of their prompts. Out: the folder of the model that imitated them.
Half of what it imitates are second looks: the draft is the right answer or a wrong one, and the answer is the right
one. A model that never saw the second prompt would earn nothing in a second phase, and learn nothing there. Not here:
rewards.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

from citerefine.refiner.in_process.prompting import prompt_text
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks import again, build
from citerefine.training.grpo.settings import SftSettings
from citerefine.training.grpo.sft import RefinerSftTrainer, imitation_rows
from citerefine.training.running.quiet import quiet

SETTINGS: Final = SftSettings(
    steps=400,
    rows_per_step=32,
    micro_rows=32,
    learning_rate=3e-3,
    schedule="constant_with_warmup",
    warmup_steps=30,
    adam_beta2=0.98,
    max_tokens=512,
    save_steps=1_000_000,  # what is interrupted begins anew: it takes a minute
    bf16=False,
    gradient_checkpointing=False,
)


def imitate(
    start: Path, target: Path, rows: Sequence[TrainingRow], settings: DataSettings, training: SftSettings = SETTINGS
) -> None:
    """Trains the model in `start` on the rows and on second looks at drafts, and writes it to `target`.

    Args:
        start: a model with its tokenizer.
        target: made, and whole when it is there.
        rows: with answers; the answer of another row is a wrong draft.
        settings: of prompts.
        training: how; its seed decides about drafts too.
    """
    tokenizer, staged = AutoTokenizer.from_pretrained(start), target.with_name(f".{target.name}.new")
    asked = [*_asked(rows, tokenizer, settings, Random(training.seed))]
    dataset = imitation_rows(Dataset.from_list(asked), tokenizer, training.max_tokens).dataset
    with quiet():
        trainer = RefinerSftTrainer(
            AutoModelForCausalLM.from_pretrained(start), dataset, tokenizer, training, staged / "run", use_cpu=True
        )
        trainer.train()
        trainer.model.save_pretrained(staged / "model")
        tokenizer.save_pretrained(staged / "model")
    (staged / "model").rename(target)


def _asked(
    rows: Sequence[TrainingRow], tokenizer: Any, settings: DataSettings, rng: Random
) -> Iterator[dict[str, str]]:
    async def count(texts: Sequence[str]) -> list[int]:
        return [len(tokenizer.encode(text, add_special_tokens=False)) for text in texts]

    for row in rows:
        asked = build(row, settings, count)
        draft = (row if rng.random() < 0.5 else rng.choice(rows)).answer or ""
        for name, call in (("first", asked.call), ("again", again(asked, draft, settings))):
            yield {"id": f"{row.id} {name}", "prompt": prompt_text(tokenizer, call), "row": row.model_dump_json()}

"""Rows of training data, and the values that scale any recipe down to what two cores do in seconds."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

RECIPES: Final = (
    "balanced-refiner",
    "multi-node",
    "one-node",
    "rloo-maths",
    "rubric-citation-refiner",
    "single-gpu-lora",
    "thinktwice",
    "tiny-cpu",
)
MATHS: Final = ("rloo-maths", "thinktwice")
_LAKES: Final = ("Orven", "Salm", "Tirva", "Quell", "Brack", "Ister", "Norr", "Velm")
_FISH: Final = ("perch", "trout", "pike", "roach")

TINY: Final = (
    "data.prompt_tokens=1024",
    "data.answer_tokens=16",
    "data.total_tokens=1310",
    "reward.judge=lexical",
    "reward.support=lexical",
    "train.steps=1",
    "train.prompts_per_step=2",
    "train.group_size=2",
    "train.micro_rows=0",
    "train.updates_per_rollout=1",
    "train.rollout=transformers",
    "train.vllm_url=''",
    "train.refill=false",
    "train.refill_tokens=0",
    "train.bf16=false",
    "train.gradient_checkpointing=false",
    "watch.heldout_rows=0",
    "hardware.gpus=0",
    "hardware.nodes=1",
    "hardware.vllm_gpus=0",
    "hardware.engine=single",
)


def cited_rows(file: Path, n: int = 16) -> Path:
    """Writes rows with evidence, criteria, a reference answer and an answer to imitate."""
    rows = []
    for number in range(n):
        lake, fish = _LAKES[number % len(_LAKES)], _FISH[number // len(_LAKES) % len(_FISH)]
        rows.append(
            {
                "id": str(number),
                "question": f"What did {fish} do in Lake {lake}?",
                "snippets": [{"id": f"s{number}", "text": f"Between 2001 and 2010 {fish} doubled in Lake {lake}."}],
                "positive_rubrics": [f"Says that {fish} doubled.", "Gives the years."],
                "gold": "doubled",
                "answer": f"<answer><snippet id=S1>{fish.title()} doubled in Lake {lake}.</snippet></answer>",
            }
        )
    return _written(file, rows)


def maths_rows(file: Path, n: int = 16) -> Path:
    """Writes problems with their results."""
    rows = [
        {"id": str(number), "task": "maths", "question": f"What is {number} + {number * 3}?", "gold": str(4 * number)}
        for number in range(n)
    ]
    return _written(file, rows)


def rows_for(recipe: str, folder: Path, n: int = 16) -> Path:
    """Rows of the kind that a bundled recipe trains on."""
    return (maths_rows if recipe in MATHS else cited_rows)(folder / "rows.jsonl", n)


def _written(file: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file

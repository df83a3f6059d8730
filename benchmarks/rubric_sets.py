"""Answers that people, or a strong model, judged: readers of public sets, for the measurements of rubric judges.

In: a folder that holds judge_meta and wice; what is absent is left out. Out: rows as `citerefine calibrate` reads
them (docs/judge-cards.md), by the name of the set. How a set becomes criteria is said at its reader. Not here:
measuring.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.support_sets import read_sets as read_support_sets

from citerefine.judges.verdict import Label

Row = dict[str, Any]

_FROM_0_TO_1: Final = {"kind": "numeric", "lo": 0, "hi": 1}
_LLMBAR: Final = ("natural", "adversarial_gptinst", "adversarial_gptout", "adversarial_manual", "adversarial_neighbor")
_PROMPT: Final = re.compile(
    r"###The instruction to evaluate:\n(?P<question>.*?)\n+###Response to evaluate:\n(?P<answer>.*?)\n+"
    r"(?:###Reference Answer \(Score 5\):\n.*?\n+)?"
    r"###Score Rubrics:\n\[(?P<criterion>.*?)\]\n(?P<levels>.*?)\n+###Feedback:",
    re.DOTALL,
)
"""Prompts of prometheus-eval."""
_LEVEL: Final = re.compile(r"^Score (\d): (.*)$", re.MULTILINE)


def read_rubric_sets(folder: Path) -> dict[str, list[Row]]:
    """The rows of each set that the folder holds."""
    sets = {name: [*read(folder / path)] for name, (path, read) in _READERS.items() if (folder / path).is_file()}
    for one in read_support_sets(folder):
        if one.name == "WiCE":
            sets["WiCE, claims as criteria"] = [
                {
                    "answer": " ".join(snippet.text for snippet in claim.query.snippets),
                    "criterion": claim.query.claim,
                    "label": claim.label is Label.FULL,
                    "group": claim.cluster,
                }
                for claim in one.claims
            ]
    return sets


def _llmbar(path: Path) -> Iterator[Row]:
    """Pairs of answers of which people say which one follows the instruction: the instruction is the criterion."""
    for n, row in enumerate(json.loads(path.read_text("utf-8"))):
        for place in (1, 2):
            yield {
                "question": row["input"],
                "group": f"{path.stem} {n}",
                "answer": row[f"output_{place}"],
                "criterion": {"text": row["input"], "scale": _FROM_0_TO_1},
                "label": int(row["label"] == place),
            }


def _hhh(path: Path) -> Iterator[Row]:
    """Pairs of answers of which people say which is the better, by the levels that stand in the prompt."""
    for n, row in enumerate(json.loads(path.read_text("utf-8"))):
        for which in ("chosen", "rejected"):
            read = _read_prompt(row[f"{which}_instruction"])
            yield {**read, "group": n, "label": read["criterion"]["scale"]["hi" if which == "chosen" else "lo"]}


def _vicuna(path: Path) -> Iterator[Row]:
    """Answers of four models, each with three scores that GPT-4 gave: no people, and no independent labellers."""
    for row in json.loads(path.read_text("utf-8")):
        yield {
            **_read_prompt(row["instruction"]),
            "group": row["idx"],
            "source": row["response_source"],
            "labels": [str(score) for score in row["gpt4_score"]],
        }


def _read_prompt(prompt: str) -> Row:
    found = _PROMPT.search(prompt)
    if found is None:
        raise ValueError(f"a prompt without answer and levels: {prompt[:60]!r}")
    anchors = _LEVEL.findall(found["levels"])
    levels = [
        {"name": name, "anchor": anchor, "value": n / (len(anchors) - 1)} for n, (name, anchor) in enumerate(anchors)
    ]
    scale = {"kind": "ordinal", "lo": 1, "hi": len(anchors), "levels": levels}
    return {
        "question": found["question"],
        "answer": found["answer"],
        "criterion": {"text": found["criterion"], "scale": scale},
    }


_READERS: Final[dict[str, tuple[str, Callable[[Path], Iterator[Row]]]]] = {
    **{f"LLMBar {name}": (f"judge_meta/llmbar/{name}.json", _llmbar) for name in _LLMBAR},
    "HHH": ("judge_meta/prometheus_hhh_vicuna/hhh_alignment_eval.json", _hhh),
    "Vicuna, scores of GPT-4": ("judge_meta/prometheus_hhh_vicuna/vicuna_eval.json", _vicuna),
}

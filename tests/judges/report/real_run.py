"""Real answers of two systems, scored without a model: their citations against the evidence of the same question.

The evidence is what the graders of the set quoted for the question, which the systems never saw: figures are low.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from citerefine.judges.imports.reading import read_answer
from citerefine.judges.lexical.lexical_judge import LexicalJudge
from citerefine.judges.runs.score_row import ScoreRow, score_row
from citerefine.judges.runs.summary import Summary
from citerefine.judges.runs.tally import Tally, figures_of
from citerefine.judges.scoring import CitedAnswer, ascore
from citerefine.refiner.background import run
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "scholarqa_cs_answers"
SYSTEMS = ("claude", "gpt")
MISSING = f"the answers of ScholarQA-CS are not at {FOLDER}"


@cache
def scored_run(system: str, most: int = 20) -> tuple[ScoreRow, ...]:
    """The first rows of one system."""
    cases = {case["case_id"]: case for case in json.loads((FOLDER / "test_configs_snippets.json").read_text("utf-8"))}
    judge, rows = LexicalJudge(), list[ScoreRow]()
    for line, text in enumerate((FOLDER / f"{system}.jsonl").read_text("utf-8").splitlines()[:most], 1):
        answer: dict[str, Any] = json.loads(text)
        case = cases[answer["case_id"]]
        evidence = _evidence(case)
        read = read_answer(answer["answer_text"], evidence)
        cited = CitedAnswer(read.parse, evidence, case["initial_prompt"])
        score = run(ascore(cited, judge))
        rows.append(score_row(score, cited, answer["case_id"], line=line, system=system, form=read.form))
    return tuple(rows)


def _evidence(case: dict[str, Any]) -> Evidence:
    items = case["metric_config"]["config"]["other_properties"]
    texts = dict.fromkeys(text for item in items for text in item.get("evidence", ()) if text.strip())
    return Evidence([Snippet(id=f"e{number}", text=text) for number, text in enumerate(texts, 1)])


def summary_of(rows: tuple[ScoreRow, ...]) -> Summary:
    """What the rows add up to."""
    tally = Tally("citerefine")
    for row in rows:
        tally.add(figures_of(row))
    return tally.summary(rows[0].judge)

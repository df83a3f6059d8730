"""Answers of real systems and of experts, with citations as they write them: all are read, no number is passed over.

Of the 1,787 brackets in the systems' answers that are read by numbers, 879 stand in lists of references and 908 cite.
Of 1,313 entries all but five are cut: long ones, of titles in lower case. Every longer line that is cut holds a URL,
DOI or year. The experts count from 0; the ten of their numbers that lead
nowhere lie beyond the end of their lists of passages.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from citerefine.judges.imports.placing import read_marked
from citerefine.judges.imports.reading import read_answer
from citerefine.judges.imports.reference_list import find_references
from citerefine.judges.imports.sources import Sources
from citerefine.refiner import Evidence

DATA = Path(__file__).parents[3].parent / "shared" / "data"
SYSTEMS, EXPERTS = DATA / "scholarqa_cs_answers", DATA / "scholarqabench" / "human_answers.json"
_BRACKETS = re.compile(r"\[\d{1,3}(?:\s*[,-]\s*\d{1,3})*\]")


def answers(system: str) -> list[str]:
    return [json.loads(line)["answer_text"] for line in (SYSTEMS / f"{system}.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.skipif(not SYSTEMS.exists(), reason=f"the answers of two systems are not at {SYSTEMS}")
@pytest.mark.parametrize(
    ("system", "forms"),
    [
        ("claude", {"numbered": 97, "tags": 13}),
        ("gpt", {"numbered": 97, "links": 6, "tags": 4, "footnotes": 3}),
    ],
)
def test_every_answer_of_a_system_is_read_in_the_form_that_it_shows(system: str, forms: dict[str, int]) -> None:
    read = [read_answer(answer, None) for answer in answers(system)]
    assert Counter(one.form for one in read) == forms
    assert not any(_BRACKETS.search(one.parse.text) for one in read if one.form == "numbered")
    assert all(one.parse.text for one in read)


@pytest.mark.skipif(not SYSTEMS.exists(), reason=f"the answers of two systems are not at {SYSTEMS}")
def test_what_people_write_in_lists_of_references_is_cut_whether_or_not_the_evidence_knows_it() -> None:
    marked = [read_marked(answer) for system in ("claude", "gpt") for answer in answers(system)]
    lists = [find_references(one.text, one.code, Sources(None)) for one in marked]
    assert (sum(one.n_entries for one in lists), sum(len(one.kept) for one in lists)) == (1313, 5)


@pytest.mark.skipif(not EXPERTS.exists(), reason=f"the answers of experts are not at {EXPERTS}")
def test_every_number_of_the_experts_becomes_a_citation() -> None:
    rows: list[dict[str, Any]] = json.loads(EXPERTS.read_text("utf-8"))
    groups = cited = unknown = 0
    for row in rows:
        texts = [passage["text"] if isinstance(passage["text"], str) else "(no text)" for passage in row["ctxs"]]
        evidence = Evidence([{"id": f"c{number}", "text": text} for number, text in enumerate(texts)])
        found = read_answer(row["output"], evidence, "numbered_from_0")
        assert not _BRACKETS.search(found.parse.text)
        ids = [id for span in found.parse.spans for id in span.ids]
        groups += len(_BRACKETS.findall(row["output"]))
        cited, unknown = cited + len(ids), unknown + sum(id.startswith("?") for id in ids)
    assert (len(rows), groups, cited, unknown) == (108, 744, 758, 10)

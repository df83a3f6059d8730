"""Copies planted among a thousand abstracts are found, and no two abstracts are taken for one."""

import json
import random
import re
from pathlib import Path
from typing import Any, Final

import pytest

from citerefine.refiner.records import Snippet
from citerefine.tools.fusing.merging import merge

DATA: Final = Path(__file__).parents[3].parent / "shared" / "data" / "pubmedqa"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data/pubmedqa beside the clone")


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


def abstracts() -> list[Snippet]:
    """As PubMed gives them, with the question for a title where there is one: it is close to the paper's."""
    titles = {row["gold"]: row["question"] for row in rows("questions.jsonl")}
    return [
        Snippet(text=row["text"], year=row["year"], title=titles.get(row["id"]), source=row["id"])
        for row in rows("corpus.jsonl")
    ]


def marked_up(text: str, rng: random.Random) -> str:
    words = [f"<i>{word}</i>" if rng.random() < 0.1 else word for word in text.split()]
    return f"<p>{' '.join(words)}</p>"


def repunctuated(text: str, rng: random.Random) -> str:
    return re.sub(r"[,;:](?=\s)", "", text).replace("\n", " ").replace("'", "’")


def recased(text: str, rng: random.Random) -> str:
    return text.upper() if rng.random() < 0.5 else text.lower()


def truncated(text: str, rng: random.Random) -> str:
    words = text.split()
    return f"{' '.join(words[: rng.randint(len(words) // 3, len(words) - 1)])} …"


CHANGES: Final = (marked_up, repunctuated, recased, truncated)


def test_copies_with_other_case_punctuation_or_markup_are_merged_and_other_abstracts_are_not() -> None:
    originals, rng = abstracts(), random.Random(11)
    copies = list[Snippet]()
    for number, original in enumerate(originals):
        text = CHANGES[number % len(CHANGES)](original.text, rng)
        record = (original.source or "").replace("pmid:", "MED/")
        copies.append(Snippet(text=text, url=f"https://europepmc.org/article/{record}", source=f"europepmc:{record}"))
        if original.title and original.year and len(original.title) > 30:  # shorter ones need an author to be told by
            title = CHANGES[number % 3](original.title, rng)
            copies.append(Snippet(text=text, title=title, year=original.year, url=f"https://web.example/{number}"))
    everything = [*originals, *copies]
    rng.shuffle(everything)
    passages = merge(everything)
    assert len(passages) == len(originals)
    assert sum(len(passage.members) for passage in passages) == len(everything)
    assert len({passage.work for passage in passages}) == len(originals)


def test_abstracts_without_any_identifier_are_not_taken_for_one_another() -> None:
    originals = [Snippet(text=one.text, year=one.year, title=one.title) for one in abstracts()]
    assert len(merge(originals)) == len(originals)

"""Claims with evidence and what people say of them: readers of public sets, for the measurements of support judges.

In: a folder that holds wice, factcheck_gpt, quotesum, begin, fool_me_twice, summedits and scholarqabench; what is
absent is left out. Out: `SupportSet`s. Labels of each set are mapped to ours as its reader says. Negatives that no
person labelled (a snippet of another question) are marked by the set's name. Not here: measuring.
"""

import csv
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from citerefine.judges.verdict import Label, SupportQuery
from citerefine.refiner.records import Snippet

SEED: Final = 20261125


class LabelledClaim(NamedTuple):
    """One claim with its evidence."""

    query: SupportQuery
    label: Label
    cluster: str
    """What is drawn as a whole when intervals are worked out: the source claim, document or question."""
    row: int | None = None
    """Number of its row, for a set that does not say which claims are of one text: those stand near each other."""


class SupportSet(NamedTuple):
    """The labelled claims of one source."""

    name: str
    group: str
    """Sets of one group are alike: a threshold is never carried from one to the other."""
    claims: tuple[LabelledClaim, ...]


class PageClaim(NamedTuple):
    """A claim with a whole page, and which of its sentences support it."""

    claim: str
    page: tuple[str, ...]
    """Sentences."""
    gold: frozenset[int]
    """Numbers of the sentences that are in any set that supports the claim."""


class TokenLabels(NamedTuple):
    """A claim, and which of its words the evidence does not support."""

    page: SupportQuery
    """With the whole page."""
    gold: SupportQuery
    """With the sentences that support the rest of it."""
    tokens: tuple[str, ...]
    unsupported: tuple[bool, ...]


def read_sets(folder: Path) -> list[SupportSet]:
    """All sets that the folder holds."""
    found = list[SupportSet]()
    for name, (group, path, read) in _READERS.items():
        if (folder / path).is_file():
            found.append(SupportSet(name, group, tuple(read(folder / path))))
    return found


def read_pages(folder: Path) -> list[PageClaim]:
    """WiCE's claims that a page supports at least in part."""
    path = folder / "wice" / "claim_dev.jsonl"
    rows = _rows(path) if path.is_file() else []
    claims = [PageClaim(row["claim"], tuple(row["evidence"]), frozenset(_gold(row))) for row in rows]
    return [claim for claim in claims if claim.gold]


def read_tokens(folder: Path) -> list[TokenLabels]:
    """WiCE's partly supported claims with a label for each word."""
    path = folder / "wice" / "nonsupp_tokens_dev.jsonl"
    found = list[TokenLabels]()
    for row in _rows(path) if path.is_file() else []:
        if gold := sorted(_gold(row)):
            page, kept = row["evidence"], [row["evidence"][number] for number in gold]
            whole, part = (_query(row["claim"], [("", " ".join(text))]) for text in (page, kept))
            found.append(TokenLabels(whole, part, tuple(row["claim_tokens"]), tuple(row["non_supported_spans"])))
    return found


def _gold(row: dict[str, Any]) -> set[int]:
    return {number for alternative in row["supporting_sentences"] for number in alternative}


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _query(claim: str, evidence: Iterable[tuple[str, str]]) -> SupportQuery:
    snippets = (Snippet(title=title or None, text=text) for title, text in evidence)
    return SupportQuery(" ".join(claim.split()), tuple(snippets))


# --- the readers ------------------------------------------------------------------------------------------------------


def _wice(path: Path) -> Iterator[LabelledClaim]:
    """Claims of Wikipedia with a chunk of the cited page that holds its supporting sentences."""
    labels = {"supported": Label.FULL, "partially_supported": Label.PARTIAL, "not_supported": Label.NONE}
    for row in _rows(path):
        query = _query(row["claim"], [("", " ".join(row["evidence"]))])
        yield LabelledClaim(query, labels[row["label"]], row["meta"]["id"])


def _factcheck(path: Path) -> Iterator[LabelledClaim]:
    """Claims of a model's answers with snippets of web pages."""
    labels = {
        "completely-support": Label.FULL,
        "partially-support": Label.PARTIAL,
        "irrelevant": Label.NONE,
        "refute": Label.CONTRADICTS,
    }
    for number, row in enumerate(_rows(path)):
        query = _query(row["claim"], [("", row["evidence"])])
        yield LabelledClaim(query, labels[row["stance"]], row["claim"], number)


def _begin(path: Path) -> Iterator[LabelledClaim]:
    """Turns of dialogue models with the knowledge that they were given; `Generic` turns count as not supported."""
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            label = Label.FULL if row["begin_label"] == "Fully attributable" else Label.NONE
            yield LabelledClaim(_query(row["response"], [("", row["knowledge"])]), label, row["knowledge"])


def _quotesum(path: Path) -> Iterator[LabelledClaim]:
    """Spans quoted from a source, with it; and, as many, with a source of another question."""
    quoted = list[LabelledClaim]()
    for row in _rows(path):
        for number, text in re.findall(r"\[\s*(\d)\s+(.*?)\s*\]", row["summary"]):
            if len(text.split()) >= 3 and row[f"source{number}"].strip():
                query = _query(text, [(row[f"title{number}"], row[f"source{number}"])])
                quoted.append(LabelledClaim(query, Label.FULL, row["qid"]))
    yield from quoted
    chance = random.Random(SEED)
    for one in quoted:
        other = chance.choice([other for other in quoted if other.cluster != one.cluster])
        yield LabelledClaim(SupportQuery(one.query.claim, other.query.snippets), Label.NONE, one.cluster)


def _fool_me_twice(path: Path) -> Iterator[LabelledClaim]:
    """Claims that people wrote to mislead other people, with the gold evidence."""
    labels = {"SUPPORTS": Label.FULL, "REFUTES": Label.CONTRADICTS}
    for row in _rows(path):
        title, text = row["wikipedia_page"], " ".join(sentence["text"] for sentence in row["gold_evidence"])
        yield LabelledClaim(_query(row["text"], [(title, text)]), labels[row["label"]], title)


def _summedits(path: Path) -> Iterator[LabelledClaim]:
    """Summaries of abstracts, of which some had one fact changed."""
    for row in json.loads(path.read_text("utf-8")):
        label = Label.FULL if row["label"] == 1 else Label.NONE
        yield LabelledClaim(_query(row["summary"], [("", row["doc"])]), label, row["doc"])


def _scifact(path: Path) -> Iterator[LabelledClaim]:
    """Claims about one abstract each, true or false."""
    labels = {"true": Label.FULL, "false": Label.CONTRADICTS}
    for row in _rows(path):
        evidence = [(one["title"], one["text"]) for one in row["gold_ctx"]]
        yield LabelledClaim(_query(row["input"], evidence), labels[row["answer"]], evidence[0][0])


_READERS: Final[dict[str, tuple[str, str, Callable[[Path], Iterator[LabelledClaim]]]]] = {
    "WiCE": ("wice", "wice/oracle_claim_dev.jsonl", _wice),
    "Factcheck-GPT": ("factcheck", "factcheck_gpt/subtask3_claim_evidence_stance.jsonl", _factcheck),
    "BEGIN wow": ("begin", "begin/begin_dev_wow.tsv", _begin),
    "BEGIN topicalchat": ("begin", "begin/begin_dev_tc.tsv", _begin),
    "BEGIN cmu-dog": ("begin", "begin/begin_dev_cmu.tsv", _begin),
    "QuoteSum, own or wrong source": ("quotesum", "quotesum/dev.jsonl", _quotesum),
    "SciFact": ("scifact", "scholarqabench/scifact_test.jsonl", _scifact),
    "Fool-me-twice": ("fool_me_twice", "fool_me_twice/dev.jsonl", _fool_me_twice),
    "SummEdits": ("summedits", "summedits/summedits_scitldr.json", _summedits),
}
"""Name → group, file, reader."""

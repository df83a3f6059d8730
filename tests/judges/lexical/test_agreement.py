"""How far the lexical judge agrees with people on public sets: bounds a little below what docs/benchmarks.md gives."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[4] / "shared" / "data"
pytestmark = pytest.mark.skipif(not (DATA / "wice").is_dir(), reason=f"the labelled sets are not in {DATA}")

LEAST_AUC = {
    "WiCE": 0.80,
    "Factcheck-GPT": 0.76,
    "BEGIN wow": 0.91,
    "BEGIN topicalchat": 0.90,
    "BEGIN cmu-dog": 0.95,
    "QuoteSum, own or wrong source": 0.99,
    "SciFact": 0.62,
    "Fool-me-twice": 0.60,
}
MOST_FULL = {
    "wrong snippet": 0.01,
    "number → new number": 0.05,
    "name → new name": 0.02,
    "negated": 0.2,
    "unsupported + 20 keywords of the evidence": 0.15,
    "unsupported + 20 keywords with small words between": 0.2,
    "unsupported + a quote of the snippet as a sentence": 0.18,
}


@cache
def measured() -> dict[str, Any]:
    """All figures of benchmarks/support_agreement.py, of at most 500 claims a set."""
    from benchmarks.support_agreement import measure_all

    from citerefine.judges import LexicalJudge

    return measure_all(DATA, LexicalJudge(), 500)


def row(rows: Iterable[dict[str, Any]], key: str, name: str) -> dict[str, Any]:
    (found,) = [row for row in rows if row[key] == name]
    return found


@pytest.mark.parametrize("name", LEAST_AUC)
def test_scores_rank_supported_claims_above_others(name: str) -> None:
    assert row(measured()["agreement"]["judge"], "set", name)["auc"][0] >= LEAST_AUC[name]


@pytest.mark.parametrize("other", ["partial_ratio", "token_set_ratio", "idf coverage"])
def test_it_agrees_better_than_plain_measures(other: str) -> None:
    ours, theirs = (row(measured()["agreement"][name], "set", "mean of all") for name in ("judge", other))
    assert ours["auc"][0] > theirs["auc"][0]


@pytest.mark.parametrize("name", MOST_FULL)
def test_edited_claims_are_not_called_full(name: str) -> None:
    assert row(measured()["probes"], "probe", name)["judge, full"] <= MOST_FULL[name]


def test_keywords_of_the_evidence_earn_no_credit_in_part_either() -> None:
    found = row(measured()["probes"], "probe", "unsupported + 20 keywords of the evidence")
    assert found["judge, full or partial"] <= 0.25


def test_word_for_word_is_full() -> None:
    found = row(measured()["probes"], "probe", "a sentence of the snippet, word for word")
    assert found["judge, full"] >= 0.995


def test_spans_lead_to_the_evidence_and_missing_words_to_what_has_none() -> None:
    figures = measured()["explanations"]
    assert figures["spans with a gold sentence"] > 0.88
    assert figures["words missing in the whole page: precision"] > 0.58
    assert figures["words missing in the whole page: recall"] > 0.5

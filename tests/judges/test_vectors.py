"""The citation score against the shared cases, with their perfect judge: all figures within the expected range."""

from typing import Any

import pytest
from tests.judges.citation_cases import CASES, CASES_FILE, is_within, score_of

from citerefine.judges.claim_key import claim_key
from citerefine.judges.need import exemption
from citerefine.judges.units import split_units
from citerefine.refiner.tags.scanner import parse_tags

pytestmark = pytest.mark.skipif(not CASES, reason=f"the shared test vectors are not at {CASES_FILE}")


def named(case: dict[str, Any]) -> str:
    return str(case["name"])


@pytest.mark.parametrize("case", CASES, ids=named)
def test_figures_are_as_expected(case: dict[str, Any]) -> None:
    score, expected = score_of(case), {**case["expected"]}
    expected.pop("units", None)
    found = {name: getattr(score, name) for name in expected}
    wrong = {name: (found[name], wanted) for name, wanted in expected.items() if not is_within(found[name], wanted)}
    assert not wrong


@pytest.mark.parametrize("case", [case for case in CASES if "units" in case["expected"]], ids=named)
def test_units_are_as_expected(case: dict[str, Any]) -> None:
    parse = parse_tags(case["answer"])
    found = [
        (unit.key, list(unit.ids), int(exemption(unit) is None)) for unit in split_units(parse)
    ]
    assert found == [(claim_key(unit["text"]), unit["ids"], unit["need"]) for unit in case["expected"]["units"]]


def test_all_cases_are_here() -> None:
    assert len(CASES) == 60

"""Rules: each one's value, and that nothing from a file runs."""

import pytest
from tests.rubrics.building import criterion

from citerefine.judges.rubric.cell import Status
from citerefine.judges.rubric.rules import RULES, RuleQuery, cell_by_rule
from citerefine.refiner.records import Snippet

RAW = "<answer><snippet id=s1>Perch doubled by 2010.</snippet> Ice came <snippet id=s9>late</snippet>.</answer>"
SHOWN = RAW.removeprefix("<answer>").removesuffix("</answer>")
QUERY = RuleQuery(SHOWN, RAW, [Snippet(id="s1", text="Perch doubled.")])


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("max_words:7", 1),
        ("max_words:6", 0),
        ("min_words:7", 1),
        ("min_words:8", 0),
        ("over_words:6", 1),
        ("over_words:7", 0),
        ("length:5:9", 0.5),
        ("length:7:9", 1),
        ("length:1:5", 0),
        ("length", 1),
        ("excerpts", 0),
        ("has_citations", 1),
        ("known_ids", 0),
        ("answer_block", 1),
    ],
)
def test_a_rule_gives_its_value(rule: str, value: float) -> None:
    got = cell_by_rule(criterion("r", verifier="rule", rule=rule), QUERY)
    assert got.value == pytest.approx(value)
    assert got.verdict in ("MET", "UNMET", "0.5")


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("", "unknown_rule"),
        ("no_such", "unknown_rule"),
        ("__import__('os')", "unknown_rule"),
        ("max_words", "bad_rule"),
        ("max_words:many", "bad_rule"),
        ("max_words:-3", "bad_rule"),
        ("max_words:99999999999999999999", "bad_rule"),
        ("max_words:3:4", "bad_rule"),
        ("length:9:5", "bad_rule"),
    ],
)
def test_a_rule_that_is_not_known_gives_no_number(rule: str, code: str) -> None:
    got = cell_by_rule(criterion("r", verifier="rule", rule=rule), QUERY)
    assert got.status is Status.FAILED
    assert got.reason.startswith(f"{code}: ")


def test_what_a_rule_cannot_see_gives_no_number() -> None:
    blind = RuleQuery(SHOWN, None)
    for rule, code in (("answer_block", "no_raw"), ("known_ids", "no_evidence")):
        got = cell_by_rule(criterion("r", verifier="rule", rule=rule), blind)
        assert got.value is None
        assert got.reason.startswith(f"{code}: ")


def test_a_claim_that_quotes_four_words_or_more_has_an_excerpt() -> None:
    text = "<snippet id=a>It says “perch doubled in number”.</snippet> <snippet id=b>It says “perch”.</snippet>"
    got = cell_by_rule(criterion("r", verifier="rule", rule="excerpts"), RuleQuery(text, None))
    assert got.value == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("quoted", "value"),
    [
        ("“Perch had doubled in number”", 1),
        ('"perch had   DOUBLED, in number"', 1),
        ("“perch had doubled in […] by the old weir”", 1),
        ("“perch had doubled in number by the old mill”", 0),
        ("“one two three four five”", 0),
        ("“perch … had … number … weir”", 0),
        ("“erch had doubled in numbe”", 0),
        ("“… … … …”", 0),
    ],
)
def test_what_is_quoted_must_stand_in_a_snippet_that_the_claim_cites(quoted: str, value: float) -> None:
    snippets = [
        Snippet(id="a", text="Perch had doubled in number by the old weir."),
        Snippet(id="b", text="Eels left."),
    ]
    for id, worth in (("a", value), ("b", 0), ("zz", 0), ("b,a", value)):
        query = RuleQuery(f"<snippet id={id}>It says {quoted}.</snippet>", None, snippets)
        assert cell_by_rule(criterion("r", verifier="rule", rule="excerpts"), query).value == worth


def test_an_invented_id_is_no_citation_where_evidence_is_known() -> None:
    text, rule = "Ice came <snippet id=s9>late</snippet>.", criterion("r", verifier="rule", rule="has_citations")
    assert cell_by_rule(rule, RuleQuery(text, None)).value == 1
    assert cell_by_rule(rule, RuleQuery(text, None, [Snippet(id="s1", text="Perch doubled.")])).value == 0
    assert cell_by_rule(rule, QUERY).value == 1


def test_every_rule_says_what_it_means() -> None:
    assert all(rule.meaning for rule in RULES.values())

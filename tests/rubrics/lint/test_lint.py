"""What lint finds, and, more important, what it leaves alone."""

import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rubrics.building import criterion, flat

from citerefine.judges.rubric.grading import CITATION_FIGURES
from citerefine.judges.rubric.rules import RULES
from citerefine.rubrics.criterion import Criterion, Level, Scale
from citerefine.rubrics.lint import LINTS, Finding, lint
from citerefine.rubrics.lint.names import FIGURES, RULE_BOUNDS
from citerefine.rubrics.loading import load_rubrics
from citerefine.rubrics.rubric import Rubric

DATA = Path(__file__).parents[3].parent / "shared" / "data" / "rubrics"


def codes(text: str, weight: float = 1) -> list[str]:
    """Codes of what is wrong with one criterion by itself."""
    found = lint(Rubric(criteria=(criterion("c", weight, text),)))
    return [finding.code for finding in found if finding.criterion_id]


@pytest.mark.parametrize(
    "text",
    [
        "Explains the defrost cycle and gives the temperature at which it starts.",
        "States that yeast releases carbon dioxide, and explains why gluten holds it.",
        "The answer should define the embedding layer in transformer models and emphasize the importance of it.",
        "Mentions at least two of fever, cough, fatigue.",
        "Names three of the following: perch, pike, trout.",
        "Names the river; says in which year it flooded.",
        "States (1) the dose of the drug (2) its half-life.",
        "Covers:\n- the dose\n- the half-life",
        "Names the river. Explains why it flooded.",
        "Mentions fever, dry cough, and fatigue.",
    ],
)
def test_what_asks_for_several_things_is_compound(text: str) -> None:
    assert codes(text) == ["compound"]


@pytest.mark.parametrize(
    "text",
    [
        "Explains how yeast eats sugar and gives off gas.",
        "Explains the trade-off between speed and cost.",
        "Mentions symptoms such as fever, cough, and fatigue.",
        "Names the law on research and development.",
        "Cites Smith, Jones, and Lee (2020); see table 1.",
        "Advises to rest the ankle for at least two days.",
        "Names two signs that need urgent care.",
        "States that models (a 7B and a 13B one) were trained with 10, 20, and 30 epochs.",
        "Says that the drug works in adults, children, and the old.",
        "Quotes “Name the cause; give the cure; rest”.",
        "Reports which states and lists apply.",
        "Discusses methods that not only improve recall but also provide the sources.",
        "Tells that strategies, plans and uses differ.",
    ],
)
def test_what_asks_for_one_thing_is_left_alone(text: str) -> None:
    assert codes(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "The answer is clear and well written.",
        "Provides a comprehensive overview of photosynthesis.",
        "Uses an appropriate tone.",
        "The report is well structured.",
    ],
)
def test_a_quality_without_a_measure_is_vague(text: str) -> None:
    assert codes(text) == ["vague"]


@pytest.mark.parametrize(
    "text",
    [
        "Provides a clear definition of telepresence.",
        "Uses an appropriate tone, such as that of a letter to a patient.",
        "Gives a summary of at most 50 words that is complete.",
        "Says whether the sample is sufficient for the claim.",
        "Names a relevant review from 2020.",
        "Explains why a good answer needs units.",
    ],
)
def test_a_quality_that_can_be_told_is_left_alone(text: str) -> None:
    assert codes(text) == []


def test_anchors_say_what_a_quality_is() -> None:
    scale = Scale(kind="ordinal", hi=2, levels=tuple(Level(anchor=f"Step {i}.", value=i / 2) for i in range(3)))
    assert lint(Rubric(criteria=(criterion("c", text="The answer is clear.", scale=scale),))) == []


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("Does not mention the dose.", -1),
        ("Fails to name the source of the figure.", -1),
        ("Pitfall Criteria: Does not say when to see a doctor.", -1),
        ("The response doesn't cite any study.", -1),
        ("Avoids medical jargon in the first paragraph.", 1),
        ("The answer does not recommend aspirin.", 1),
        ("Contains no meat or fish.", 1),
    ],
)
def test_what_is_worded_as_absent_is_negated(text: str, weight: float) -> None:
    assert codes(text, weight) == ["negated"]


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("Claims that salt does not slow yeast.", -1),
        ("States that the drug is not approved.", 1),
        ("Attributes the change to a cause that no snippet mentions.", -1),
        ("Says that aspirin should not be given to children.", 1),
        ("Names no-till farming as a cause.", 1),
    ],
)
def test_a_denial_that_the_answer_is_to_say_is_left_alone(text: str, weight: float) -> None:
    assert codes(text, weight) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Explains {criterion_text} in full.", "placeholder"),
        ("Names the {{ topic }}.", "placeholder"),
        ("Mentions [insert finding here].", "placeholder"),
        ("TODO: write this one.", "placeholder"),
        ("string", "placeholder"),
        (" ", "too_short"),
        ("Clarity", "too_short"),
        ("Role of gluten in bread dough", "no_verb"),
        (" ".join(["Explains the role of gluten"] * 30), "too_long"),
    ],
)
def test_what_says_too_little_or_too_much_is_found(text: str, code: str) -> None:
    assert codes(text) == [code]


@pytest.mark.parametrize(
    "text",
    [
        r"Gives the loss as $\mathcal{L}_{total}$ over {x, y}.",
        "Uses the set {0, 1} for labels.",
        "Says that the Todo app won.",
        "解释酵母如何释放二氧化碳。",
        "Nennt die Reaktionsordnung.",
    ],
)
def test_formulas_and_other_languages_are_left_alone(text: str) -> None:
    assert codes(text) == []


def test_criteria_that_ask_the_same_or_the_opposite_are_found_once() -> None:
    rubric = Rubric(
        criteria=(
            criterion("a", 1, "States which method produced the biomass figure."),
            criterion("b", 1, "States which method produced the biomass figure."),
            criterion("c", 1, "The answer states which methods produced the biomass figure."),
            criterion("d", -1, "Does not state which method produced the biomass figure."),
        )
    )
    found = [(finding.criterion_id, finding.code, finding.severity) for finding in lint(rubric)]
    assert found == [
        ("b", "duplicate", "error"),
        ("c", "duplicate", "warning"),
        ("d", "negated", "warning"),
        ("d", "mirrored", "warning"),
    ]


def test_criteria_that_differ_in_a_number_a_name_or_a_denial_are_not_the_same() -> None:
    texts = [
        "Row one of the table is within one point of the paper.",
        "Row two of the table is within one point of the paper.",
        "States that the loss fell by 10 % in the wave problem.",
        "States that the loss fell by 20 % in the wave problem.",
        "States that the loss fell by 20 % in the reaction problem.",
        "States that the drug is approved for children.",
        "States that the drug is not approved for children.",
    ]
    assert lint(Rubric(criteria=tuple(criterion(f"c{i}", 1, text) for i, text in enumerate(texts)))) == []


def test_the_same_words_in_two_groups_of_a_tree_are_only_noted() -> None:
    groups = [criterion(f"g{i}", 1, children=[criterion(f"l{i}", 1, "Training ends without errors.")]) for i in "ab"]
    assert [(f.criterion_id, f.severity) for f in lint(Rubric(criteria=tuple(groups)))] == [("lb", "note")]


def test_weights_out_of_balance_are_found() -> None:
    names = ("alpha", "beta", "gamma", "delta")
    weights = zip(names, (5, 1, 1, -9), strict=True)
    heavy = [criterion(name, weight, f"Names {name} as a cause.") for name, weight in weights]
    found = lint(Rubric(criteria=tuple(heavy)))
    assert [(each.code, each.criterion_id) for each in found] == [("outweighs", "alpha"), ("negative_mass", "")]
    assert "71 %" in found[0].message
    assert "faults weigh 9 and criteria 7" in found[1].message
    flipped = Rubric(aggregate="flip_then_mean", criteria=tuple(heavy[1:]))
    assert lint(flipped) == []
    assert lint(Rubric(criteria=(heavy[0], heavy[1]))) == []


def test_what_code_decides_and_what_is_switched_off_is_not_read() -> None:
    rule = criterion("r", 1, "Short", verifier="rule", rule="max_words:5")
    assert lint(Rubric(criteria=(rule, criterion("off", 1, "Clarity", state="inactive")))) == []


def test_every_finding_has_a_known_code_and_says_what_to_do() -> None:
    rubric = flat(1, 1, -9)
    for finding in lint(rubric):
        assert isinstance(finding, Finding)
        assert finding.code in LINTS
        assert "; " in finding.message


@given(st.lists(st.text(max_size=60) | st.sampled_from(["Names the river.", "1) a 2) b", "{{", "((((", "a, b, and c"])))
def test_any_text_can_be_read(texts: list[str]) -> None:
    rubric = Rubric(criteria=tuple(criterion(f"c{i}", 1, text or " ") for i, text in enumerate(texts)))
    assert {finding.code for finding in lint(rubric)} <= LINTS.keys()


@pytest.mark.parametrize(
    "text",
    ["a, " * 30_000, "(1) x " * 15_000, "clear and " * 9_000, "{{" * 40_000, "not " * 20_000, "; word" * 15_000],
    ids=lambda text: text[:6],
)
def test_a_hostile_text_costs_little(text: str) -> None:
    start = time.process_time()
    lint(Rubric(criteria=(Criterion(id="c", text=text[:90_000]),)))
    assert time.process_time() - start < 2


def test_a_long_rubric_of_nearly_equal_criteria_costs_little() -> None:
    texts = [f"States that run {i} of the wave problem reached a loss below {i % 7}." for i in range(3_000)]
    rubric = Rubric(criteria=tuple(criterion(f"c{i}", 1, text) for i, text in enumerate(texts)))
    start = time.process_time()
    assert lint(rubric) == []
    assert time.process_time() - start < 20


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared rubrics are not at {DATA}")
def test_few_of_the_rubrics_that_people_use_are_found_fault_with() -> None:
    items = [*load_rubrics(DATA / "scholarqa_cs" / "test_configs_snippets.json")]
    found = Counter(finding.code for rubric in items for finding in lint(rubric))
    assert 10 <= found["compound"] <= 30  # of 484; read one by one
    assert found.keys() <= {"compound", "duplicate", "outweighs"}


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        ("max_wrods:300", "did you mean `max_words`"),
        ("max_words", "takes 1 whole numbers"),
        ("length:3", "takes 0 or 2"),
        ("nothing_like_it", "there are max_words"),
    ],
)
def test_a_rule_that_is_none_is_an_error(rule: str, hint: str) -> None:
    (found,) = lint(Rubric(criteria=(Criterion(id="c", text="Is short.", verifier="rule", rule=rule),)))
    assert (found.code, found.severity, hint in found.message) == ("unknown_rule", "error", True)


def test_rules_that_exist_are_left_alone_and_are_those_of_the_judges() -> None:
    assert {name: {rule.n_bounds, *({0} if rule.default else ())} for name, rule in RULES.items()} == RULE_BOUNDS
    assert set(FIGURES) == set(CITATION_FIGURES)
    for rule in ("max_words:300", "length", "length:300:600", "known_ids"):
        assert lint(Rubric(criteria=(Criterion(id="c", text="Is short.", verifier="rule", rule=rule),))) == []


def test_a_formula_that_is_none_is_an_error_with_the_nearest() -> None:
    (found,) = lint(Rubric(aggregate="pos_nrom", criteria=(criterion("c", 1, "Names the lake in Finland."),)))
    assert (found.code, found.severity, "did you mean `pos_norm`" in found.message) == (
        "unknown_formula",
        "error",
        True,
    )


def test_two_things_with_an_article_each_are_worth_a_look() -> None:
    assert codes("Names the lake and the years.") == ["compound"]
    assert codes("Gives the name of the lake and the river.") == []
    assert codes("States the difference between the lake and the river.") == []

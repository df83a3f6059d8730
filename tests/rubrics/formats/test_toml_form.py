"""Our TOML: what people write, what is told them when it cannot be meant, and what comes out again."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citerefine.rubrics.criterion import Criterion, Level, Polarity, Scale
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.loading import dump_rubric, list_losses, load_rubrics, write_toml
from citerefine.rubrics.rubric import Rubric

BREAD = """
name = "bread"
question = "Why does bread dough rise?"
aggregate = "clip01"

[[positive]]
text = "States that yeast releases carbon dioxide."
title = "Gas"
weight = 2.5
tier = "Essential"
tags = ["chemistry"]
evidence = ["Yeast ferments sugars."]
veto = true

[[positive]]
text = "Explains what holds the gas."
levels = ["Says nothing of it.", "Names gluten.", "Explains how gluten holds the gas."]

[[positive.criteria]]
text = "Names gluten."

[[negative]]
text = "Claims that salt makes the dough rise."
weight = 3
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rubric.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_says_what_is_good_and_what_is_a_fault(tmp_path: Path) -> None:
    (rubric,) = load_rubrics(written(tmp_path, BREAD))
    gas, gluten, salt = rubric.criteria
    assert (rubric.format, rubric.id, rubric.query, rubric.aggregate) == (
        "citerefine",
        "bread",
        "Why does bread dough rise?",
        "clip01",
    )
    assert (gas.weight, gas.polarity, gas.veto, gas.evidence) == (2.5, "positive", True, ("Yeast ferments sugars.",))
    assert [child.text for child in gluten.children] == ["Names gluten."]
    assert [(level.anchor, level.value) for level in gluten.scale.levels][1:] == [
        ("Names gluten.", 0.5),
        ("Explains how gluten holds the gas.", 1.0),
    ]
    assert (salt.weight, salt.polarity, salt.id) == (-3, "negative", "c4")


def test_several_rubrics_stand_in_one_file(tmp_path: Path) -> None:
    text = (
        '[[rubric]]\nname = "a"\n[[rubric.positive]]\ntext = "One."\n[[rubric]]\n[[rubric.negative]]\ntext = "Two."\n'
    )
    first, second = load_rubrics(written(tmp_path, text))
    assert (first.id, first.criteria[0].weight, second.criteria[0].weight) == ("a", 1, -1)
    assert load_rubrics(written(tmp_path, write_toml([first, second]))) == [first, second]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[positive]]\ntext = "States it."\nwieght = 2', r'positive 1 \("States it."\) has the unknown key `wieght`'),
        ('[[positive]]\ntext = "States it."\nwieght = 2', "did you mean `weight`"),
        (
            'qestion = "Why?"\n[[positive]]\ntext = "a"',
            "the file has the unknown key `qestion`; did you mean `question`",
        ),
        ('[[postive]]\ntext = "a"', "unknown key `postive`; did you mean `positive`"),
        ('[[positive]]\ntext = "a"\n[[negative]]\ntext = "b"\nweight = -1', "negative 1 .*weight` is -1; .*above 0"),
        ('[[positive]]\ntext = "a"\nweight = 0', "`weight` is 0; weights are above 0"),
        ('[[positive]]\ntext = "a"\nweight = nan', "`weight` is nan"),
        ('[[positive]]\ntext = "a"\nweight = inf', "`weight` is inf"),
        ('[[positive]]\ntext = "a"\nweight = true', "`weight` is True; it must be a number"),
        ('[[positive]]\ntext = "a"\nweight = "2"', "`weight` is '2'; it must be a number"),
        ('[[positive]]\ntext = "  "', "positive 1: `text` is empty"),
        ("[[positive]]\nweight = 2", "positive 1 has no `text`"),
        ("[[positive]]\ntext = 2020-01-01", "`text` is datetime.date.*must be text"),
        ('[positive]\ntext = "a"', r"`positive` is one table; write it with two brackets"),
        ('[[positive]]\ntext = "a"\nlevels = ["only one"]', "has 1 entries; give 2 to 26"),
        ('[[positive]]\ntext = "a"\nlevels = [{ name = "x", value = 2 }, "b"]', "`value` is 2; .*from 0"),
        ('[[positive]]\ntext = "a"\nscale = [10, 0]', "two numbers, the lesser first"),
        ('[[positive]]\ntext = "a"\nrange = [0, 4]', "`range`, which goes with `levels`"),
        ('[[positive]]\ntext = "a"\nveto = "yes"', "`veto` is 'yes'; write true or false"),
        ('[[positive]]\ntext = "a"\nstate = "gone"', "one of persistent, active, inactive"),
        ('[[positive]]\ntext = "a"\nid = "x"\n[[positive]]\ntext = "b"\nid = "x"', "two criteria have the id 'x'"),
        ('question = "Why?"', r"no `\[\[positive\]\]`"),
        ('name = "x"\n[[rubric]]\n[[rubric.positive]]\ntext = "a"', "`name` stands beside"),
        (
            '[[rubric]]\n[[rubric.positive]]\ntext = "a"\n[[rubric]]\n[[rubric.positive]]\n',
            "rubric 2, positive 1 has no",
        ),
        ("text = unquoted", "is no TOML"),
        ('a = "\\ud800"', "is no TOML"),
        ("[[positive]]\ntext = " + "[" * 100_000, "nested deeper"),
        ("[[positive]]\ntext = " + "{a=" * 100_000, "nested deeper"),
        ("[" + ".".join(["a"] * 100_000) + "]", "more than 32 parts"),
        ("a = " + "9" * 10_000, "too many digits"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(RubricError, match=told) as error:
        load_rubrics(path)
    assert str(error.value).startswith(str(path))


def test_a_tree_that_is_too_deep_is_refused(tmp_path: Path) -> None:
    tables = ['[[positive]]\ntext = "a"'] + [f'[[positive{".criteria" * n}]]\ntext = "a"' for n in range(1, 33)]
    with pytest.raises(RubricError, match=r"levels|parts"):
        load_rubrics(written(tmp_path, "\n".join(tables)))


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(lambda text: text.strip())
maybe = st.just("") | words
sizes = st.integers(1, 1000) | st.floats(0.001, 1000, allow_nan=False)
levels = st.lists(st.builds(Level, name=maybe, anchor=words, value=st.floats(0, 1)), min_size=2, max_size=5).map(tuple)
scales = st.one_of(
    st.just(Scale()),
    st.builds(Scale, kind=st.just("ordinal"), levels=levels, lo=st.integers(-5, 0), hi=st.integers(1, 9)),
    st.builds(Scale, kind=st.just("numeric"), lo=st.integers(-5, 0), hi=st.integers(1, 9), levels=st.just(()) | levels),
)


@st.composite
def criteria(draw: st.DrawFn, polarity: Polarity, prefix: str, depth: int = 0) -> Criterion:
    sign = -1 if polarity is Polarity.NEGATIVE else 1
    n = draw(st.integers(0, 2)) if depth < 2 else 0
    children = [draw(criteria(polarity, f"{prefix}.{place}", depth + 1)) for place in range(n)]
    return Criterion(
        id=f"{prefix} {draw(maybe)}",
        text=draw(words),
        weight=sign * draw(sizes),
        polarity=polarity,
        title=draw(maybe),
        tier=draw(maybe),
        tags=tuple(draw(st.lists(maybe, max_size=2))),
        scale=draw(scales),
        evidence=tuple(draw(st.lists(words, max_size=2))),
        reference=draw(maybe),
        verifier=draw(st.sampled_from(["llm", "rule", "citation"])),
        rule=draw(maybe),
        origin=draw(st.sampled_from(["instance", "static", "adaptive"])),
        state=draw(st.sampled_from(["persistent", "active", "inactive"])),
        veto=draw(st.booleans()),
        children=tuple(children),
    )


@st.composite
def rubrics(draw: st.DrawFn) -> Rubric:
    good = [draw(criteria(Polarity.POSITIVE, f"p{n}")) for n in range(draw(st.integers(1, 2)))]
    bad = [draw(criteria(Polarity.NEGATIVE, f"n{n}")) for n in range(draw(st.integers(0, 2)))]
    return Rubric(id=draw(maybe), query=draw(maybe), aggregate=draw(maybe), criteria=(*good, *bad))


@settings(max_examples=20, deadline=None)  # trees with all fields take long to make up
@given(st.lists(rubrics(), min_size=1, max_size=2))
def test_what_is_written_is_read_as_it_was(tmp_path_factory: pytest.TempPathFactory, some: list[Rubric]) -> None:
    path = tmp_path_factory.getbasetemp() / "again.toml"
    path.write_bytes(write_toml(some).encode())
    assert load_rubrics(path) == some


def test_made_ids_are_not_written() -> None:
    good = Criterion(id="c1", text="One.")
    bad = Criterion(id="c2", text="Two.", weight=-1, polarity=Polarity.NEGATIVE)
    assert tomllib.loads(write_toml([Rubric(criteria=(good, bad))])) == {
        "positive": [{"text": "One."}],
        "negative": [{"text": "Two."}],
    }


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"weight": 0}, "weight is 0"),
        ({"children": (Criterion(id="x", text="a", weight=-1, polarity=Polarity.NEGATIVE),)}, "mixed"),
    ],
)
def test_what_toml_cannot_say_is_refused(change: dict[str, Any], why: str) -> None:
    rubric = Rubric(criteria=(Criterion(id="c1", text="One.").model_copy(update=change),))
    assert why in str(list_losses(rubric, "toml")[0])
    with pytest.raises(RubricError, match=why):
        dump_rubric(rubric, "toml", lossy=True)

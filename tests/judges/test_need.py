"""Which units need a citation."""

import pytest

from citerefine.judges.need import exemption
from citerefine.judges.units import split_units
from citerefine.refiner.tags.scanner import parse_tags


def exemptions(inner: str) -> list[str | None]:
    parse = parse_tags(f"<answer>{inner}</answer>")
    return [exemption(unit) for unit in split_units(parse)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("## Ice on the lakes of the north", "heading"),
        ("What has changed on the lake since then?", "question"),
        ("The sources give these reasons for the change:", "lead-in"),
        ("In contrast,", "short"),
        ("**What the surveys of the lake found**", "heading"),
        ("What the surveys of the lake found\n----------", "heading"),
        ("The sources do not say when trout vanished from the lake.", "says that the sources do not tell"),
        ("However, critics dispute this reading of the surveys.", "transition or opinion"),
        ("I think lakes are always quite wonderful and peaceful places.", "transition or opinion"),
        ("Here is what the printed sources tell about that old question.", "transition or opinion"),
    ],
)
def test_what_claims_nothing_is_exempt(text: str, why: str) -> None:
    assert exemptions(text) == [why]


@pytest.mark.parametrize(
    "text",
    [
        "Perch biomass doubled in the lake.",
        "However, Orven lost most of its perch.",
        "Overall, perch biomass rose by 30 percent.",
        "Surely perch biomass doubled in the lake.",
        "#1 in the lake was perch by a wide margin.",
        "湖里的鲈鱼生物量在二零一零年增加了一倍。",
    ],
)
def test_what_may_be_a_fact_needs_a_citation(text: str) -> None:
    assert exemptions(text) == [None]


def test_what_is_cited_always_counts() -> None:
    assert exemptions("<snippet id=a>What changed?</snippet>") == [None]


def test_the_head_of_a_table_is_a_heading() -> None:
    table = "| Species of fish | Change since the survey |\n|---|---|\n| Northern perch stock | doubled by 2010 |"
    assert exemptions(table) == ["heading", None]


def test_a_bold_sentence_is_no_heading() -> None:
    assert exemptions("**Trout vanished from the lake in 2003.**") == [None]

"""How an answer is split into units: sentences, tags, lists, tables, wraps, hidden characters."""


import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cpu_time import cpu_seconds

from citerefine.judges.units import split_units
from citerefine.refiner.tags.scanner import parse_tags


def units(inner: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(unit.text, unit.ids) for unit in split_units(parse_tags(f"<answer>{inner}</answer>"))]


def test_a_tag_over_two_sentences_gives_two_units_with_its_ids() -> None:
    found = units("<snippet id=a,b>Perch doubled. Roach did not.</snippet>")
    assert found == [("Perch doubled.", ("a", "b")), ("Roach did not.", ("a", "b"))]


def test_the_uncited_part_of_a_sentence_is_a_unit_of_its_own() -> None:
    found = units("Perch halved although <snippet id=a>ice formed later</snippet>.")
    assert found == [("Perch halved although", ()), ("ice formed later", ("a",))]


def test_adjacent_tags_with_the_same_ids_are_one_unit_in_any_order_of_ids() -> None:
    found = units("<snippet id=a,b>Perch doubled</snippet> <snippet id=b,a>by 2010.</snippet>")
    assert found == [("Perch doubled by 2010.", ("a", "b"))]


def test_adjacent_tags_with_other_ids_are_two_units() -> None:
    assert len(units("<snippet id=a>Perch doubled</snippet> <snippet id=b>by 2010.</snippet>")) == 2


@pytest.mark.parametrize("wrap", ["\n", "\r\n", "  \n  ", "\t"])
def test_a_hard_wrap_does_not_end_a_sentence(wrap: str) -> None:
    assert units(f"<snippet id=a>Perch doubled{wrap}By 2010.</snippet>") == [("Perch doubled By 2010.", ("a",))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- one fact\n- another fact", ["one fact", "another fact"]),
        ("1. one fact\n2) another fact", ["one fact", "another fact"]),
        ("a. one fact\nb) another fact", ["one fact", "another fact"]),
        ("> one fact\n> another fact", ["> one fact", "> another fact"]),
        ("## One heading\none fact", ["## One heading", "one fact"]),
        ("one fact\n\nanother fact", ["one fact", "another fact"]),
        ("| one | fact |\n|---|---|\n| another | fact |", ["one fact", "another fact"]),
    ],
)
def test_lists_headings_tables_and_paragraphs_begin_something_new(text: str, expected: list[str]) -> None:
    assert [unit for unit, _ in units(text)] == expected


def test_code_blocks_hold_no_units() -> None:
    assert units("One fact.\n\n```\nAnother fact.\n```\n\nA third.") == [("One fact.", ()), ("A third.", ())]


def test_offsets_count_in_the_plain_answer() -> None:
    parse = parse_tags(
        "<answer>\n1. <snippet id=a>Perch doubled.</snippet>\n2. <snippet id=b>Roach did not.</snippet></answer>"
    )
    assert [parse.text[unit.start : unit.end] for unit in split_units(parse)] == ["Perch doubled.", "Roach did not."]


@pytest.mark.parametrize("between", ["", "<br>", "**", " _and_ ", "</p><p>"])
def test_a_tag_that_ends_like_a_sentence_ends_one(between: str) -> None:
    found = units(f"<snippet id=a>Perch doubled.</snippet>{between}<snippet id=b>Roach did not.</snippet>")
    assert [unit for unit in found if unit[1]] == [("Perch doubled.", ("a",)), ("Roach did not.", ("b",))]


@pytest.mark.parametrize("mark", ["**", "_", "`", "*"])
def test_emphasis_does_not_hide_the_end_of_a_sentence(mark: str) -> None:
    assert len(units(f"{mark}Perch doubled.{mark} {mark}Roach did not.{mark}")) == 2


@pytest.mark.parametrize(
    ("inner", "context"),
    [
        ("It is not true that <snippet id=a>perch doubled</snippet>.", "It is not true that perch doubled"),
        ("<snippet id=a>The perch of the lake</snippet> was halved.", "The perch of the lake was halved."),
        ("<snippet id=a>Perch doubled.</snippet> Roach did not.", ""),
        ("Roach of the northern bays declined although <snippet id=a>perch doubled</snippet>.", ""),
    ],
)
def test_a_cited_unit_knows_the_short_words_of_its_sentence(inner: str, context: str) -> None:
    (cited,) = [unit for unit in split_units(parse_tags(f"<answer>{inner}</answer>")) if unit.ids]
    assert cited.context == context


@given(st.text(alphabet="aB .!?\n-|#1*`~<>/=snippetid&;\u200b“é", max_size=200))
def test_any_text_gives_units_whose_offsets_lie_in_order(text: str) -> None:
    parse = parse_tags(text)
    at = 0
    for unit in split_units(parse):
        assert at <= unit.start < unit.end <= len(parse.text)
        assert unit.key
        at = unit.end


@pytest.mark.parametrize(
    "piece",
    ["<snippet id=a>A.</snippet> ", "<snippet id=a>a </snippet>b ", "- a\n", "| a ", "a. ", "# a\n", "```\n", "a\n\n"],
)
def test_time_grows_with_length_and_no_faster(piece: str) -> None:
    def seconds(n: int, enough: float = 0.0) -> float:
        parse = parse_tags("<answer>" + piece * n)
        return cpu_seconds(lambda: split_units(parse), enough=enough)

    bound = 8 * 4 * max(seconds(2_000), 0.002)
    assert seconds(16_000, bound) < bound

"""What stands where references stand is cut if it is one, and scored if it is text; brackets may hold ids."""

import pytest
from tests.judges.imports.answers import EVIDENCE, NAMELESS, cited, codes, read

from citerefine.refiner import Evidence

# --- text in the place of references ----------------------------------------------------------------------------------

FINDINGS = [
    "Lake Orven froze later each winter from 1990 on [2].",
    "The perch of the lake doubled within twenty years [1].",
    "Salt in the water fell to a third of what it was [3].",
]
FALSE = [
    "Trout vanished from the lake as soon as the dam was built.",
    "Eels were all killed by the mill that stood on the shore.",
    "Nobody has caught a pike there since the war was over.",
    "The ice has never been as thick as it is in our days.",
    "All reeds along the western shore were burnt by farmers.",
    "Water from the lake is sold as medicine in the capital.",
]


@pytest.mark.parametrize("heading", ["## Sources", "Literature", "**References**", "Citations:"])
@pytest.mark.parametrize("mark", ["{n}. ", "- ", "* ", ""])
def test_findings_below_a_heading_that_could_be_one_of_references_are_the_answer(heading: str, mark: str) -> None:
    lines = "\n".join(mark.format(n=n) + line for n, line in enumerate(FINDINGS, 1))
    found = read(f"{heading}\n{lines}")
    assert [ids for _, ids in cited(found)] == [("ice",), ("perch",), ("salt",)]
    assert all(line[:-5] in found.parse.text for line in FINDINGS)
    found = read(f"Perch doubled [1].\n\n{heading}\n{lines}")
    assert [ids for _, ids in cited(found)] == [("perch",), ("ice",), ("perch",), ("salt",)]


def test_a_list_is_the_answer_where_nothing_else_cites_and_next_to_nothing_else_stands() -> None:
    found = read("## Sources\n[1] Perch doubled.\n[2] Ice came late in 2011.", evidence=NAMELESS)
    assert [ids for _, ids in cited(found)] == [("perch",), ("ice",)]
    url = "https://lake.example/perch"
    found = read(
        f"Here is what I found.\n\n## Sources\n- Perch doubled by 2010 ([survey]({url})).\n- Salt fell, {url}."
    )
    assert cited(found) == [("Perch doubled by 2010.", ("perch",))]
    found = read("Sources\n[1] Perch in Lake Orven\n[2] Ice on northern lakes")
    assert (found.parse.text, found.parse.spans) == ("Sources\nPerch in Lake Orven\nIce on northern lakes", ())


def test_references_of_an_answer_that_cites_none_of_them_are_cut() -> None:
    answer = f"Perch doubled. {' '.join(FALSE)}\n\nSources\n[1] Perch in Lake Orven\n- Ice on northern lakes"
    assert "[1]" not in read(answer).parse.text
    assert read(answer).parse.spans == ()


@pytest.mark.parametrize("evidence", [EVIDENCE, NAMELESS])
@pytest.mark.parametrize("mark", ["{n}. ", "[{n}] ", "[{n}]: ", "- "])
@pytest.mark.parametrize(
    "behind", ["", " https://lake.example/perch", " (Fisher, 2010) Perch saw it all and grew from it."]
)
def test_sentences_in_the_place_of_references_stay_as_text_that_cites_nothing(
    evidence: Evidence, mark: str, behind: str
) -> None:
    lines = "\n".join(f"{mark.format(n=n)}{one}{behind}" for n, one in enumerate(FALSE, 1))
    found = read(f"Perch doubled [1]. Ice froze [2].\n\nSources:\n{lines}", evidence=evidence)
    assert all(one in found.parse.text for one in FALSE)
    assert [text for text, _ in cited(found)][:2] == ["Perch doubled.", "Ice froze."]
    assert len(found.parse.spans) == 2


@pytest.mark.parametrize("sentence", ["Eels died out in 1990.", "Eels were never seen in Lake Orven."])
def test_where_nothing_shows_that_it_is_a_reference_a_short_sentence_stays_too(sentence: str) -> None:
    assert read(f"Perch doubled [1].\n\nSources:\n1. {sentence}").parse.text.endswith(f"Sources:\n1. {sentence}")
    found = read(f"Perch doubled [1].\n\nSources:\n[1] {sentence}")
    assert (found.parse.text, len(found.parse.spans)) == (f"Perch doubled.\n\nSources:\n{sentence}", 1)
    assert found.notes == ("references with more words than a reference has: 1, kept in the scored text",)


def test_words_of_footnotes_that_are_more_than_a_reference_stay_as_text_that_cites_nothing() -> None:
    answer = (
        f"Perch doubled.[^1] Ice froze.[^2]\n\n[^1]: https://lake.example/perch {FALSE[0]}\n[^2]: doi:10.1000/ice.7"
    )
    found = read(answer)
    assert found.parse.text == f"Perch doubled. Ice froze.\n\n{'https://lake.example/perch ' + FALSE[0]}"
    assert cited(found) == [("Perch doubled.", ("perch",)), ("Ice froze.", ("ice",))]
    assert codes(found).count("reference_text") == 1
    found = read(f"Perch doubled.^[{FALSE[0][:-1]}, see https://lake.example/perch] Ice froze.")
    assert found.parse.text == f"Perch doubled. [{FALSE[0][:-1]}, see https://lake.example/perch] Ice froze."
    assert cited(found)[0] == ("Perch doubled.", ("perch",))
    assert "reference_text" in codes(found)


def test_words_of_a_link_that_are_more_than_a_reference_stay() -> None:
    found = read(f"Perch doubled ([{FALSE[0]}](https://lake.example/perch)).")
    assert FALSE[0] in found.parse.text
    assert "reference_text" in codes(found)
    found = read("Perch doubled ([Perch in Lake Orven: report of the survey](https://lake.example/perch)).")
    assert found.parse.text == "Perch doubled."


@pytest.mark.parametrize(
    "entry",
    [
        "A. Frost, B. van der Lake & C. Ice (2011). On the late ice of two lakes in the north. Journal of Lakes, 3(2).",
        'Frost, A., et al. "On the late ice of lakes in the north." Proceedings of the 3rd conference on lakes. 2011.',
        "Perch in Lake Orven: a report of the survey, https://lake.example/perch",
        "[Perch in Lake Orven](https://lake.example/perch)",
        "https://lake.example/perch",
        "Lake survey",
        "冰湖学会。北方湖泊的冰期，2011年。",
    ],
)
def test_references_as_people_write_them_are_cut(entry: str) -> None:
    found = read(f"Perch doubled [1].\n\nReferences\n1. {entry}")
    assert found.parse.text == "Perch doubled."
    assert "reference_text" not in codes(found)


# --- ids in brackets --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marks", "ids"),
    [
        ("[S1]", ("perch",)),
        ("[S1, S3]", ("perch", "salt")),
        ("[S1; salt]", ("perch", "salt")),
        ("[S1][S2]", ("perch", "ice")),
        ("[perch]", ("perch",)),
        ("[S9]", ("?[S9]",)),
        ("[Source 1]", ("perch",)),
        ("[Sources 1, 3]", ("perch", "salt")),
        ("[source 2]", ("ice",)),
        (r"\[1\]", ("perch",)),
        (r"\[1\]\[S3\]", ("perch", "salt")),
        ("([S2])", ("ice",)),
    ],
)
def test_exact_ids_aliases_and_escaped_brackets_cite(marks: str, ids: tuple[str, ...]) -> None:
    found = read(f"Perch doubled {marks}. Salt fell.")
    assert (found.form, found.parse.text) == ("numbered", "Perch doubled. Salt fell.")
    assert cited(found) == [("Perch doubled.", ids)]


@pytest.mark.parametrize(
    "text", ["So it [sic] is [Perch].", "x[S1] is set.", "`[S1]` here.", "[s1] lies.", "[S1, roe] x."]
)
def test_other_words_in_brackets_stay_text(text: str) -> None:
    assert (read(text).parse.text, read(text).parse.spans) == (text, ())


def test_ids_can_mark_the_entries_of_a_list() -> None:
    found = read("Perch doubled [S1].\n\nSources:\n[S1] Perch in Lake Orven\n[S2] https://lake.example/salt?page=2")
    assert (found.parse.text, cited(found)) == ("Perch doubled.", [("Perch doubled.", ("perch",))])

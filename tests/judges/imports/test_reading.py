"""Answers in other forms than tags are read as what they say, each form by vectors of its own."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from tests.judges.imports.answers import EVIDENCE, NAMELESS, cited, codes, read

from citerefine.judges.imports.bad_answer import BAD_ANSWERS, BadAnswer
from citerefine.judges.imports.issues import MEANING
from citerefine.judges.imports.reading import FORMS, read_answer
from citerefine.refiner import Evidence
from citerefine.refiner.errors import InputError
from citerefine.refiner.tags.issues import FORMAT_ERRORS
from citerefine.refiner.tags.issues import MEANING as TAG_MEANING
from citerefine.refiner.tags.scanner import parse_tags

# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "text", "spans"),
    [
        ("Perch doubled [1].", "Perch doubled.", [("Perch doubled.", ("perch",))]),
        ("Perch doubled. [1]", "Perch doubled.", [("Perch doubled.", ("perch",))]),
        ("Perch doubled.[1] Ice froze.", "Perch doubled. Ice froze.", [("Perch doubled.", ("perch",))]),
        ("Perch doubled.[1]Ice froze.", "Perch doubled. Ice froze.", [("Perch doubled.", ("perch",))]),
        ("Both [1][2].", "Both.", [("Both.", ("perch", "ice"))]),
        ("Both [1, 3].", "Both.", [("Both.", ("perch", "salt"))]),
        ("Both [1], [3].", "Both.", [("Both.", ("perch", "salt"))]),
        ("As in [1] and [3].", "As in.", [("As in.", ("perch", "salt"))]),
        ("All ([1-3]).", "All.", [("All.", ("perch", "ice", "salt"))]),
        ("All [1–3].", "All.", [("All.", ("perch", "ice", "salt"))]),
        ("Fish【1】 grew.", "Fish grew.", [("Fish grew.", ("perch",))]),
        ("Fish 【1†source】grew.", "Fish grew.", [("Fish grew.", ("perch",))]),
        ("鲈鱼增加了［１］。", "鲈鱼增加了。", [("鲈鱼增加了。", ("perch",))]),
        ("Perch doubled[^1^].", "Perch doubled.", [("Perch doubled.", ("perch",))]),
        ("Perch doubled <sup>[1]</sup>.", "Perch doubled.", [("Perch doubled.", ("perch",))]),
        ("A [1] and b [2].", "A and b.", [("A and b.", ("perch", "ice"))]),
        (
            "- [1] Perch grew\n- Ice froze [2]",
            "- Perch grew\n- Ice froze",
            [("Perch grew", ("perch",)), ("Ice froze", ("ice",))],
        ),
        ("One.\n\n[2] Ice froze.", "One.\n\nIce froze.", [("Ice froze.", ("ice",))]),
        ("Perch doubled\n[1]. Ice froze.", "Perch doubled\n. Ice froze.", [("Perch doubled\n.", ("perch",))]),
        ("Perch doubled [1](https://lake.example/salt?page=2).", "Perch doubled.", [("Perch doubled.", ("salt",))]),
        ("| Perch [1] | Ice |", "| Perch | Ice |", [("Perch | Ice", ("perch",))]),
    ],
)
def test_a_number_cites_its_snippet_for_the_whole_sentence(
    answer: str, text: str, spans: list[tuple[str, tuple[str, ...]]]
) -> None:
    found = read(answer)
    assert (found.form, found.parse.text, cited(found)) == ("numbered", text, spans)


@pytest.mark.parametrize(
    "text",
    [
        "It was so in [2021].",
        "He said it [sic] twice [a].",
        "The probability lies in [0, 1].",
        "Values in the range [1, 5] count.",
        "We set x = [1, 2, 3] first.",
        "Here x[1] and row_sum[2] differ.",
        "The call `rows[1]` fails.",
        "See [the survey](https://lake.example/perch[1]).",
        "Coverage was [0.1, 0.9] at best.",
        "An image ![1](https://lake.example/a.png) here.",
        "A range that falls [5-3] is none.",
        "Code:\n\n```\nrows [1]\n```",
    ],
)
def test_brackets_that_are_no_citation_stay_text(text: str) -> None:
    found = read(text, "numbered")
    assert (found.parse.text, found.parse.spans) == (text, ())


def test_a_number_that_leads_nowhere_stays_as_an_unknown_id() -> None:
    assert cited(read("Perch doubled [1][7].")) == [("Perch doubled.", ("perch", "?[7]"))]
    assert EVIDENCE.resolve("?[7]") is None


def test_numbers_count_from_0_only_on_demand() -> None:
    found = read("Perch doubled [0]. Ice froze [1].")
    assert cited(found) == [("Perch doubled.", ("?[0]",)), ("Ice froze.", ("perch",))]
    assert "counted_from_zero" in codes(found)
    found = read("Perch doubled [0]. Ice froze [0, 1].", "numbered_from_0")
    assert cited(found) == [("Perch doubled.", ("perch",)), ("Ice froze.", ("perch", "ice"))]


@pytest.mark.parametrize(
    "heading", ["References", "## References", "**Sources:**", "### Key References:", "Bibliography:"]
)
def test_a_reference_list_says_what_numbers_mean_and_is_not_scored(heading: str) -> None:
    answer = (
        f"Salt fell [1]. Ice froze [2]. Perch doubled [3]. Eels came [4]. Nobody saw it [9].\n\n{heading}\n\n"
        "[1] https://www.lake.example/salt/?page=2&utm_source=chat#top\n"
        "[2] A. Frost (2011). On ice. doi:10.1000/ICE.7.\n"
        "[3] B. Fisher. Perch in Lake Orven. Journal of Lakes, 2010.\n"
        "[4] C. Angler. Perch in Lake Ladoga. Journal of Lakes, 2012.\n"
    )
    found = read(answer)
    assert found.parse.text == "Salt fell. Ice froze. Perch doubled. Eels came. Nobody saw it."
    assert [ids for _, ids in cited(found)] == [("salt",), ("ice",), ("perch",), ("?[4]",), ("?[9]",)]
    assert codes(found).count("unmatched_reference") == 1
    assert "reference_list" in codes(found)
    assert found.notes[0].startswith("references: 4 entries, 2")


def test_text_behind_a_reference_list_and_lists_that_are_none_are_scored() -> None:
    answer = "Perch doubled [1].\n\n## References\n1. Perch in Lake Orven.\n\nThese works say more."
    assert read(answer).parse.text == "Perch doubled.\n\n\nThese works say more."
    answer = "Perch doubled [1].\n\n## Sources\n- Perch feed the lake.\n- Rivers feed it too."
    assert read(answer).parse.text == answer.replace(" [1]", "")


def test_a_list_ends_where_entries_are_marked_otherwise_and_a_sentence_about_a_source_is_no_entry() -> None:
    answer = (
        "Perch doubled [1].\n\nCitations:\n[1] Perch in Lake Orven.\n\n2. Ice Cover\n\nCitation: [2] tells of late ice."
    )
    found = read(answer)
    assert found.parse.text == "Perch doubled.\n\n\n2. Ice Cover\n\nCitation: tells of late ice."
    assert cited(found)[-1] == ("Citation: tells of late ice.", ("?[2]",))


def test_an_entry_that_names_nothing_leads_nowhere_unless_the_snippet_has_no_name() -> None:
    answer = "Perch doubled [1].\n\nReferences\n[1] An invented paper, 2020."
    assert cited(read(answer)) == [("Perch doubled.", ("?[1]",))]
    assert cited(read(answer, evidence=NAMELESS)) == [("Perch doubled.", ("perch",))]


def test_a_work_of_several_passages_means_all_of_them_or_the_one_with_the_number() -> None:
    url = "https://lake.example/perch"
    evidence = Evidence([{"id": "one", "text": "One.", "url": url}, {"id": "two", "text": "Two.", "url": url}])
    assert cited(read(f"So [2].\n\nSources\n[2] {url}", evidence=evidence)) == [("So.", ("two",))]
    found = read(f"So [7].\n\nSources\n[7] {url}", evidence=evidence)
    assert (cited(found), "several_passages" in codes(found)) == ([("So.", ("one", "two"))], True)


# --- footnotes and links ----------------------------------------------------------------------------------------------


def test_footnotes_mean_what_their_definitions_name() -> None:
    answer = (
        "Perch doubled.[^1] Ice froze[^late]. Salt fell.^[Salt of the lake, 2009] Eels came[^x].\n\n"
        "[^1]: Lake survey, <https://lake.example/perch>\n"
        "[^late]: Frost,\n    doi 10.1000/ice.7\n\n    More of it.\n\nThe end."
    )
    found = read(answer)
    assert (found.form, found.parse.text) == (
        "footnotes",
        "Perch doubled. Ice froze. Salt fell. Eels came.\n\n\nThe end.",
    )
    assert [ids for _, ids in cited(found)] == [("perch",), ("ice",), ("salt",), ("?[^x]",)]


def test_footnotes_without_definitions_are_numbers_ids_or_aliases() -> None:
    found = read("Perch doubled[^1]. Ice froze[^ice]. Salt fell[^S3]. Eels came[^8].")
    assert [ids for _, ids in cited(found)] == [("perch",), ("ice",), ("salt",), ("?[^8]",)]


def test_links_cite_by_address_and_keep_their_words_where_these_are_text() -> None:
    found = read(
        "Perch doubled ([lake.example](https://lake.example/perch?utm_source=x)). "
        "[Ice froze](http://doi.org/10.1000/ice.7) late. "
        "Salt fell. [source](https://lake.example/salt?page=2) [Eels](https://eels.example/) came."
    )
    assert found.form == "links"
    assert cited(found) == [
        ("Perch doubled.", ("perch",)),
        ("Ice froze late.", ("ice",)),
        ("Salt fell.", ("salt",)),
        ("Eels came.", ("?https://eels.example/",)),
    ]


def test_long_unknown_addresses_are_cut_and_stay_apart() -> None:
    start = "https://lake.example/" + "a" * 100
    found = read(f"Perch [Perch]({start}/1) and [ice]({start}/2).")
    ids = found.parse.spans[0].ids
    assert len({*ids}) == 2
    assert all(len(id) == 64 and id.startswith("?https://lake.example/aaa") for id in ids)


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_trec_sentences_cite_by_index_and_by_docid() -> None:
    evidence = Evidence(
        [{"id": "perch", "text": "Perch.", "source": "msmarco_v2.1_doc_29#3_16"}, {"id": "ice", "text": "Ice."}]
    )
    answer = {
        "references": ["msmarco_v2.1_doc_29#3_16", "gone"],
        "answer": [
            {"text": "Perch doubled. It did so fast.", "citations": [0]},
            {"text": "ice froze", "citations": ["ice", 1, 5]},
            {"text": "Nothing cited."},
        ],
    }
    for whole in (answer, {"response": answer}, json.dumps(answer)):
        found = read(whole, evidence=evidence)
        assert (found.form, found.parse.text) == (
            "trec",
            "Perch doubled. It did so fast.\n\nice froze\n\nNothing cited.",
        )
        assert cited(found) == [
            ("Perch doubled.", ("perch",)),
            ("It did so fast.", ("perch",)),
            ("ice froze", ("ice", "?gone", "?[5]")),
        ]


SECTIONS: dict[str, Any] = {
    "sections": [
        {
            "title": "Fish",
            "text": "Perch doubled (Fisher et al., 2010). Both (Fisher et al., 2010; Frost 2011). "
            "Eels (see Angler) came [3].",
            "citations": [
                {"id": "(Fisher et al., 2010)", "snippets": ["Perch  doubled."]},
                {"id": "Frost 2011", "snippets": ["Made up."], "metadata": {"doi": "10.1000/ice.7"}},
            ],
        },
        {
            "title": None,
            "text": "Salt fell [1] [2].",
            "citations": [
                {"id": "[1]", "title": "Salt of the lake", "snippets": []},
                {"id": "[2]", "snippets": ["Salt fell, says this source of ours."], "title": "Invented"},
            ],
        },
    ]
}


def test_scholarqa_sections_cite_by_their_own_lists() -> None:
    found = read(SECTIONS)
    assert (found.form, found.parse.text.split("\n\n")[0]) == ("scholarqa", "## Fish")
    assert cited(found) == [
        ("Perch doubled.", ("perch",)),
        ("Both.", ("perch", "ice")),
        ("Eels (see Angler) came.", ("?[3]",)),
        ("Salt fell.", ("salt", "?[2]")),
    ]


def test_what_an_answer_declares_itself_is_no_evidence_until_the_caller_says_so() -> None:
    found = read(SECTIONS)
    assert [snippet.text for snippet in found.declared] == [
        "Perch  doubled.",
        "Made up.",
        "Salt fell, says this source of ours.",
    ]
    trusted = read_answer(SECTIONS, EVIDENCE.adding(found.declared))
    assert "?[2]" not in trusted.parse.spans[-1].ids


TEXT = "Perch doubled ([lake.example](https://lake.example/perch)). Ice 🐟 froze late. Salt fell."
NOTES = [
    {
        "type": "url_citation",
        "start_index": TEXT.index("(["),
        "end_index": TEXT.index(")). ") + 2,
        "url": "https://lake.example/perch#:~:text=x",
        "title": "Perch",
    },
    {
        "type": "url_citation",
        "start_index": TEXT.index("Ice"),
        "end_index": TEXT.index(" Salt"),
        "url": "https://doi.org/10.1000/ice.7",
        "title": "",
    },
    {
        "type": "url_citation",
        "start_index": len(TEXT),
        "end_index": len(TEXT),
        "url": "https://gone.example",
        "title": "",
    },
]
PART = {"type": "output_text", "text": TEXT, "annotations": NOTES}
NESTED = [{"type": "url_citation", "url_citation": note} for note in NOTES]


@pytest.mark.parametrize(
    "answer",
    [
        {"output": [{"type": "web_search_call"}, {"type": "message", "content": [PART]}]},
        {"choices": [{"message": {"role": "assistant", "content": TEXT, "annotations": NESTED}}]},
        {"role": "assistant", "content": TEXT, "annotations": NOTES},
    ],
    ids=["responses", "chat completions", "message"],
)
def test_annotations_cite_what_they_cover(answer: dict[str, Any]) -> None:
    found = read(answer)
    assert (found.form, found.parse.text) == ("url_citation", "Perch doubled. Ice 🐟 froze late. Salt fell.")
    assert cited(found) == [
        ("Perch doubled.", ("perch",)),
        ("Ice 🐟 froze late.", ("ice",)),
        ("Salt fell.", ("?https://gone.example",)),
    ]


def test_an_annotation_without_a_place_is_reported() -> None:
    note = {"type": "url_citation", "start_index": 0, "end_index": 0, "url": "https://lake.example/perch"}
    found = read({"content": "Perch doubled.", "annotations": [note, {"type": "file_path"}]})
    assert (found.parse.spans, codes(found)) == ((), ["no_place"])
    assert found.notes == ("annotations of other types: 1, not read",)


def test_annotations_hit_their_place_behind_thinking() -> None:
    text = "<think>Perch halved [1].</think>Perch doubled. Ice froze."
    note = {"type": "url_citation", "start_index": text.index("Ice"), "end_index": len(text), "url": "10.1000/ice.7"}
    found = read({"content": text, "annotations": [note]})
    assert (found.parse.text, cited(found)) == ("Perch doubled. Ice froze.", [("Ice froze.", ("ice",))])


# --- forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    ["", "Plain text.", "<answer><snippet id=perch>Perch doubled.</snippet></answer>", "{ no JSON }", '{"a": 1}'],
)
def test_tags_and_text_without_any_marker_are_read_by_the_tag_parser(raw: str) -> None:
    assert read(raw)[:2] == (parse_tags(raw), "tags")


def test_tags_win_over_brackets_and_the_rest_is_reported() -> None:
    found = read("<answer><snippet id=perch>Perch doubled</snippet> fast [2].</answer>")
    assert (found.form, found.parse.text) == ("tags", "Perch doubled fast [2].")
    assert codes(found) == ["mixed_forms"]
    assert found.notes == ("left as text: 1 citations in the form numbered",)


def test_tags_in_an_answer_that_is_read_by_numbers_are_left_out_and_reported() -> None:
    found = read("<cite id=ice>Perch doubled</cite> [1].", "numbered")
    assert (cited(found), codes(found)) == ([("Perch doubled.", ("perch",))], ["mixed_forms"])


@pytest.mark.parametrize(
    "wrapped", ["<answer>{}</answer>", "<think>Ice [2].</think>{}", "{}<tool_output>x [3]</tool_output>"]
)
def test_thinking_and_tool_output_count_for_nothing_in_any_text_form(wrapped: str) -> None:
    for text in ("Perch doubled [1].", "Perch doubled[^1].", "Perch doubled ([1](https://lake.example/perch))."):
        assert cited(read(wrapped.replace("{}", text))) == [("Perch doubled.", ("perch",))]


def test_other_forms_have_no_answer_block_and_so_no_format_error() -> None:
    assert not FORMAT_ERRORS & {*codes(read("Perch doubled [1]."))}


def test_without_evidence_every_citation_is_kept_unresolved() -> None:
    assert cited(read("Perch doubled [1].", evidence=None)) == [("Perch doubled.", ("?[1]",))]


def test_raw_offsets_point_into_the_answer_as_given() -> None:
    raw = "<think>hm</think>\n Perch doubled [1]. Ice froze [2]."
    spans = read(raw).parse.spans
    assert [raw[span.raw_start : span.raw_end] for span in spans] == ["Perch doubled [1].", "Ice froze [2]."]


@pytest.mark.parametrize("answer", [None, 3, math.nan, True, b"Perch [1].", object()])
@pytest.mark.parametrize("form", [*FORMS])
def test_what_is_no_answer_is_refused_with_a_code(answer: object, form: str) -> None:
    with pytest.raises(BadAnswer) as refusal:
        read_answer(answer, EVIDENCE, form)
    assert refusal.value.code == "no_answer_given"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({}, "unknown_shape"),
        ([], "unknown_shape"),
        ([1, 2], "unknown_shape"),
        ({"answer": [{"text": math.nan, "citations": []}]}, "bad_answer_field"),
        ({"answer": [{"text": "x", "citations": [math.nan]}]}, "bad_answer_field"),
        ({"answer": [{"text": "x", "citations": [True]}]}, "bad_answer_field"),
        ({"sections": [7]}, "bad_answer_field"),
        ({"sections": [{"text": "x", "citations": [{"id": None}]}]}, "bad_answer_field"),
        ({"output": [{"type": "message", "content": [{"type": "output_text", "text": None}]}]}, "bad_answer_field"),
        ({"choices": []}, "bad_answer_field"),
        ({"content": "x", "annotations": [{"url": "u", "start_index": math.nan, "end_index": 1}]}, "bad_answer_field"),
    ],
)
def test_a_shape_that_is_none_is_refused_with_a_code(answer: object, code: str) -> None:
    with pytest.raises(BadAnswer) as refusal:
        read_answer(answer, EVIDENCE)
    assert refusal.value.code == code
    assert code in BAD_ANSWERS


def test_text_that_is_no_json_is_refused_only_by_the_json_forms() -> None:
    with pytest.raises(BadAnswer, match="no JSON object"):
        read_answer('{"answer": NaN}', EVIDENCE, "trec")
    assert read_answer('{"answer": NaN}', EVIDENCE).form == "tags"


def test_an_unknown_form_is_named() -> None:
    with pytest.raises(InputError, match="no form 'bibtex' of citations; use one of auto, tags"):
        read_answer("x", EVIDENCE, "bibtex")


def test_import_codes_are_none_of_the_tag_parser() -> None:
    assert not MEANING.keys() & TAG_MEANING.keys()


def test_the_page_lists_all_forms_findings_and_refusals() -> None:
    page = (Path(__file__).parents[3] / "docs" / "citation-forms.md").read_text("utf-8")
    assert all(f"| `{code}` | {meaning} |" in page for code, meaning in (MEANING | BAD_ANSWERS).items())
    assert all(f"| `{form}` |" in page for form in FORMS)


def test_snippets_that_an_answer_holds_are_reported_and_are_no_evidence() -> None:
    citations = [{"id": "own", "snippets": ["Perch doubled by 2010."]}]
    answer = {"sections": [{"title": "Fish", "text": "Perch doubled by 2010 own.", "citations": citations}]}
    read = read_answer(answer, Evidence([{"id": "a", "text": "Ice came late."}]))
    assert [snippet.text for snippet in read.declared] == ["Perch doubled by 2010."]
    assert "declared_snippets" in [finding.code for finding in read.parse.findings]
    assert {id for span in read.parse.spans for id in span.ids}.isdisjoint({"a"})

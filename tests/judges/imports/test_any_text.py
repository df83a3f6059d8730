"""Whatever an answer is, reading it gives spans that fit it, or says what is wrong; in time in line with its length."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cpu_time import cpu_seconds

from citerefine.judges.imports.bad_answer import BAD_ANSWERS, BadAnswer
from citerefine.judges.imports.reading import FORMS, ReadAnswer, read_answer
from citerefine.judges.units import split_units
from citerefine.refiner import Evidence

EVIDENCE = Evidence(
    [
        {"id": "perch", "text": "Perch doubled.", "title": "Perch in Lake Orven", "url": "https://lake.example/perch"},
        {"id": "ice", "text": "Ice came late.", "doi": "10.1000/ice.7"},
        {"id": "salt", "text": "Salt fell."},
    ]
)
TEXT_FORMS = ("auto", "tags", "numbered", "numbered_from_0", "footnotes", "links")

PIECES = [
    *("[1]", "[2, 3]", "[1-3]", "[0]", "[^1]", "[^1]: ", "[^1^]", "^[note]", "【1】", "[", "]", "(", ")", "]("),
    *("[x](https://lake.example/perch)", "<answer>", "</answer>", "<snippet id=perch>", "</snippet>", "<think>"),
    *("</think>", "<tool_output>", "&lt;", "```", "`", "\r\n", "\n", "\n\n", " ", "\t", ". ", "? ", "Perch", "ice"),
    *("[S1]", "[ice]", "[S9]", "[Source 1]", r"\[1\]", "the lake was as deep as it had been in all years. "),
    *("# ", "- ", "| ", "References\n", "1. ", "2020", "10.1000/ice.7", "\ud800", "é", "鱼。"),
]
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=25).map("".join)
KEYS = [
    *("answer", "references", "citations", "text", "sections", "title", "id", "snippets", "metadata", "url", "table"),
    *("output", "choices", "message", "content", "annotations", "type", "start_index", "end_index", "response"),
]
scalars = st.one_of(st.none(), st.booleans(), st.integers(-2, 30), st.floats(), texts, st.sampled_from(["ice", "text"]))
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=25,
)


def check(found: ReadAnswer) -> None:
    parse, behind = found.parse, 0
    assert parse.text == parse.text.strip()
    for span in parse.spans:
        assert behind <= span.start < span.end <= len(parse.text)
        assert parse.text[span.start : span.end] == span.text == span.text.strip()
        assert 1 <= len({*span.ids}) == len(span.ids) <= 64
        assert any(character.isalnum() for character in span.text)
        behind = span.end
    assert all(0 <= start <= end <= len(parse.text) for start, end in parse.code)
    split_units(parse)
    if found.form != "tags":
        assert all(id in EVIDENCE or (id.startswith("?") and len(id) <= 64) for span in parse.spans for id in span.ids)


@given(texts, st.sampled_from(TEXT_FORMS))
def test_any_text_is_read(text: str, form: str) -> None:
    check(read_answer(text, EVIDENCE, form))
    read_answer(text, None, form)


@given(texts)
def test_units_of_a_text_read_by_numbers_are_its_sentences_without_markers(text: str) -> None:
    parse = read_answer(text, EVIDENCE, "numbered").parse
    bare = [(unit.start, unit.end) for unit in split_units(parse._replace(spans=()))]
    assert [(unit.start, unit.end) for unit in split_units(parse)] == bare


@given(values, st.sampled_from([*FORMS]))
def test_any_json_is_read_or_refused_with_a_code(answer: object, form: str) -> None:
    refusal = None
    try:
        check(read_answer(answer, EVIDENCE, form))
    except BadAnswer as error:
        refusal = error
    assert refusal is None or refusal.code in BAD_ANSWERS


indexes = st.integers(-3, 60)
annotated = st.tuples(indexes, indexes, st.sampled_from(["https://lake.example/perch", "x"]))


@given(texts, st.lists(annotated))
def test_annotations_at_any_place_leave_the_text_whole(text: str, places: list[tuple[int, int, str]]) -> None:
    notes = [{"type": "url_citation", "start_index": start, "end_index": end, "url": url} for start, end, url in places]
    found = read_answer({"content": text, "annotations": notes}, EVIDENCE)
    check(found)
    assert not any(ord(character) >= 0xF0000 for character in found.parse.text if character not in text)


HOSTILE = [
    *(
        "[1]",
        "[",
        "[^",
        "](",
        "[1] ",
        "[1]\n",
        "[1,",
        "[^1]",
        "[^1]: x\n",
        "^[a",
        "[x](http://",
        "[1](http://a.b/c)",
        "(",
    ),
    *("((a)", "`", "``` ", "【1†", "1. x 2020\n", "References\n", "[1]: http://a.b\n", "- ", "> ", "a[1]. ", "<sup>"),
    *(
        "[S1] ",
        "[S1, ",
        r"\[1\]",
        "Sources\n[S1] x y 2010.\n",
        "Sources\n- as it was in all the years (2010). ",
        "van ",
    ),
    *("Abc A. ", "[1]: http://a.b the lake was as deep as ever\n", "^[the lake was as deep as it had been] "),
    *(" \n", "_[1]", "range [1,2]", "[1]: 10.1000/a)))", '"', "*"),
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_time_grows_in_line_with_the_length(unit: str) -> None:
    def seconds(length: int, enough: float = 0.0) -> float:
        text = unit * (length // len(unit))
        return cpu_seconds(lambda: read_answer(text, EVIDENCE), enough=enough)

    bound = 30 * seconds(6_000) + 0.2  # eight times the length; a square would take 64 times as long
    assert seconds(48_000, bound) < bound


def test_annotations_that_each_cover_all_take_time_in_line_with_their_number() -> None:
    def seconds(n: int, *, same: bool, enough: float = 0.0) -> float:
        text = "Perch doubled by 2010 ([a](https://c.d/)). " * n
        notes = [
            {"start_index": 0, "end_index": len(text), "url": f"https://a.b/{0 if same else at}"} for at in range(n)
        ]
        taken = cpu_seconds(lambda: read_answer({"content": text, "annotations": notes}, EVIDENCE), enough=enough)
        found = read_answer({"content": text, "annotations": notes}, EVIDENCE)
        assert len(found.parse.spans) == n
        assert {len(span.ids) for span in found.parse.spans} == {1 if same else min(n, 64)}
        return taken

    for same in (True, False):
        bound = 30 * seconds(500, same=same) + 0.2
        assert seconds(4_000, same=same, enough=bound) < bound


@pytest.mark.parametrize("form", ["trec", "scholarqa", "url_citation"])
def test_large_json_answers_take_time_in_line_with_their_length(form: str) -> None:
    def seconds(n: int, enough: float = 0.0) -> float:
        notes = [{"start_index": 9 * at, "end_index": 9 * at + 4, "url": f"https://a.b/{at}"} for at in range(n)]
        answers = {
            "trec": {"references": [], "answer": [{"text": "x [1]", "citations": [0, "ice"]}] * n},
            "scholarqa": {"sections": [{"text": "Perch [1]. ", "citations": [{"id": "[1]", "snippets": ["x"]}]}] * n},
            "url_citation": {"content": "Perch 12." * n, "annotations": notes},
        }
        return cpu_seconds(lambda: read_answer(answers[form], EVIDENCE), enough=enough)

    bound = 30 * seconds(500) + 0.2
    assert seconds(4_000, bound) < bound

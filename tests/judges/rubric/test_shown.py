"""What a reader sees of an answer: its text and citations, and no citation that was not read from it."""

from hypothesis import example, given
from hypothesis import strategies as st

from citerefine.judges.rubric.shown import shown, tagged
from citerefine.refiner import Evidence, parse_answer
from citerefine.refiner.tags.scanner import parse_tags

EVIDENCE = Evidence.model_validate({"snippets": [{"id": "k1", "text": "Perch doubled."}]})
PIECES = (
    *("<snippet id=k1>", "</snippet>", "<cite id='a,b'>", "&lt;snippet id=k1>", "<snippet id=k1&gt;>", '"><x'),
    *("&lt;", "&amp;lt;", "<answer>", "</answer>", "<think>", "</think>", "Ice came late. ", "p < 0.05 ", "\n\n"),
)


def test_thinking_and_what_stands_outside_the_block_are_gone() -> None:
    assert shown("<think>Hm.</think>So: <answer>Ice came <snippet id=k1>late</snippet>.</answer> Bye.", EVIDENCE) == (
        "Ice came <snippet id=k1>late</snippet>."
    )


def test_names_of_the_prompt_become_ids() -> None:
    assert shown("<answer><snippet id=S1>Perch doubled.</snippet></answer>", EVIDENCE) == (
        "<snippet id=k1>Perch doubled.</snippet>"
    )
    answer = parse_answer("<answer><snippet id=S1>Perch doubled.</snippet></answer>", EVIDENCE)
    assert shown(answer) == "<snippet id=k1>Perch doubled.</snippet>"


def test_a_tag_that_is_only_spoken_of_does_not_become_one() -> None:
    text = "<answer>&lt;snippet id=k1&gt;A lie.&lt;/snippet&gt; Ice.</answer>"
    assert not parse_tags(text).spans
    assert not parse_tags(shown(text, EVIDENCE)).spans


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("<answer><snippet id='k1> x <snippet id=z'>Ice</snippet></answer>")
def test_reading_what_is_shown_finds_the_same_text_and_citations(text: str) -> None:
    first = parse_tags(text)
    again = parse_tags("<answer>" + tagged(first) + "</answer>")
    assert again.text.split() == first.text.split()
    cited = [[id for id in span.ids if id.isalnum()] for span in first.spans]
    assert [[id for id in span.ids if id.isalnum()] for span in again.spans] == cited

"""The prompts: what they say is what the parser reads, and they keep to their budget."""

import asyncio
import re
from collections.abc import Sequence
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.refiner import Evidence, RefineRequest, Snippet, parse_answer
from citerefine.refiner.prompts.excerpt import CUT, excerpt
from citerefine.refiner.prompts.fit import Prompt, fit_prompt
from citerefine.refiner.prompts.relevance import by_relevance
from citerefine.refiner.prompts.room import Room, room_for
from citerefine.refiner.prompts.templates import fill, fill_escaped
from citerefine.refiner.settings import RefinerSettings
from citerefine.refiner.validation import NOT_ANSWERED, validate


async def count(texts: Sequence[str]) -> list[int]:
    """Four code points a token, as real tokenizers have it for English: fewer tokens than the estimate says."""
    return [len(text) // 4 + 1 for text in texts]


def fitted(question: str, snippets: Sequence[Snippet], room: int, reasoning: str = "") -> Prompt:
    request = RefineRequest(question=question, evidence=Evidence(snippets), reasoning=reasoning)
    return asyncio.run(fit_prompt(request, room, count))


def test_the_examples_of_the_prompt_are_what_the_parser_reads_without_any_issue() -> None:
    text = fill("system")
    blocks = [block for block in re.findall(r"<answer>.+?</answer>", text) if " ends with " not in block]
    evidence = Evidence([{"text": f"Text {number}."} for number in range(1, 7)])
    assert len(blocks) == 2
    for block in blocks:
        answer = parse_answer(block, evidence)
        assert answer.issues == ()
        assert validate(answer) == ()
    assert any(NOT_ANSWERED in block for block in blocks)


def test_every_prompt_file_is_used_and_filled_in_one_pass() -> None:
    found = {path.name for path in files("citerefine.refiner.prompts").iterdir()}
    parts = ("system", "answer_only", "think", "evidence", "no_evidence", "reasoning", "question")
    turns = ("repair", "improve", "write_now")
    assert {name for name in found if name.endswith(".md")} == {f"{name}.md" for name in (*parts, *turns)}
    assert fill("question", question="$question ${ids}") == "Question: $question ${ids}"
    with pytest.raises(KeyError):
        fill("question")


def test_text_from_outside_opens_neither_tags_nor_turns() -> None:
    filled = fill_escaped("question", question="a </snippet> <|im_end|> <｜User｜> p < 0.05")
    assert filled == "Question: a &lt;/snippet> &lt;|im_end|> &lt;｜User｜> p < 0.05"


def test_a_prompt_that_fits_by_the_estimate_is_not_counted() -> None:
    async def never(texts: Sequence[str]) -> list[int]:
        raise AssertionError(texts)

    request = RefineRequest(question="Why?", evidence=Evidence([{"text": "Because."}]))
    assert asyncio.run(fit_prompt(request, 6144, never)).left_out == ()


def test_the_most_relevant_snippets_stay_in_the_order_found() -> None:
    snippets = [Snippet(text=f"Perch {'doubled ' * n}in lake {n}." + " Ice." * 150) for n in (0, 1, 0, 1, 0)]
    snippets = [snippet.model_copy(update={"title": f"T{n}", "id": f"id{n}"}) for n, snippet in enumerate(snippets)]
    prompt = fitted("Which doubled?", snippets, 1000)
    assert [snippet.id for snippet in prompt.evidence.snippets] == ["id1", "id3"]
    assert [snippet.id for snippet in prompt.left_out] == ["id0", "id2", "id4"]
    assert prompt.names == {"id1": "S1", "id3": "S2"}


def test_a_long_snippet_is_shown_around_what_was_asked_with_its_tag_whole() -> None:
    long = Snippet(text="Filler stands here. " * 300 + "Perch doubled in 2010. " + "More filler. " * 300)
    prompt = fitted("Did perch double?", [long, Snippet(text="Ice came late.")], 1500)
    user = prompt.messages[1].content
    assert "Perch doubled in 2010." in user
    assert user.count(CUT) == 2
    assert user.count("<snippet id=") == user.count("</snippet>") == 2
    assert prompt.shortened == (long,)
    assert prompt.evidence.snippets[0].text == long.text


def test_of_long_reasoning_the_end_is_kept() -> None:
    reasoning = "\n".join(f"Step {number}: I looked." for number in range(400)) + "\nSo it doubled."
    prompt = fitted("Did perch double?", [Snippet(text="Perch doubled.")], 1500, reasoning)
    user = prompt.messages[1].content
    assert "So it doubled." in user
    assert "Step 0:" not in user
    assert prompt.reasoning_cut
    assert "Perch doubled." in user


TEXTS = st.text(alphabet="ab <>&|\n.é5", min_size=1, max_size=400).filter(str.strip)


@given(st.lists(TEXTS, max_size=8), st.integers(650, 1000), TEXTS)
def test_a_prompt_never_exceeds_its_room_and_never_breaks_a_tag(texts: list[str], room: int, reasoning: str) -> None:
    snippets = [Snippet(text=text, title=f"T{number}") for number, text in enumerate(texts)]
    prompt = fitted("Did perch double?", snippets, room, reasoning)
    user = prompt.messages[1].content
    assert sum(len(message.content) // 4 + 1 for message in prompt.messages) <= prompt.tokens <= room
    assert user.count("<snippet id=") == user.count("</snippet>") == len(prompt.evidence)
    assert {*prompt.evidence.snippets} | {*prompt.left_out} == {*snippets}


def test_snippets_that_hold_rare_words_of_the_question_come_first_and_ties_stay() -> None:
    snippets = [Snippet(text=text) for text in ("Ice is cold.", "Ice and perch.", "Ice on lakes.", "Perch and ice.")]
    ranked = by_relevance("What of perch and ice?", snippets)
    assert [snippet.text for snippet in ranked] == ["Ice and perch.", "Perch and ice.", "Ice is cold.", "Ice on lakes."]


def test_an_excerpt_is_whole_sentences_and_marks_what_was_cut() -> None:
    text = "One is here. Two is there. Perch doubled. Four is far. Five is near."
    assert excerpt("perch", text, 1000) == text
    assert excerpt("perch", text, 30) == f"{CUT} Perch doubled. Four is far. {CUT}"
    assert excerpt("perch", "x" * 50, 10) == f"{'x' * 10} {CUT}"


def test_a_smaller_context_leaves_a_quarter_for_the_answer() -> None:
    settings = RefinerSettings()
    assert room_for(settings, None) == Room(6144, 1024, 8192)
    assert room_for(settings, 32768) == Room(6144, 1024, 8192)
    assert room_for(settings, 2048) == Room(1536, 512, 2048)

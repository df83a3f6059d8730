"""One definition of a tag start: nothing that is escaped can open or close a tag, and nothing is lost."""

import re
import unicodedata
from enum import StrEnum
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.refiner.tags.markup import (
    TAG_START,
    break_mark_runs,
    escape,
    escape_prose,
    mask_entities,
    scrub,
    unescape,
)
from citerefine.refiner.tags.tokens import Tokenizer

FRAGMENTS = ["<", ">", "</", "<!", "<<", "&", "&lt;", "&amp;", "&amp;lt;", "&gt;", "&#96;", "&#126;", "lt;", "a"]
FRAGMENTS += ["amp;", "<snippet id=S1>", "</snippet>", "<ſnippet id=S1>", "```", "~~~", "\n", " ", "\ud800", "p < 0.05"]
texts = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3), max_size=12).map("".join)


@given(texts)
def test_escaped_text_reads_back_and_starts_no_tag(text: str) -> None:
    assert unescape(escape(text)) == text
    assert not TAG_START.search(escape(text))


@given(texts, st.booleans())
def test_escaped_prose_reads_back_and_starts_no_tag_and_no_fence(text: str, at_line_start: bool) -> None:
    escaped = escape_prose(text, at_line_start)
    assert unescape(escaped) == text
    assert not TAG_START.search(escaped)
    lines = escaped.split("\n")[0 if at_line_start else 1 :]
    assert not any(re.match(" {0,3}(```|~~~)", line) for line in lines)


@given(texts)
def test_the_parser_finds_no_tag_in_escaped_text(text: str) -> None:
    tokenizer = Tokenizer()
    assert all(token.tag is None for token in [*tokenizer.feed(escape(text)), *tokenizer.close()])


@pytest.mark.parametrize("text", ["p < 0.05", "x <= 3", "a > b", "AT&T", "&nbsp;", "1 <2"])
def test_what_can_be_no_tag_stays_as_it_is(text: str) -> None:
    assert escape(text) == text


@pytest.mark.parametrize("text", ["<b", "</b", "<!--", "<<", "a <"])
def test_each_tag_start_is_escaped(text: str) -> None:
    assert escape(text) != text


def test_entities_are_read_in_one_pass() -> None:
    assert unescape("&amp;lt;") == "&lt;"
    assert unescape("&amp;amp;lt;") == "&amp;lt;"


def test_masking_entities_keeps_every_offset() -> None:
    assert mask_entities("a&lt;b&x;") == "a    b&x;"


def test_scrubbing_keeps_the_length_and_makes_text_that_utf8_can_hold() -> None:
    assert scrub("a\ud800\udc00b") == "a\ufffd\ufffdb"
    scrub("\udfff").encode()


@given(texts | st.text(alphabet=st.characters(), max_size=20))
def test_scrubbing_replaces_lone_surrogates_and_nothing_else(text: str) -> None:
    assert scrub(text) == "".join("\ufffd" if 0xD800 <= ord(letter) < 0xE000 else letter for letter in text)


class Word(StrEnum):
    PLAIN = "a"
    LONE = "a\ud800"


def test_scrubbing_a_member_of_an_enumeration_gives_a_plain_string() -> None:
    assert [(type(scrub(word)), scrub(word)) for word in Word] == [(str, "a"), (str, "a\ufffd")]


# --- marks ------------------------------------------------------------------------------------------------------------

ORDINARY = [
    "Perch doubled by 2010.",
    "Tiếng Việt được viết bằng chữ Quốc ngữ",
    "בְּרֵאשִׁית בָּרָא אֱלֹהִים",
    "क्षत्रिय ज्ञानम् द्ध्र्य",
    "བསྒྲུབས་པཱི",
    "Z̷̨͉̼̈́̓̚a̵̡̹͑l̸͚̈́̕g̴̹͋o̶͙͐",
    "e" + "\u0301\u0323" * 16,
    "👩\u200d👩\u200d👧 カ\uff9eキ\uff9e",
]


@pytest.mark.parametrize("text", ORDINARY)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_marks_of_written_languages_stay_as_they_are(text: str, form: Literal["NFC", "NFD"]) -> None:
    written = unicodedata.normalize(form, text) * 20
    assert break_mark_runs(written) == written


@pytest.mark.parametrize("marks", ["\u0301", "\u0301\u0327", "\u0f73", "\uff9e\u0327", "\U0001e8d0\u0301"])
@pytest.mark.parametrize("before", range(9))
def test_no_run_of_marks_is_longer_than_32_and_the_length_stays(marks: str, before: int) -> None:
    text = "a" * before + (marks * 33)[:33]
    assert break_mark_runs(text) == text[:-1] + "\ufffd"
    flood = "a" * before + marks * 1000
    broken = break_mark_runs(flood)
    assert len(broken) == len(flood)
    assert max(len(run) for run in broken.split("\ufffd")) == before + 32
    assert break_mark_runs(broken) == broken

"""Markup is no words: it neither supports a claim nor speaks against it, and prose keeps its signs."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.judges import Label, LexicalJudge, SupportQuery, Verdict
from citerefine.judges.lexical.claim import read_claim
from citerefine.judges.lexical.evidence import prepare
from citerefine.judges.lexical.markup import readable, without_markup
from citerefine.judges.lexical.words import keys
from citerefine.refiner import Snippet

MARKUP = [
    "<img src=x onerror=alert(1)>",
    "<IMG/SRC=x/onerror=alert(1)>",
    '<a href="https://example.org/pike/lake" title="water > ice" class=wide>',
    "<img alt='a < b' src=shore.png\n width=300 />",
    "</div></section></article></html>",
    "<b></b>",
    "<input disabled>",
    "<div pike lake>",
    '<xref ref-type="bibr" rid="b1"/>',
    "<mml:mi></mml:mi>",
    "<surname></surname>",
    "<!-- pike vanished from this lake long ago -->",
    "<!DOCTYPE html>",
    '<?xml version="1.0" encoding="UTF-8"?>',
    "<script>alert(document.cookie)</script>",
    "<STYLE media=print>pike { color: red }</style >",
    "&lt;img src=x onerror=alert(1)&gt;",
    "&amp;lt;img src=&quot;water and ice&quot;&amp;gt;",
    "&#60;img src=x&#x3e;",
    "&lt;!-- pike and lake --&gt;",
    "&nbsp;&hellip;&mdash;&quot;",
]
PROSE = [
    "p < 0.05 and n > 30",
    "p<0.05, n>30",
    "a<b and b>c",
    "x<y>z",
    "x<b>y",
    "if i<s and s>3",
    "5<p q=7>3",
    "<5 mg or >7 mg",
    "P<or=0.05 in 3cm vs>3cm",
    "<or = 6 or>",
    "dose<td and x>y",
    "mean <time to event and> 5",
    "vector<int> or List<String>",
    "i<n && j>m",
    "a <- b -> c",
    "AT&T; R&D;",
    "<!-- never closed",
    "--> never opened",
    "<img never closed",
    'x<y z="never closed> 5',
]
HOSTILE = [
    "<",
    "<a ",
    "<a b='",
    '<a b="<a x=" c="',
    "<b>",
    "</b>",
    "<!--",
    "<!-->",
    "<script>",
    "<script></script",
    "<!D",
]
HOSTILE += ["<img a=1>", "&", "&amp;", "&lt;", "&lt;b&gt;", "&amp;lt;!--", "<a b=c ", "<img/"]
CLAIM, OTHER = "Pike vanished from every lake", "Perch doubled by 2010."


def verdict(claim: str, text: str, title: str = "", context: str = "") -> Verdict:
    return LexicalJudge().verdict(SupportQuery(claim, (Snippet(id="s", text=text, title=title),), "", context))


@pytest.mark.parametrize("markup", MARKUP)
def test_markup_in_common_supports_nothing(markup: str) -> None:
    given = verdict(f"{CLAIM} {markup}", f"{OTHER} {markup}", markup)
    assert (given.label, given.p_supported, given.missing) == (Label.NONE, 0.0, ("Pike", "vanished", "lake"))


@pytest.mark.parametrize("markup", MARKUP)
def test_markup_on_one_side_changes_nothing(markup: str) -> None:
    plain = verdict("Perch doubled by 2010", OTHER)
    assert plain.label is Label.FULL
    assert verdict(f"Perch doubled {markup} by 2010", OTHER) == plain
    marked = verdict("Perch doubled by 2010", f"Perch doubled {markup} by 2010.")
    assert marked.model_copy(update={"span": plain.span}) == plain


@pytest.mark.parametrize("markup", [one for one in MARKUP if "nbsp" not in one])
def test_a_claim_of_markup_alone_claims_nothing(markup: str) -> None:
    assert read_claim(markup) == ()
    assert prepare(markup, markup).places == {}


@pytest.mark.parametrize("prose", PROSE)
def test_prose_keeps_its_words_and_numbers(prose: str) -> None:
    assert without_markup(prose) == prose
    (sentence,) = read_claim(prose)
    assert sentence.text == prose
    ready = prepare(prose, "")
    assert ready.places.keys() == {*keys(prose)}
    assert sentence.pairs <= ready.pairs


@pytest.mark.parametrize("prose", PROSE)
def test_signs_spelled_as_references_are_the_same_signs(prose: str) -> None:
    spelled = prose.replace("<", "&lt;").replace(">", "&gt;")
    assert readable(without_markup(spelled)) == prose


@given(st.lists(st.sampled_from(["<", ">", " ", "5", "0.05", "=", "x<y", "p<", "-", "n", ",", "&", ";"])).map("".join))
def test_signs_and_short_names_are_prose(text: str) -> None:
    named = [found for found in ("<n>", "<p", "<n", "<y") if found in text]
    assert named or without_markup(text) == text


@given(st.lists(st.sampled_from([*MARKUP, *PROSE, "<", ">", '"', "&", "--", "<a ", "é"]) | st.text(max_size=3)))
def test_every_offset_stays(pieces: list[str]) -> None:
    text = "".join(pieces)
    blank = without_markup(text)
    assert len(blank) == len(text)
    assert all(after in (" ", before) for before, after in zip(text, blank, strict=True))


def test_words_within_tags_stay_where_they_are() -> None:
    text = "<p>Lakes froze.</p>\n<p class='x'><b>Perch</b> doubled by&nbsp;2010.</p>"
    given = verdict("Perch doubled by 2010.", text)
    assert (given.label, given.missing, given.flags) == (Label.FULL, (), ())
    assert given.span is not None
    assert text[given.span.start : given.span.end] == "Perch</b> doubled by&nbsp;2010."


def test_references_are_the_characters_that_they_stand_for() -> None:
    given = verdict("The caf&eacute; didn’t close in M&uuml;nchen.", "The café didn&rsquo;t close in Mün&shy;chen.")
    assert (given.label, given.missing, given.flags) == (Label.FULL, (), ())
    assert verdict("The caf&eacute; closed.", OTHER).missing == ("café", "closed")


def test_a_tag_around_a_claim_does_not_deny_it() -> None:
    claim = "Perch doubled by 2010"
    assert verdict(claim, OTHER, context=f'<a rel="no">{claim}</a>').label is Label.FULL
    assert verdict(claim, OTHER, context=f"No: {claim}").label is Label.NONE


@pytest.mark.parametrize("shape", HOSTILE)
@pytest.mark.parametrize("end", ["", ">", '">', "-->", "</script>"])
def test_time_grows_in_line_with_hostile_markup(shape: str, end: str) -> None:
    started = time.process_time()
    readable(without_markup(shape * (200_000 // len(shape)) + end))
    assert time.process_time() - started < 3

"""Any claim against any snippet: a verdict, in linear time, that is sound."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citerefine.judges import Label, LexicalJudge, SupportQuery
from citerefine.judges.lexical.comparison import FLAGS
from citerefine.judges.lexical.lexical_judge import FULL, PARTIAL
from citerefine.refiner import Snippet

PIECES = [
    "Perch doubled. ",
    "not ",
    "2010 ",
    "1,000.",
    "\n\n",
    "Lake Orven ",
    "鲈鱼",
    "\x00",
    "\u202e",
    "e\u0301",
    "n’t ",
]
PIECES += ["<b>", "</b>", "<img src=x>", "<!--", "-->", "&lt;", "&gt;", "&eacute;", "p<0.05 "]
PIECES += ["increase ", "decrease ", "The ", "of ", "! ", "\ud800", "１", "²", "ﬁsh ", "\u00ad", "'s "]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=25).map("".join)
snippets = st.lists(texts.filter(str.strip), min_size=1, max_size=3)

LONG = 250_000
HUGE = 5_000_000
SHAPES = {
    "words": "perch doubled by 2010 ",
    "sentences": "Perch doubled. ",
    "one word": "a",
    "digits": "1",
    "numbers with commas": "1,",
    "small numbers": "1 ",
    "CJK": "鲈鱼",
    "stops": ".",
    "quotes": "’",
    "a’a": "a’",
    "NUL": "\x00",
    "bidi": "\u202ea",
    "combining": "\u0301",
    "emoji": "🐟",
    "capitals": "A. ",
    "negations": "not perch ",
    "opposites": "increase decrease ",
    "lines": "perch\n\n",
    "signs": "<",
    "open tags": "<a ",
    "tags": "<b>perch</b> ",
    "comments": "<!--",
    "references": "&amp;lt;",
    "addresses": "http://",
    "links": "[x](",
}


@settings(max_examples=150, deadline=None)
@given(texts, snippets)
def test_every_query_gets_a_sound_verdict(claim: str, evidence: list[str]) -> None:
    query = SupportQuery(claim, tuple(Snippet(id=f"s{n}", text=text, title=claim) for n, text in enumerate(evidence)))
    verdict = LexicalJudge().verdict(query)
    assert verdict.p_supported is not None
    assert 0 <= verdict.p_supported <= 1
    assert verdict.label in (Label.FULL, Label.PARTIAL, Label.NONE)
    assert set(verdict.flags) <= {*FLAGS}
    assert (verdict.label is Label.NONE) == (verdict.p_supported < PARTIAL or "order" in verdict.flags)
    assert verdict.label is not Label.FULL or (verdict.p_supported >= FULL and not verdict.flags)
    if verdict.span is not None:
        (snippet,) = [one for one in query.snippets if one.id == verdict.span.snippet]
        assert snippet.text[verdict.span.start : verdict.span.end].strip()


@settings(max_examples=100, deadline=None)
@given(texts, snippets, st.randoms())
def test_the_order_of_the_evidence_and_white_space_do_not_matter(
    claim: str, evidence: list[str], chance: random.Random
) -> None:
    judge, mixed = LexicalJudge(), evidence[:]
    chance.shuffle(mixed)
    wide = claim.replace(" ", " \t ")
    one, other = (
        judge.verdict(SupportQuery(text, tuple(Snippet(text=each) for each in order)))
        for text, order in ((claim, evidence), (wide, mixed))
    )
    assert (one.label, one.p_supported, one.missing) == (other.label, other.p_supported, other.missing)


def test_of_two_passages_that_say_as_much_the_one_that_asserts_it_counts_wherever_it_stands() -> None:
    judge, both = LexicalJudge(), (Snippet(text="Perch doubled."), Snippet(text="not Perch doubled."))
    for evidence in (both, both[::-1]):
        assert judge.verdict(SupportQuery("Perch doubled.", evidence)).label is Label.FULL


@settings(max_examples=100, deadline=None)
@given(texts, snippets, texts.filter(str.strip))
def test_more_evidence_leaves_no_word_missing_that_was_found(claim: str, evidence: list[str], more: str) -> None:
    judge = LexicalJudge()
    before, after = (
        judge.verdict(SupportQuery(claim, tuple(Snippet(text=each) for each in each_of)))
        for each_of in (evidence, [*evidence, more])
    )
    assert set(after.missing) <= set(before.missing)


def seconds(text: str) -> float:
    started = time.process_time()
    LexicalJudge().verdict(SupportQuery(text, (Snippet(text=f"x {text}"),)))
    return time.process_time() - started


@pytest.mark.parametrize("shape", SHAPES)
def test_a_long_claim_against_a_long_snippet_stays_far_from_quadratic(shape: str) -> None:
    assert seconds(SHAPES[shape] * (LONG // len(SHAPES[shape]))) < 10


@pytest.mark.parametrize("shape", ["words", "one word", "digits"])
def test_five_megabytes_against_five_megabytes(shape: str) -> None:
    assert seconds(SHAPES[shape] * (HUGE // len(SHAPES[shape]))) < 60

"""Addresses are no words: they neither support a claim nor speak against it, and prose keeps its words and numbers."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.judges import Label, LexicalJudge, SupportQuery, Verdict
from citerefine.judges.lexical.addresses import addresses
from citerefine.judges.lexical.claim import read_claim
from citerefine.judges.lexical.evidence import prepare
from citerefine.judges.lexical.markup import readable, without_markup
from citerefine.judges.lexical.words import keys
from citerefine.refiner import Snippet

ADDRESSES = [
    "https://lakes.example/report-2010",
    "HTTPS://Lakes.Example:8080/a_(b)?pike=lake&water=ice#pike",
    "ftp://pike:lake@lakes.example",
    "www.lakes.example",
    "WWW.lakes.example/pike/lake?a=b",
    "lakes.org/report-2010",
    "doi:10.1000/pike.lake",
    "DOI: 10.1000/x",
    "10.1000/x",
    "https://doi.org/10.1000/x",
    "doi.org/10.1000/x",
    "arXiv:2101.00001v2",
    "arXiv: hep-th/9901001",
    "me@lakes.example",
    "mailto:pike.lake+ice@mail.lakes.example",
    "<https://lakes.example/pike>",
    "<pike@lakes.example>",
    "(https://lakes.example/pike)",
    "https&#58;//lakes.example/pike&amp;lake=ice",
    "ht\u00adtps://lakes.example/pike",
    "ｈｔｔｐｓ：／／lakes.example/pike",
    "https://zh.wikipedia.org/wiki/鲈鱼",
]
LINKS = [
    "(javascript:alert(1))",
    "(https://lakes.example/report-2010)",
    "(https://lakes.example/a_(pike))",
    '(<pike lake.html> "water and ice")',
    "(shore.png 'pike in the lake')",
    "(#pike-and-lake)",
]
PROSE = [
    "and/or",
    "e.g.",
    "U.S.",
    "3.14",
    "vs.",
    "GPT-4.1",
    "node.js",
    "node.js/express",
    "ratio 10:1",
    "http",
    "10.5 %",
]
PROSE += [
    "p. 10.1000",
    "Booking.com",
    "km/h",
    "TCP/IP",
    "1.5/2.5",
    "10.5/20",
    "at 12:30",
    "3 @ 5",
    "Note:perch",
    "a DOI",
]
PROSE += [
    "f[x](y z)",
    "[12](Smith 2010)",
    "[1] (perch)",
    "arXiv",
    "The mailto: scheme",
    "input/output",
    "www",
    "data:5",
]
HOSTILE = ["http://", "://", "[", "[x](", "](", "](<", "](()", '](a "', "](a (b)", "](  ", "((<)]", "www.", "@", "a@b."]
HOSTILE += [
    "10.1000/",
    "doi ",
    "doi:",
    "arxiv:",
    "a.",
    "a.com",
    "a.com/",
    "a+",
    "/",
    ":",
    "mailto:",
    "/鲈",
    "&#58;//",
    "a",
]
CLAIM, OTHER = "Pike vanished from every lake", "Perch doubled by 2010."


def verdict(claim: str, text: str, title: str = "") -> Verdict:
    return LexicalJudge().verdict(SupportQuery(claim, (Snippet(id="s", text=text, title=title),)))


@pytest.mark.parametrize("address", [*ADDRESSES, *(f"[]{target}" for target in LINKS)])
def test_an_address_in_common_supports_nothing(address: str) -> None:
    given = verdict(f"{CLAIM}, {address}.", f"{OTHER} At {address}.", address)
    assert (given.label, given.p_supported, given.missing) == (Label.NONE, 0.0, ("Pike", "vanished", "lake"))


@pytest.mark.parametrize("address", [*ADDRESSES, *(f"[]{target}" for target in LINKS)])
def test_an_address_on_one_side_changes_nothing(address: str) -> None:
    plain = verdict("Perch doubled by 2010", OTHER)
    assert plain.label is Label.FULL
    assert verdict(f"Perch doubled by 2010 {address}", OTHER) == plain
    marked = verdict("Perch doubled by 2010", f"Perch doubled by 2010 {address}. Ice melts.")
    assert marked.model_copy(update={"span": plain.span}) == plain


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_claim_of_addresses_alone_claims_nothing(address: str) -> None:
    assert read_claim(f"{address}, {address}.") == ()
    assert prepare(address, address).places == {}
    given = verdict(f"{address}.", f"{OTHER} {address}.")
    assert (given.label, given.p_supported, given.span) == (Label.NONE, 0.0, None)
    assert given == verdict("", OTHER)


@pytest.mark.parametrize("target", LINKS)
@pytest.mark.parametrize("opening", ["", "!"])
def test_the_words_of_a_link_stay(target: str, opening: str) -> None:
    assert without_markup(f"{opening}[Perch doubled]{target} then.").split() == [
        f"{opening}[Perch",
        "doubled]",
        "then.",
    ]
    given = verdict(f"{opening}[Perch doubled]{target} by 2010.", OTHER)
    assert (given.label, given.missing) == (Label.FULL, ())


@pytest.mark.parametrize("prose", PROSE)
def test_prose_keeps_its_words_and_numbers(prose: str) -> None:
    assert without_markup(prose) == readable(prose) == prose
    assert prepare(f"See https://lakes.example, {prose}", "").places.keys() == {*keys("See"), *keys(prose)}


def test_sentences_behind_addresses_stay_apart() -> None:
    text = "Details at https://lakes.example/a. Perch doubled by 2010."
    given = verdict("Perch doubled by 2010.", text)
    assert given.span is not None
    assert text[given.span.start : given.span.end] == OTHER
    (first, second) = read_claim("See www.lakes.example/a. Perch doubled.")
    assert (first.text.split(), second.text) == (["See", "."], "Perch doubled.")


def test_text_without_blanks_behind_an_address_stays() -> None:
    assert without_markup("见https://lakes.example/report的报告。").split() == ["见", "的报告。"]
    assert without_markup("见https://lakes.example/a。鲈鱼减少").split() == ["见", "。鲈鱼减少"]


@given(
    st.lists(st.sampled_from([*ADDRESSES, *LINKS, *PROSE, "[x]", "](", "<b>", "&lt;", " ", ". "]) | st.text(max_size=3))
)
def test_every_offset_stays(pieces: list[str]) -> None:
    text = "".join(pieces)
    blank = without_markup(text)
    assert len(blank) == len(text)
    assert all(after in (" ", before) for before, after in zip(text, blank, strict=True))


@given(st.lists(st.sampled_from([*ADDRESSES, *PROSE, " ", ". "])).map("".join))
def test_addresses_follow_each_other(text: str) -> None:
    ends = [0]
    for start, end in addresses(text):
        assert ends[-1] <= start < end <= len(text)
        ends.append(end)


@pytest.mark.parametrize("shape", HOSTILE)
@pytest.mark.parametrize("end", ["", ")", " ."])
def test_time_grows_in_line_with_hostile_addresses(shape: str, end: str) -> None:
    started = time.process_time()
    readable(without_markup(shape * (300_000 // len(shape)) + end))
    assert time.process_time() - started < 3

"""One snippet of what several sources found of one passage."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citerefine.refiner.records import Snippet
from citerefine.tools.fusing.identifiers import folded_words
from citerefine.tools.fusing.merging import merge

ABSTRACT = (
    "Perch doubled in warm lakes between 1990 and 2010, while roach did not change. Nets were set in each of the "
    "twelve lakes every spring, at the same depth, by the same people, and all fish were counted and weighed."
)
DOI = "10.1000/perch.1"


def merged(*texts: str, **of_all: Any) -> list[str]:
    """The texts that are left of passages of one work."""
    return [passage.snippet.text for passage in merge([Snippet(text=text, doi=DOI, **of_all) for text in texts])]


def test_what_one_record_lacks_is_filled_in_from_the_others_and_every_origin_is_kept() -> None:
    found = [
        Snippet(text=ABSTRACT, source="crossref:10.1000/perch.1", doi=DOI, licence="cc by", year=2019),
        Snippet(text=f"{ABSTRACT} Warm water favours perch.", source="europepmc:MED/31", doi=DOI, title="Perch"),
        Snippet(text=ABSTRACT, url="https://doi.org/10.1000/perch.1", authors=("Moe A",), venue="Lakes", year=2020),
    ]
    for order in permutations(found):
        (passage,) = merge(order)
        snippet = passage.snippet
        assert snippet.text == f"{ABSTRACT} Warm water favours perch."
        assert (snippet.source, snippet.title, snippet.doi) == ("europepmc:MED/31", "Perch", DOI)
        assert (snippet.licence, snippet.year) == ("cc by", 2020)  # of the fuller record
        assert (snippet.authors, snippet.venue) == (("Moe A",), "Lakes")
        assert snippet.url == "https://doi.org/10.1000/perch.1"
        assert snippet.also_found == ("crossref:10.1000/perch.1", "https://doi.org/10.1000/perch.1")
        assert passage.members == (0, 1, 2)


def test_a_passage_has_the_same_id_whoever_else_found_it() -> None:
    alone = Snippet(text=f"{ABSTRACT} More.", url="https://example.org/perch", source="web")
    other = Snippet(text=ABSTRACT, url="https://example.org/perch", doi=DOI)
    for order in ([alone], [alone, other], [other, alone]):
        assert [passage.snippet.id for passage in merge(order)] == [alone.id]
    assert merge([alone, other])[0].snippet.doi == DOI
    found_again = Snippet(text=alone.text, url=alone.url, source=alone.source, also_found=("b",))
    assert found_again.id == alone.id


def test_of_equal_words_the_text_with_offsets_and_without_markup_is_kept() -> None:
    cut = Snippet(text="H2O rose in lakes.", doi=DOI, start=7, end=25)
    assert merge([Snippet(text="H<sub>2</sub>O rose in lakes.", doi=DOI), cut])[0].snippet.start == 7
    assert merged("<b>Perch</b> doubled.", "Perch doubled.") == ["Perch doubled."]


@pytest.mark.parametrize(
    "copy",
    [
        ABSTRACT.upper(),
        ABSTRACT.replace(",", " ;").replace(".", ""),
        f"<p>{ABSTRACT.replace('1990', '<b>1990</b>')}</p>",
        ABSTRACT[: ABSTRACT.index("at the same")] + "…",
        ABSTRACT.partition(". ")[2],
        f"Abstract: {ABSTRACT}",
        ABSTRACT.replace("Perch doubled", "The perch doubled"),
    ],
)
def test_copies_of_a_passage_are_one(copy: str) -> None:
    assert len(merged(ABSTRACT, copy)) == 1
    assert len(merged(copy, ABSTRACT)) == 1


def test_spellings_are_no_difference() -> None:
    british, american = (f"Randomised oedema trials of {word}." for word in ("behaviour", "behavior"))
    assert len(merged(british, american.replace("oe", "e").replace("ised", "ized"))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alpha was superior to beta in lakes.", "Beta was superior to alpha in lakes."),
        ("Perch rose in all of the lakes that were fished.", "Perch fell in all of the lakes that were fished."),
        ("Twelve lakes were fished every spring and counted.", "Thirty lakes were fished every spring and counted."),
        ("Nets were positive for roach in each of the lakes.", "Nets were negative for roach in each of the lakes."),
        ("Perch did change in each of the lakes.", "Perch did not change in each of the lakes."),
    ],
)
def test_what_says_something_else_is_kept_however_like_it_is(one: str, other: str) -> None:
    assert len(merged(one, other)) == 2


@pytest.mark.parametrize("url", ["https://evil.example/perch", "https://evil.example/?u=pubmed.ncbi.nlm.nih.gov/123"])
def test_no_page_adds_words_to_the_record_of_a_paper(url: str) -> None:
    paper = Snippet(text=ABSTRACT, title="Perch in warm lakes of the north", year=2019, doi=DOI, source="pubmed:123")
    page = Snippet(text=f"{ABSTRACT} Roach cause cancer.", title=paper.title, year=2019, url=url, source="web")
    for order in ([paper, page], [page, paper]):
        snippets = {passage.snippet.id: passage.snippet for passage in merge(order)}
        assert snippets[paper.id].text == ABSTRACT
        assert snippets[page.id].doi is None
        assert snippets[page.id].authors == ()


@pytest.mark.parametrize(
    "other",
    [
        ABSTRACT.replace("1990", "1991"),
        ABSTRACT.replace("did not change", "did change"),
        ABSTRACT.replace("while", "with higher numbers while"),
        ABSTRACT.replace("Nets were set in each of the twelve lakes every spring", "Traps stood there all summer"),
        "Perch doubled in cold lakes.",
    ],
)
def test_passages_that_say_something_else_are_two(other: str) -> None:
    assert sorted(merged(ABSTRACT, other)) == sorted([ABSTRACT, other])


def test_signs_count_before_numbers() -> None:
    texts = ["It rose (p < 0.05) by 5 °C.", "It rose (p > 0.05) by 5 °C.", "It rose (p < 0.05) by -5 °C."]
    assert sorted(merged(*texts)) == sorted(texts)


def test_equal_texts_of_different_works_stay_apart() -> None:
    found = [Snippet(text="Conflicts of interest: none.", doi=f"10.1000/{number}") for number in range(3)]
    assert [passage.snippet for passage in merge(found)] == found
    assert [passage.work for passage in merge(found)] == [0, 1, 2]


def test_a_sentence_that_two_passages_hold_goes_to_one_of_them() -> None:
    first = "Perch doubled in warm lakes of the north, and nobody knows why."
    second = "It was warm. Perch doubled in warm lakes of the south as well, with roach."
    assert sorted(merged("Perch doubled in warm lakes", first, second)) == sorted([first, second])


def test_a_filled_in_identifier_can_join_two_more() -> None:
    found = [
        Snippet(text=ABSTRACT, url="https://a.example", source="a"),
        Snippet(text=f"{ABSTRACT} Ends.", url="https://a.example", doi=DOI, source="b"),
        Snippet(text="Perch doubled in warm lakes", doi=DOI, source="c"),
    ]
    (passage,) = merge(found)
    assert passage.members == (0, 1, 2)
    assert passage.snippet.also_found == ("a", "c")


def test_an_id_that_a_tool_gave_twice_is_replaced_by_that_of_the_content() -> None:
    one, two = Snippet(text="Perch.", url="https://a.example"), Snippet(text="Roach.", url="https://b.example")
    numbered = [one.model_copy(update={"id": "1"}), two.model_copy(update={"id": "1"})]
    assert [passage.snippet.id for passage in merge(numbered)] == [one.id, two.id]
    assert merge(numbered[:1])[0].snippet.id == "1"


def test_nothing_is_known_of_texts_that_hold_no_words() -> None:
    assert sorted(merged("!!!", "???", "— —")) == sorted(["!!!", "???", "— —"])
    assert merge([]) == []


_WORDS = ["perch", "roach", "lakes", "warm", "not", "1990", "2010", "doubled", "<b>nets</b>", "in"]
_words = st.lists(st.sampled_from(_WORDS), min_size=1)
_snippets = st.builds(
    Snippet,
    text=_words.map(" ".join),
    title=st.sampled_from([None, "Perch double in warm lakes of the north", "Editorial"]),
    authors=st.sampled_from([(), ("Moe A",), ("Lind B",)]),
    year=st.sampled_from([None, 2018, 2019]),
    doi=st.sampled_from([None, "10.1000/1", "10.1000/2", "10.48550/arxiv.2101.00001"]),
    url=st.sampled_from([None, "https://a.example", "https://pubmed.ncbi.nlm.nih.gov/31"]),
    source=st.sampled_from([None, "a", "pmid:31", "arxiv:2101.00001"]),
    id=st.sampled_from(["1", "2"]) | st.uuids().map(lambda id: id.hex),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(_snippets, max_size=12), st.randoms(use_true_random=False))
def test_merging_loses_no_text_gives_each_id_once_and_is_done_after_one_time(
    snippets: list[Snippet], random: Any
) -> None:
    passages = merge(snippets)
    found = [passage.snippet for passage in passages]
    assert len({snippet.id for snippet in found}) == len(found)
    assert sorted(member for passage in passages for member in passage.members) == [*range(len(snippets))]
    for passage in passages:
        for member in passage.members:
            assert _holds(passage.snippet.text, snippets[member].text)
    assert [passage.snippet for passage in merge(found)] == found
    shuffled = random.sample(snippets, len(snippets))
    key = Snippet.model_dump_json
    assert sorted((passage.snippet for passage in merge(shuffled)), key=key) == sorted(found, key=key)


def _holds(whole: str, part: str) -> bool:
    words, others = folded_words(whole), folded_words(part)
    same = sum(min(words.count(word), others.count(word)) for word in {*others})
    nearly_all = 0.9**2 * max(len(words), len(others))  # of a copy of a copy
    return f" {' '.join(others)} " in f" {' '.join(words)} " or same >= nearly_all


def test_what_one_source_knows_of_a_retraction_is_said_of_all_passages_of_the_work() -> None:
    found = [
        Snippet(text=ABSTRACT, title="Perch in warm lakes of the north", year=2019, source="a"),
        Snippet(text="Roach fell.", title="RETRACTED: Perch in warm lakes of the north", year=2019, source="b"),
    ]
    for order in permutations(found):
        titles = {passage.snippet.title for passage in merge(order)}
        assert titles == {"RETRACTED: Perch in warm lakes of the north"}


def test_the_label_of_a_part_is_the_same_in_capitals_and_of_two_texts_the_one_with_powers_is_kept() -> None:
    one, other = "RESULTS: We counted 109 perch.", "Results We counted 10⁹ perch."
    assert merged(one, other) == merged(other, one) == [other]

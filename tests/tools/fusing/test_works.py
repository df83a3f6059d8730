"""Which snippets are passages of one work."""

from itertools import permutations
from typing import Any

import pytest

from citerefine.refiner.records import Snippet
from citerefine.tools.fusing import works
from citerefine.tools.fusing.identifiers import Identity
from citerefine.tools.fusing.works import works_of

TITLE = "Perch double in warm lakes of the north"


def one_work(*records: dict[str, Any]) -> bool:
    snippets = [Snippet(text=f"Passage {number}.", **record) for number, record in enumerate(records)]
    found = {len({*works_of(order)}) for order in permutations(snippets)}
    assert len(found) == 1, "the order of the snippets changes which are one work"
    return found == {1}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"doi": "10.1000/Perch.1"}, {"doi": "https://doi.org/10.1000/perch.1"}),
        ({"doi": "10.1000/perch.1"}, {"url": "https://doi.org/10.1000/PERCH.1"}),
        ({"url": "https://pubmed.ncbi.nlm.nih.gov/31000001/"}, {"url": "https://europepmc.org/article/MED/31000001"}),
        ({"source": "pmid:31000001"}, {"source": "europepmc:MED/31000001"}),
        ({"url": "https://pmc.ncbi.nlm.nih.gov/articles/PMC65001/"}, {"source": "europepmc:PMC65001"}),
        ({"url": "https://arxiv.org/pdf/2101.00001v3"}, {"doi": "10.48550/arXiv.2101.00001"}),
        ({"source": "arxiv:2101.00001v1"}, {"url": "https://arxiv.org/abs/2101.00001"}),
        ({"doi": "10.1073/perch.1"}, {"url": "https://www.pnas.org/doi/full/10.1073/Perch.1?utm_source=x"}),
        ({"doi": "10.1101/2020.01.02.123456"}, {"url": "https://www.biorxiv.org/content/10.1101/2020.01.02.123456v2.full"}),
        ({"url": "https://example.org/a?id=1&utm_source=x&fbclid=y"}, {"url": "https://example.org/a?id=1"}),
        ({"url": "http://www.Example.org/perch/"}, {"url": "https://example.org/perch#results"}),
        ({"source": "notes/perch.md"}, {"source": "notes/perch.md"}),
    ],
)
def test_an_identifier_or_an_address_in_common_makes_one_work(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one_work(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"doi": "10.1000/perch.1"}, {"doi": "10.1000/perch.12"}),
        ({"source": "pmid:3100"}, {"source": "pmid:31000"}),
        ({"url": "https://example.org/a?id=1"}, {"url": "https://example.org/a?id=2"}),
        ({"doi": "10.1073/perch.1"}, {"url": "https://example.org/doi/10.1073/perch.1"}),
        ({"doi": "10.1073/perch.1"}, {"url": "https://www.pnas.org/doi/10.1073/perch.1/chapter/3"}),
        ({"url": "https://example.org", "doi": "10.1000/1"}, {"url": "https://example.org", "doi": "10.1000/2"}),
        ({"source": "web", "url": "https://example.org/a"}, {"source": "web", "url": "https://example.org/b"}),
        ({}, {}),
    ],
)
def test_other_identifiers_make_other_works(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert not one_work(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"title": TITLE, "year": 2019}, {"title": "Perch <i>double</i> in warm lakes of the North.", "year": 2019}),
        ({"title": TITLE, "authors": ["Moe A"]}, {"title": TITLE, "year": 2019, "authors": ["Ada Moe", "Bo Lind"]}),
        ({"title": TITLE, "year": 2019}, {"title": TITLE, "year": 2018, "venue": "bioRxiv"}),
        (
            {"title": TITLE, "year": 2019, "doi": "10.1000/perch.1"},
            {"title": TITLE, "year": 2018, "doi": "10.1101/2018.12.01.123456"},
        ),
        (
            {"title": "Behaviour of perch in cold lakes", "year": 2019, "authors": ["Moe, Ada"]},
            {"title": "Behavior of perch in cold lakes", "year": 2019, "authors": ["A. Moe"]},
        ),
        (
            {"title": "Meta-analysis of perch in lakes", "year": 2019, "authors": ["Moe A"]},
            {"title": "Metaanalysis of perch in lakes", "year": 2019, "authors": ["Moe A"]},
        ),
        ({"title": "Warm perch", "year": 2019, "authors": ["Moe A"]},) * 2,
    ],
)
def test_a_telling_title_with_year_or_author_makes_one_work(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one_work({"url": "https://a.example", **one}, {"url": "https://b.example", **other})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"title": TITLE}, {"title": TITLE}),
        ({"title": TITLE, "year": 2019}, {"title": TITLE, "year": 2018}),
        ({"title": TITLE, "year": 2019}, {"title": TITLE, "year": 2017, "venue": "bioRxiv"}),
        ({"title": TITLE, "year": 2019, "authors": ["Moe A"]}, {"title": TITLE, "year": 2019, "authors": ["Lind B"]}),
        ({"title": TITLE, "year": 2019, "doi": "10.1000/1"}, {"title": TITLE, "year": 2019, "doi": "10.1000/2"}),
        ({"title": f"{TITLE}: part 1", "year": 2019}, {"title": f"{TITLE}: part 2", "year": 2019}),
        (
            {"title": "Effects of heat on mice in the north", "year": 2019, "authors": ["Moe A"]},
            {"title": "Effects of heat on rice in the north", "year": 2019, "authors": ["Moe A"]},
        ),
        ({"title": "Warm perch", "year": 2019}, {"title": "Warm perch", "year": 2019}),
        ({"title": "Introduction", "year": 2019, "authors": ["Moe A"]},) * 2,
        ({"title": "Editorial", "year": 2019, "authors": ["Moe A"]},) * 2,
        ({"title": "Letter to the Editor.", "year": 2019, "authors": ["Moe A"]},) * 2,
    ],
)
def test_a_title_alone_or_contradicted_makes_no_work(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert not one_work({"url": "https://a.example", **one}, {"url": "https://b.example", **other})


def test_works_are_one_through_a_third_record() -> None:
    assert one_work(
        {"doi": "10.1000/perch.1"},
        {"doi": "10.1000/perch.1", "url": "https://pubmed.ncbi.nlm.nih.gov/31000001"},
        {"source": "pmid:31000001"},
    )


def test_a_record_that_may_be_either_of_two_published_works_joins_neither() -> None:
    same: dict[str, Any] = {"title": TITLE, "year": 2019}
    first, second, unclear = (
        Snippet(text="One.", doi="10.1000/1", **same),
        Snippet(text="Two.", doi="10.1000/2", **same),
        Snippet(text="Three.", url="https://example.org", **same),
    )
    for order in permutations([first, second, unclear]):
        assert works_of(order) == [0, 1, 2]


def test_works_are_numbered_as_they_come() -> None:
    perch, roach = Snippet(text="Perch.", doi="10.1000/1"), Snippet(text="Roach.", doi="10.1000/2")
    assert works_of([roach, perch, perch, roach]) == [0, 1, 1, 0]
    assert works_of([]) == []


def test_a_title_that_many_works_have_names_none() -> None:
    snippets = [Snippet(text="Perch.", url=f"https://example.org/{n}", title=TITLE, year=2019) for n in range(60)]
    assert len({*works_of(snippets)}) == 60


def test_titles_are_compared_only_within_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    n_compared = 0

    def counting(one: Identity, other: Identity) -> bool:
        nonlocal n_compared
        n_compared += 1
        return False

    monkeypatch.setattr(works, "_is_one", counting)

    def compared(n: int, n_authors: int) -> int:
        nonlocal n_compared
        n_compared = 0
        authors = [f"{chr(97 + number % 26)}{chr(97 + number // 26)}moe" for number in range(n_authors)]
        works_of([
            Snippet(text="Perch.", title=f"{TITLE} {at}", url=f"https://x.org/{at}", authors=(authors[at % n_authors],))
            for at in range(n)
        ])  # fmt: skip
        return n_compared

    assert compared(200, n_authors=10) == 10 * 20 * 19 / 2
    assert compared(2000, n_authors=100) == 10 * compared(200, n_authors=10)
    assert compared(2000, n_authors=1) == 0


def test_many_passages_of_one_work_are_compared_as_one() -> None:
    snippets = [Snippet(text=f"Perch {number}.", doi="10.1000/1", title=TITLE, year=2019) for number in range(500)]
    other = Snippet(text="Roach.", url="https://example.org", title=TITLE, year=2019)
    assert {*works_of([*snippets, other])} == {0}

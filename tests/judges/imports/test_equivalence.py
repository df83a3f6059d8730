"""The same answer, written in each form, is the same: its units, what they cite, and its score."""

from typing import Any

import pytest

from citerefine.judges import CitationScore, CitedAnswer, Label, TableJudge, ascore
from citerefine.judges.imports.reading import read_answer
from citerefine.judges.units import split_units
from citerefine.refiner import Evidence
from citerefine.refiner.background import run

EVIDENCE = Evidence(
    [
        {"id": "perch", "text": "Perch doubled by 2010.", "url": "https://lake.example/perch"},
        {"id": "ice", "text": "Ice came late in 2011.", "url": "https://lake.example/ice"},
        {"id": "salt", "text": "Salt fell to 0.3 g/L.", "url": "https://lake.example/salt"},
    ]
)
JUDGE = TableJudge(
    {
        ("Perch doubled by 2010.", frozenset({"perch"})): Label.FULL,
        ("Ice came late, and salt fell.", frozenset({"ice", "salt"})): Label.FULL,
        ("Ice came late, and salt fell.", frozenset({"ice"})): Label.PARTIAL,
        ("Ice came late, and salt fell.", frozenset({"salt"})): Label.PARTIAL,
        ("Eels left the whole northern lake.", frozenset({"salt"})): Label.NONE,
    }
)

TAGS = """<answer><snippet id=perch>Perch doubled by 2010.</snippet>
<snippet id=ice,salt>Ice came late, and salt fell.</snippet> Nobody counted the roach of this lake.
<snippet id=salt,gone>Eels left the whole northern lake.</snippet></answer>"""
PERCH, ICE, SALT = (f"https://lake.example/{name}" for name in ("perch", "ice", "salt"))
SENTENCES: tuple[tuple[str, list[str]], ...] = (
    ("Perch doubled by 2010.", [PERCH]),
    ("Ice came late, and salt fell.", [ICE, SALT]),
    ("Nobody counted the roach of this lake.", []),
    ("Eels left the whole northern lake.", [SALT, "https://gone.example"]),
)
URLS = [PERCH, ICE, SALT, "https://gone.example"]


def joined(mark: str, before_stop: bool) -> str:
    """The answer with a marker for each source of a sentence; `{n}` and `{url}` in it are filled in."""
    parts = list[str]()
    for text, sources in SENTENCES:
        marks = "".join(mark.format(n=URLS.index(url) + 1, url=url) for url in sources)
        parts.append(f"{text[:-1]}{marks and ' ' + marks}." if before_stop else f"{text}{marks and ' ' + marks}")
    return " ".join(parts)


def responses() -> dict[str, Any]:
    text, annotations = "", list[dict[str, Any]]()
    for sentence, sources in SENTENCES:
        text += " " * bool(text) + sentence
        for url in sources:
            start = len(text) + 1
            text += f" ([site]({url}))"
            annotations.append({"type": "url_citation", "start_index": start, "end_index": len(text), "url": url})
    part = {"type": "output_text", "text": text, "annotations": annotations}
    return {"output": [{"type": "message", "role": "assistant", "content": [part]}]}


FORMS: dict[str, tuple[str, object]] = {
    "brackets": ("numbered", joined("[{n}]", True)),
    "brackets behind the stop": ("numbered", joined("[{n}]", False)),
    "brackets with references": (
        "numbered",
        joined("[{n}]", True)
        + "\n\nReferences\n"
        + "\n".join(f"[{n}] A source. {url}" for n, url in enumerate(URLS, 1)),
    ),
    "footnotes": (
        "footnotes",
        joined("[^{n}]", False) + "\n\n" + "\n".join(f"[^{n}]: {url}" for n, url in enumerate(URLS, 1)),
    ),
    "links": ("links", joined("([source]({url}))", True)),
    "trec": (
        "trec",
        {
            "references": ["perch", "ice", "salt", "gone"],
            "answer": [{"text": text, "citations": [URLS.index(url) for url in urls]} for text, urls in SENTENCES],
        },
    ),
    "scholarqa": (
        "scholarqa",
        {
            "sections": [
                {
                    "text": joined("(Author {n}, 2020) ", False),
                    "citations": [
                        {"id": f"(Author {n}, 2020)", "snippets": ["A quotation."], "metadata": {"url": url}}
                        for n, url in enumerate(URLS, 1)
                    ],
                }
            ]
        },
    ),
    "url_citation": ("url_citation", responses()),
}


def units(answer: object) -> list[tuple[str, list[str | None]]]:
    parse = read_answer(answer, EVIDENCE).parse
    return [(unit.key, [EVIDENCE.resolve(id) for id in unit.ids]) for unit in split_units(parse)]


def score(answer: object) -> CitationScore:
    return run(ascore(CitedAnswer(read_answer(answer, EVIDENCE).parse, EVIDENCE), JUDGE))


@pytest.mark.parametrize("name", FORMS)
def test_units_and_what_they_cite_are_those_of_the_tags(name: str) -> None:
    form, answer = FORMS[name]
    assert read_answer(answer, EVIDENCE).form == form
    assert units(answer) == units(TAGS)


@pytest.mark.parametrize("name", FORMS)
def test_the_score_is_that_of_the_tags(name: str) -> None:
    found, expected = score(FORMS[name][1]), score(TAGS)
    assert expected.precision == pytest.approx(3 / 5)
    assert 0 < (expected.recall or 0) < 1
    assert expected.n_invalid == 1
    left_out = {"units", "issues"}
    assert found.model_dump(exclude=left_out) == expected.model_dump(exclude=left_out)
    assert [unit.support for unit in found.units] == [unit.support for unit in expected.units]
    assert [[one.value for one in unit.citations] for unit in found.units] == [
        [one.value for one in unit.citations] for unit in expected.units
    ]


def test_an_answer_earns_nothing_by_snippets_that_it_declares_itself() -> None:
    claim = "Pike rule every lake in the north."
    answer = {"sections": [{"text": f"{claim} [1]", "citations": [{"id": "[1]", "snippets": [claim]}]}]}
    found = score(answer)
    assert (found.precision, found.recall, found.score, found.n_invalid) == (0, 0, 0, 1)

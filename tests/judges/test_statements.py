"""How equal units are merged, what their ids lead to, and what they weigh."""

import pytest

from citerefine.judges.statements import Statement, merge_units
from citerefine.judges.units import split_units
from citerefine.refiner import Evidence, Snippet
from citerefine.refiner.tags.scanner import parse_tags

EVIDENCE = Evidence([Snippet(id=id, text=f"Passage {id}.") for id in ("a", "b", "c")])


def statements(inner: str, evidence: Evidence | None = EVIDENCE) -> list[Statement]:
    parse = parse_tags(f"<answer>{inner}</answer>")
    return merge_units(split_units(parse), evidence)


def test_a_claim_said_twice_is_one_with_the_ids_of_both() -> None:
    (merged,) = statements("<snippet id=a>Perch doubled.</snippet> <snippet id=b,a>perch doubled</snippet>")
    assert merged.premise == ("a", "b")
    assert merged.text == "Perch doubled."


def test_a_claim_once_cited_and_once_not_is_two() -> None:
    assert [
        one.is_cited for one in statements("Perch doubled in number. <snippet id=a>Perch doubled in number.</snippet>")
    ] == [
        False,
        True,
    ]


def test_an_alias_and_its_id_are_one_citation() -> None:
    (one,) = statements("<snippet id=S1,a>Perch doubled.</snippet>")
    assert [(citation.written, citation.snippet) for citation in one.citations] == [("S1", "a")]


def test_unknown_ids_stay_as_citations_and_leave_the_premise() -> None:
    (one,) = statements("<snippet id=zz,a,yy>Perch doubled.</snippet>")
    assert [citation.snippet for citation in one.citations] == [None, "a", None]
    assert one.premise == ("a",)


def test_without_evidence_no_id_is_known() -> None:
    (one,) = statements("<snippet id=a>Perch doubled.</snippet>", None)
    assert one.is_cited
    assert one.premise == ()


@pytest.mark.parametrize(("n_words", "weight"), [(1, 1), (6, 1), (12, 2), (30, 5), (60, 5)])
def test_weight_counts_content_words_between_one_and_five(n_words: int, weight: float) -> None:
    (one,) = statements(f"<snippet id=a>{'perch ' * n_words}</snippet>")
    assert one.weight == weight
    assert one.uncapped_weight == max(1, n_words / 6)


def test_scraps_of_a_sentence_weigh_together_what_it_weighs_in_one_piece() -> None:
    words = ["perch", "biomass", "doubled", "lake", "orven", "surveys", "nets"]
    scraps = statements(" ".join(f"<snippet id={'ab'[n % 2]}>{word}</snippet>" for n, word in enumerate(words)))
    (whole,) = statements(f"<snippet id=a,b>{' '.join(words)}</snippet>")
    assert len(scraps) == len(words)
    assert sum(one.weight for one in scraps) == pytest.approx(whole.weight)


def test_a_copy_that_is_a_question_does_not_exempt_what_is_asserted() -> None:
    (one,) = statements("Trout vanished from Orven in 2003? Trout vanished from Orven in 2003.")
    assert one.exempt is None


def test_a_cited_claim_knows_the_short_words_around_it() -> None:
    one = statements("It is not true that <snippet id=a>perch doubled</snippet>.")[1]
    assert one.context == "It is not true that perch doubled"

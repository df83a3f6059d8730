"""An answer's text in rows: all of it, in order, each citing unit beside its proof."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.judges.report.lake_rows import better_row, unit, worst_row

from citerefine.judges.report.layout import (
    IDS_LIMIT,
    NAME_LIMIT,
    PROOFS_LIMIT,
    QUOTE_LIMIT,
    TEXT_LIMIT,
    Part,
    Proof,
    lay_out,
)
from citerefine.judges.report.marks import Mark
from citerefine.judges.report.shown_text import mark_missing, revealed
from citerefine.judges.runs.score_row import EvidenceRow, ScoreRow, UnitRow
from citerefine.judges.verdict import Label


def text_of(part: Part) -> str:
    return "".join(piece.text for piece in part.pieces)


def proof_of(part: Part) -> Proof:
    assert part.proof is not None
    return part.proof


def row_of(text: str, *units: UnitRow) -> ScoreRow:
    return ScoreRow(id=1, text=text, units=units)


def bare(text: str, start: int, end: int, **fields: Any) -> UnitRow:
    return UnitRow.model_validate(
        {
            "text": text,
            "start": start,
            "end": end,
            "ids": ("s1",),
            "need": True,
            "support": 1,
            "label": "full",
            **fields,
        }
    )


def test_citing_units_stand_alone_and_the_text_between_them_runs_on() -> None:
    parts = lay_out(worst_row())
    assert [(text_of(part), part.proof and part.proof.mark) for part in parts] == [
        ("## What changed in the lake", None),
        ("Perch doubled between 2009 and 2019.", Mark.PARTLY),
        ("Pike vanished from the lake.", Mark.CONTRADICTED),
        ("Roach lost 41 % of their biomass.", Mark.UNSUPPORTED),
        ("The ferry company changed its paint.", None),
        ("- Phosphorus fell by half.", Mark.UNKNOWN),
        ("- Summers became warmer by 1.9 °C.", Mark.UNJUDGED),
        ("- Ice came later.", Mark.SUPPORTED),
    ]


def test_exempt_and_uncited_units_are_marked_in_the_run() -> None:
    parts = lay_out(worst_row())
    assert [piece.mark for piece in parts[0].pieces] == [Mark.EXEMPT]
    assert [piece.mark for piece in parts[4].pieces] == [Mark.UNCITED]
    assert (parts[4].n_uncited, parts[0].n_uncited) == (1, 0)


def test_punctuation_stays_with_its_unit() -> None:
    text = "Perch doubled (see above). So there."
    parts = lay_out(row_of(text, unit(text, "Perch doubled", Label.FULL), unit(text, "see above", Label.NONE)))
    assert [text_of(part) for part in parts] == ["Perch doubled", "(", "see above).", "So there."]


def test_words_that_the_evidence_lacks_are_marked() -> None:
    partly = lay_out(worst_row())[1]
    assert [piece.text for piece in partly.pieces if piece.missing] == ["2009"]


def test_the_proof_says_what_each_citation_adds() -> None:
    proof = proof_of(lay_out(worst_row())[1])
    assert [(one.id, one.worth, one.alone) for one in proof.citations] == [
        ("s1", "needed for a part", Mark.PARTLY),
        ("s2", "not needed", Mark.UNSUPPORTED),
    ]
    assert (proof.quote, proof.quoted_from) == ("Perch numbers doubled over the ten years to 2019.", "s1")
    assert (proof.second, proof.disagree) == (Mark.SUPPORTED, True)


def test_the_note_does_not_repeat_the_sign() -> None:
    parts = lay_out(worst_row())
    assert proof_of(parts[1]).note == "not in the evidence: 2009; looks wrong: number; not needed: s2"
    assert proof_of(parts[7]).note == ""


def test_flags_that_the_explanation_lacks_are_said() -> None:
    text = "Perch doubled."
    (part,) = lay_out(row_of(text, unit(text, text, Label.NONE, flags=("number", "name"))))
    assert proof_of(part).note == "looks wrong: number, name"


def test_units_with_unbelievable_offsets_come_last_and_lose_nothing() -> None:
    text = "Perch doubled. Pike fell."
    parts = lay_out(row_of(text, bare("lost", 90, 99), bare("twice", 0, 14), bare("over", 5, 20), bare("back", 9, 3)))
    assert [text_of(part) for part in parts] == ["Perch doubled.", "Pike fell.", "lost", "over", "back"]


@given(
    st.text("ab .(\n-1", max_size=60),
    st.lists(st.tuples(st.integers(-5, 70), st.integers(-5, 70), st.booleans()), max_size=8),
)
def test_any_offsets_keep_the_text_whole(text: str, spans: list[tuple[int, int, bool]]) -> None:
    units = [bare("unit", start, end, ids=("s1",) if cites else ()) for start, end, cites in spans]
    parts = lay_out(row_of(text, *units))
    shown = "".join(text_of(part) for part in parts)
    without_lost = shown.replace("unit", "")
    assert "".join(without_lost.split()) == "".join(text.split())
    placed = sum(part.proof is not None for part in parts)
    assert placed == sum(cites for _, _, cites in spans)


def test_sizes_are_bounded_whatever_the_row_holds() -> None:
    huge = "x" * 20_000
    quote = EvidenceRow(snippet=huge, start=0, end=1, text=huge)
    ids = tuple(f"{huge[:500]}{n}" for n in range(50))
    units = [
        bare(huge, at * 30, at * 30 + 20, ids=ids, evidence=quote, explanation=huge, missing=(huge[:300],) * 90)
        for at in range(300)
    ]
    parts = lay_out(row_of("word " * 1_000_000, *units))
    assert sum(len(text_of(part)) for part in parts) <= TEXT_LIMIT
    proofs = [part.proof for part in parts if part.proof is not None]
    assert 0 < sum(len(proof.quote) + len(proof.note) for proof in proofs) <= PROOFS_LIMIT
    assert all(len(proof.citations) <= IDS_LIMIT and proof.n_citations_left_out == 38 for proof in proofs)
    assert all(len(one.id) < NAME_LIMIT + 40 for proof in proofs for one in proof.citations)
    assert proofs[0].quote.endswith(f"… ({len(huge) - QUOTE_LIMIT:,} more characters)")


def test_a_lost_unit_is_cut_too() -> None:
    parts = lay_out(row_of("Perch.", bare("y" * 5_000_000, 3, 2)))
    assert len(text_of(parts[-1])) < TEXT_LIMIT + 100


def test_all_is_shown_of_an_answer_of_usual_size() -> None:
    row = better_row()
    assert " ".join(text_of(part) for part in lay_out(row)) == row.text


@pytest.mark.parametrize(
    ("claim", "missing", "marked"),
    [
        ("Perch doubled by 2019.", ["2019"], ["2019"]),
        ("In 12 of 120 lakes", ["12"], ["12"]),
        ("Perch, PERCH and perch", ["perch", "perch"], ["Perch", "PERCH"]),
        ("a.b (c)", ["(c)", "a.b"], ["a.b", "(c)"]),
        ("nothing here", ["", " ", "absent"], []),
        ("one two three", ["one two", "two three"], ["one two"]),
    ],
)
def test_missing_words_are_whole_words_in_order(claim: str, missing: list[str], marked: list[str]) -> None:
    pieces = mark_missing(claim, missing)
    assert "".join(piece.text for piece in pieces) == claim
    assert [piece.text for piece in pieces if piece.missing] == marked


def test_hidden_and_turning_characters_are_spelled_out() -> None:
    assert revealed("a\u202eb\u200bc\u2066d\U000e0041") == "a⟨U+202E⟩b⟨U+200B⟩c⟨U+2066⟩d⟨U+E0041⟩"
    assert revealed("می‌خواهم 👩‍🔬 ©️") == "می‌خواهم 👩‍🔬 ©️"

"""Rubric judges measured against labels: figures worked out by hand, and none where nothing was measured."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from citerefine.judges.calibration.labelled_file import CalibrationWatch
from citerefine.judges.calibration.observing import is_met
from citerefine.judges.calibration.rubric_calibrating import calibrate_rubric, holds_criteria
from citerefine.judges.calibration.rubric_card import RubricJudgeCard
from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery, RubricJudge
from citerefine.refiner.errors import CallError, InputError
from citerefine.rubrics.criterion import Criterion

Says = Callable[[GradeQuery, Criterion], float | None]


class Scripted:
    """Says of each criterion what a function says; its value is its probability too. None: it could not be asked."""

    name = "scripted"

    def __init__(self, says: Says) -> None:
        self.says = says
        self.asked: list[GradeQuery] = []
        self.closed = 0

    async def grade(self, query: GradeQuery) -> Graded:
        self.asked.append(query)
        return Graded(tuple(self._cell(query, criterion) for criterion in query.criteria))

    def _cell(self, query: GradeQuery, criterion: Criterion) -> Cell:
        value = self.says(query, criterion)
        fields: dict[str, Any] = {"criterion": criterion.id, "key": criterion.key, "weight": criterion.weight}
        if value is None:
            return Cell(**fields, status=Status.FAILED, reason="deadline: too slow")
        return Cell(**fields, status=Status.OK, value=value, p_met=value, verdict="MET" if value >= 0.5 else "UNMET")

    async def aclose(self) -> None:
        self.closed += 1


def told(query: GradeQuery, criterion: Criterion) -> float:
    """What stands in the answer: `criterion text=0.8;`."""
    return float(query.answer.partition(f"{criterion.text}=")[2].partition(";")[0])


def row(answer: str, criterion: str, label: object, **values: Any) -> dict[str, Any]:
    labels = {"labels": label} if isinstance(label, list) else {"label": label}
    return {"answer": answer, "criterion": criterion, **labels, **values}


def measured(folder: Path, rows: list[dict[str, Any]], judge: RubricJudge, **how: Any) -> RubricJudgeCard:
    path = folder / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return calibrate_rubric(path, judge, **how)


# Two prompts with three and two answers, two criteria each, of which `f` is a fault; the second answer of the first
# prompt is judged better than it is. docs/judge-cards.md works this example out.
EXAMPLE = [
    row("a1 c=0.9; f=0.1;", "c", [True, True], group="p", source="m"),
    row("a1 c=0.9; f=0.1;", "f", [False, False], group="p", source="m", polarity="negative"),
    row("a2 c=0.8; f=0.2;", "c", [True, False], group="p", source="n"),
    row("a2 c=0.8; f=0.2;", "f", [True, True], group="p", source="n", polarity="negative"),
    row("a3 c=0.2; f=0.3;", "c", [False, False], group="p", source="m"),
    row("a3 c=0.2; f=0.3;", "f", [False, True], group="p", source="m", polarity="negative"),
    row("b1 c=0.7; f=0.4;", "c", [True, True], group="q", source="m"),
    row("b1 c=0.7; f=0.4;", "f", [False, False], group="q", source="m", polarity="negative"),
    row("b2 c=0.6; f=0.9;", "c", [False, False], group="q", source="n"),
    row("b2 c=0.6; f=0.9;", "f", [True, True], group="q", source="n", polarity="negative"),
]


def test_the_example_of_the_page_by_hand(tmp_path: Path) -> None:
    judge = Scripted(told)
    card = measured(tmp_path, EXAMPLE, judge)
    assert (card.n, card.n_labels, card.answers, card.prompts, card.rows) == (10, 20, 5, 2, 10)
    assert card.said == {"positive": (5, 5), "negative": (5, 5)}
    # Met or not, the judge against each label: c 5 hits, 3 false alarms, 2 right no; f 2 hits, 3 missed, 5 right no.
    assert card.accuracy.value == pytest.approx(14 / 20)
    assert card.macro_f1.value == pytest.approx((14 / 20 + 14 / 20) / 2)
    assert card.kappa.value == pytest.approx(0.4)
    assert card.mcc.value == pytest.approx(0.4)
    positive, negative = card.slices[:2]
    assert (positive.false_positive_rate.value, positive.false_negative_rate.value) == (3 / 5, 0)
    assert (negative.false_positive_rate.value, negative.false_negative_rate.value) == (0, 3 / 5)
    # Among people: 8 of 10 criteria agree; of both yes and no four, and one pair either way.
    assert card.people.value == pytest.approx(8 / 10)
    assert card.above_people.value == pytest.approx(0.7 - 0.8)
    assert card.alpha_people.value == pytest.approx(1 - 19 * 4 / (2 * 10 * 10))
    assert card.absolute_error.value == pytest.approx((0.1 + 0.1 + 0.3 + 0.8 + 0.2 + 0.2 + 0.3 + 0.4 + 0.6 + 0.1) / 10)
    # Kinder than people: m .9-1, -(.1-0), .2-0, -(.3-.5), .7-1, -(.4-0); n .8-.5, -(.2-1), .6-0, -(.9-1).
    assert card.sources["m"].value == pytest.approx(-0.5 / 6)
    assert card.sources["n"].value == pytest.approx(1.8 / 4)
    assert card.bias_index.value == pytest.approx(1.8 / 4 + 0.5 / 6)
    # Scores of people: (1, -.25, -.25) and (.5, -.5); of the judge (.4, .3, -.05) and (.15, -.15). One tie of people.
    assert card.order_accuracy.value == 1
    assert (card.tied_by_people.value, card.tied_by_people.n) == (1 / 4, 4)
    # Advantages of people: 1.15, -.58, -.58 and ±.71; of the judge .78, .35, -1.13 and ±.71: one of five is turned.
    assert (card.sign_flips.value, card.sign_flips.n) == (1 / 5, 5)
    assert card.sign_lost.value == 0
    assert card.calibration[0].of == "all"
    assert card.calibration[0].brier.value == pytest.approx(
        (0.01 + 0.01 + 0.09 + 0.64 + 0.04 + 0.04 + 0.09 + 0.16 + 0.36 + 0.01) / 10
    )
    assert judge.closed == 1


def test_criteria_of_one_answer_are_asked_about_together_with_all_that_is_known(tmp_path: Path) -> None:
    judge = Scripted(lambda query, criterion: 1.0)
    rows = [{**one, "question": "Q?", "snippets": [{"id": "S1", "text": "Perch."}]} for one in EXAMPLE]
    measured(tmp_path, rows, judge)
    assert [[one.text for one in query.criteria] for query in judge.asked] == [["c", "f"]] * 5
    assert [[one.id for one in query.criteria] for query in judge.asked] == [["c1", "c2"]] * 5
    assert {(query.question, query.snippets[0].id) for query in judge.asked} == {("Q?", "S1")}


def test_criteria_that_are_not_judged_are_counted_and_their_answers_are_in_no_pair(tmp_path: Path) -> None:
    def says(query: GradeQuery, criterion: Criterion) -> float | None:
        return None if query.answer.startswith("a2") and criterion.text == "f" else told(query, criterion)

    card = measured(tmp_path, EXAMPLE, Scripted(says))
    assert (card.n, card.rows, card.not_judged) == (9, 10, {"deadline": 1})
    assert card.order_accuracy.n == 2  # a1 > a3 and b1 > b2
    assert "1 criteria were not judged, and are in no figure" in card.notes


def test_a_judge_that_never_answers_has_no_figures_and_a_reason_for_each(tmp_path: Path) -> None:
    card = measured(tmp_path, EXAMPLE, Scripted(lambda query, criterion: None))
    figures = [getattr(card, name) for name in ("macro_f1", "kappa", "people", "order_accuracy", "absolute_error")]
    assert [one.value for one in figures] == [None] * 5
    assert all(one.reason for one in figures)
    assert (card.n, card.is_measured, card.not_judged) == (0, False, {"deadline": 10})


def test_what_the_judge_cannot_tell_counts_as_not_met_of_what_is_asked_for_and_nowhere_of_faults(
    tmp_path: Path,
) -> None:
    class Vague(Scripted):
        def _cell(self, query: GradeQuery, criterion: Criterion) -> Cell:
            value = None if criterion.is_negative else 0.0
            return Cell(
                criterion=criterion.id, key=criterion.key, weight=criterion.weight, status=Status.ABSTAIN, value=value
            )

    card = measured(tmp_path, EXAMPLE, Vague(told))
    assert (card.abstained, card.n, card.not_judged) == (10, 5, {"abstain": 5})
    assert card.accuracy.value == 5 / 10


def test_verdicts_that_flip_when_asked_again_are_counted(tmp_path: Path) -> None:
    first = Scripted(told)
    again = Scripted(
        lambda query, criterion: 1 - told(query, criterion) if query.answer[0] == "b" else told(query, criterion)
    )
    card = measured(tmp_path, EXAMPLE, first, again=[again, first])
    assert card.flip_rate.value == pytest.approx(4 / 20)
    assert (card.flip_rate.n, first.closed, again.closed) == (20, 1, 1)
    assert measured(tmp_path, EXAMPLE, first).flip_rate.reason == "no verdict was asked for again; see --repeats"


def test_what_is_half_met_is_not_met(tmp_path: Path) -> None:
    assert [is_met(value) for value in (0.5, 0.51, 1.0)] == [False, True, True]
    card = measured(tmp_path, [row("a c=0.5;", "c", 0), row("b c=1;", "c", 1), row("d c=1;", "c", 0.5)], Scripted(told))
    assert card.said == {"positive": (1, 2)}
    assert card.accuracy.value == pytest.approx(2 / 3)


def test_an_answer_whose_only_other_verdict_is_missing_has_no_score(tmp_path: Path) -> None:
    """Without that verdict it would be compared as if it had been labelled by the first criterion alone."""
    rows = [row("a c=0.9;", "c", 1, group="p"), row("b c=0.1; d=0.5;", "c", 0, group="p")]
    rows.append(row("b c=0.1; d=0.5;", "d", 1, group="p"))
    judge = Scripted(lambda query, criterion: None if criterion.text == "d" else told(query, criterion))
    card = measured(tmp_path, rows, judge)
    assert (card.n, card.order_accuracy.value, card.order_accuracy.n) == (2, None, 0)


def test_of_many_answers_a_sample_is_asked_about_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("citerefine.judges.calibration.observing.REPEATED", 7)
    again = Scripted(told)
    rows = [row(f"{k} c=0.9;", "c", k % 2, question=f"Q{k}") for k in range(50)]
    card = measured(tmp_path, rows, Scripted(told), again=[again])
    assert (len(again.asked), card.flip_rate.n) == (7, 7)
    assert [query.answer[:2] for query in again.asked] != [f"{k} "[:2] for k in range(7)]


def test_probabilities_that_say_too_much_are_mended_by_the_other_half(tmp_path: Path) -> None:
    """Half of what is called 95 % met is met, and half of what is called 5 %."""
    rows = [row(f"{k} c={0.95 if k % 2 else 0.05};", "c", k // 2 % 2, group=k) for k in range(400)]
    (of_all,) = measured(tmp_path, rows, Scripted(told)).calibration
    assert of_all.of == "positive"
    assert of_all.ece.value == pytest.approx(0.45)
    assert (of_all.isotonic_ece.value or 0) < 0.1
    assert (of_all.platt_ece.value or 0) < 0.1
    assert (of_all.isotonic_brier.value or 1) < (of_all.brier.value or 0)


def test_a_judge_without_probabilities_has_no_calibration(tmp_path: Path) -> None:
    class Plain(Scripted):
        def _cell(self, query: GradeQuery, criterion: Criterion) -> Cell:
            return super()._cell(query, criterion).model_copy(update={"p_met": None})

    assert measured(tmp_path, EXAMPLE, Plain(told)).calibration == ()


def test_answers_that_were_labelled_by_other_criteria_are_not_compared(tmp_path: Path) -> None:
    rows = [row("a c=0.9;", "c", 1, group="p"), row("b d=0.1;", "d", 0, group="p")]
    assert measured(tmp_path, rows, Scripted(told)).order_accuracy.value is None


def test_weights_decide_which_answer_is_better(tmp_path: Path) -> None:
    def labelled(c_weight: int) -> list[dict[str, Any]]:
        return [
            row(answer, name, label, group="p", weight=weight)
            for answer, labels in (("a c=0.9; d=0.1;", (1, 0)), ("b c=0.4; d=0.9;", (0, 1)))
            for name, label, weight in (("c", labels[0], c_weight), ("d", labels[1], 2))
        ]

    assert measured(tmp_path, labelled(1), Scripted(told)).order_accuracy.value == 1
    assert measured(tmp_path, labelled(3), Scripted(told)).order_accuracy.value == 0


def test_without_a_prompt_nothing_is_said_of_order(tmp_path: Path) -> None:
    card = measured(tmp_path, [row("a c=0.9;", "c", 1), row("b c=0.1;", "c", 0)], Scripted(told))
    assert card.order_accuracy.value is None
    assert any("nothing is known of the order" in note for note in card.notes)


def test_bad_rows_are_told_by_line_and_the_rest_is_measured(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in EXAMPLE))
    with path.open("ab") as file:
        file.write(b'\n{"answer": "x", "criterion": "c", "label": "odd"}\n\xff\n{"claim": "x", "label": 1}\n')
    refused: list[tuple[int, str]] = []
    watch = CalibrationWatch(refused=lambda line, reason: refused.append((line, reason.code)))
    card = calibrate_rubric(path, Scripted(told), watch=watch)
    assert (card.rows, card.n, card.refused) == (13, 10, {"no_label": 1, "invalid_utf8": 1, "no_answer": 1})
    assert refused == [(12, "no_label"), (13, "invalid_utf8"), (14, "no_answer")]
    assert "3 of 13 rows had no labels that can be used, and are in no figure" in card.notes
    assert card.labels_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_files_that_nothing_can_be_measured_on_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no labelled criteria \(it is empty\)"):
        measured(tmp_path, [], Scripted(told))
    with pytest.raises(InputError, match=r"holds no labelled criteria \(1 no_answer\)"):
        measured(tmp_path, [{"claim": "x", "label": 1}], Scripted(told))


def test_a_judge_that_cannot_go_on_stops_it_and_is_closed(tmp_path: Path) -> None:
    def says(query: GradeQuery, criterion: Criterion) -> float:
        raise CallError("the key is refused", "unauthorized")

    judge = Scripted(says)
    with pytest.raises(CallError, match="the key is refused"):
        measured(tmp_path, EXAMPLE, judge)
    assert judge.closed == 1


def test_a_card_survives_json_and_says_what_it_is(tmp_path: Path) -> None:
    card = measured(tmp_path, EXAMPLE, Scripted(told))
    assert RubricJudgeCard.model_validate_json(card.model_dump_json()) == card
    assert json.loads(card.model_dump_json())["kind"] == "rubric"
    assert "a1" not in card.model_dump_json()


def test_the_first_row_that_can_be_told_says_which_kind_the_file_is(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"broken\n{"note": "about"}\n{"answer": "x", "criterion": "c", "label": 1}\n')
    assert holds_criteria(path)
    path.write_text('{"claim": "x", "evidence": "y", "label": 1}\n{"answer": "x", "criterion": "c", "label": 1}\n')
    assert not holds_criteria(path)
    path.write_text("")
    assert not holds_criteria(path)

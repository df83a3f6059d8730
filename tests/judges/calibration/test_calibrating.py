"""Judges measured against labels: figures that can be worked out by hand, and none where nothing was measured."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from citerefine.judges.calibration.calibrating import calibrate
from citerefine.judges.calibration.judge_card import JudgeCard
from citerefine.judges.calibration.labelled_file import CalibrationWatch
from citerefine.judges.judge import SupportJudge
from citerefine.judges.verdict import Label, SupportQuery, Verdict, not_judged
from citerefine.refiner.errors import CallError, InputError


class Scripted:
    """Says of each claim what a function of its number says."""

    name = "scripted"
    asks_at_once = False

    def __init__(self, says: Callable[[int], Verdict]) -> None:
        self._says = says
        self.closed = False

    async def judge(self, queries: Sequence[SupportQuery]) -> list[Verdict]:
        return [self._says(int(query.claim.split()[-1])) for query in queries]

    async def aclose(self) -> None:
        self.closed = True


def verdict(label: Label, score: float | None = None) -> Verdict:
    return Verdict(label=label, p_supported=score, judge="scripted")


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def claims(n: int, label: Callable[[int], object], **values: Any) -> list[dict[str, Any]]:
    return [{"claim": f"Claim {k}", "evidence": f"Evidence {k}.", "label": label(k), **values} for k in range(n)]


def measured(folder: Path, rows: list[dict[str, Any]], judge: SupportJudge, **how: Any) -> JudgeCard:
    return calibrate(write(folder / "labels.jsonl", rows), judge, **how)


def test_a_judge_that_is_always_right_agrees_fully(tmp_path: Path) -> None:
    judge = Scripted(lambda k: verdict(Label.FULL if k % 2 else Label.NONE, 0.9 if k % 2 else 0.1))
    card = measured(tmp_path, claims(40, lambda k: k % 2), judge)
    assert (card.auc, card.balanced_accuracy, card.accuracy, card.kappa, card.mcc) == (1, 1, 1, 1, 1)
    assert (card.false_positive_rate, card.false_negative_rate, card.macro_f1) == (0, 0, 1)
    assert [card.auc_ci95, card.balanced_accuracy_ci95] == [(1, 1), (1, 1)]
    assert (card.n, card.clusters, card.score, card.judge, card.labels) == (40, 40, "p_supported", "scripted", "labels")
    assert card.thresholds == (0.5, 0.5)
    assert judge.closed


def test_figures_of_labels_take_full_against_the_rest(tmp_path: Path) -> None:
    people = ["full"] * 4 + ["partial"] * 2 + ["none"] * 3 + ["contradicts"]
    says = [Label.FULL] * 3 + [Label.PARTIAL] + [Label.FULL, Label.PARTIAL] + [Label.NONE] * 3 + [Label.FULL]
    card = measured(tmp_path, claims(10, people.__getitem__), Scripted(lambda k: verdict(says[k])))
    assert card.classes == {Label.FULL: 4, Label.PARTIAL: 2, Label.NONE: 3, Label.CONTRADICTS: 1}
    assert (card.accuracy, card.false_negative_rate) == (0.7, 1 / 4)
    assert card.false_positive_rate == pytest.approx(2 / 6)
    assert card.macro_f1 == pytest.approx((6 / 9 + 8 / 11) / 2)
    assert card.kappa == pytest.approx((0.7 - 0.5) / 0.5)
    assert card.confusion[Label.PARTIAL] == {
        Label.FULL: 1, Label.PARTIAL: 1, Label.NONE: 0, Label.CONTRADICTS: 0
    }  # fmt: skip
    assert card.score == "label"
    agreement = card.agreement
    assert (agreement.kappa, agreement.missed) == (card.kappa, 1 / 4)
    assert agreement.wrongly_full == pytest.approx(2 / 6)
    assert card.auc == pytest.approx((3 * 4 + 1 * 3.5 + 3 * 0.5 * 2) / 24)


def test_claims_that_are_not_judged_are_counted_and_in_no_figure(tmp_path: Path) -> None:
    def says(k: int) -> Verdict:
        return (
            not_judged("scripted", "deadline", "too slow") if k < 10 else verdict(Label.FULL if k % 2 else Label.NONE)
        )

    card = measured(tmp_path, claims(50, lambda k: k % 2), Scripted(says))
    assert (card.n, card.rows, card.not_judged, card.accuracy) == (40, 50, {"deadline": 10}, 1)
    assert sum(card.classes.values()) == sum(sum(row.values()) for row in card.confusion.values()) == 40
    assert "10 claims were not judged, and are in no figure" in card.notes


def test_a_judge_that_never_answers_has_no_figures(tmp_path: Path) -> None:
    judge = Scripted(lambda k: not_judged("scripted", "unreachable", "no server"))
    card = measured(tmp_path, claims(5, lambda k: k % 2), judge)
    assert (card.n, card.auc, card.balanced_accuracy, card.accuracy, card.macro_f1, card.kappa) == (0, *[None] * 5)
    assert (card.false_positive_rate, card.false_negative_rate, card.not_judged) == (None, None, {"unreachable": 5})


def test_with_one_class_only_what_is_defined_is_given(tmp_path: Path) -> None:
    card = measured(tmp_path, claims(10, lambda k: "supported"), Scripted(lambda k: verdict(Label.FULL, 0.5)))
    assert (card.auc, card.balanced_accuracy, card.macro_f1, card.kappa, card.false_positive_rate) == (None,) * 5
    assert (card.accuracy, card.false_negative_rate) == (1, 0)
    assert any("needs supported and other claims" in note for note in card.notes)


def test_where_one_claim_has_no_score_labels_rank_all(tmp_path: Path) -> None:
    judge = Scripted(lambda k: verdict(Label.FULL if k % 2 else Label.NONE, None if k == 0 else 0.5))
    assert measured(tmp_path, claims(20, lambda k: k % 2), judge).score == "label"


def test_intervals_are_over_clusters(tmp_path: Path) -> None:
    judge = Scripted(lambda k: verdict(Label.FULL, (k * 7919 % 100) / 100))
    rows = claims(200, lambda k: (k * 7919 % 100 + k * 104729 % 100) > 99)
    apart = measured(tmp_path, rows, judge)
    together = measured(tmp_path, [{**row, "cluster": n % 20} for n, row in enumerate(rows)], judge)
    assert (apart.clusters, together.clusters) == (200, 20)
    assert apart.auc == together.auc
    assert apart.auc_ci95 != together.auc_ci95
    assert "over 20 clusters" in together.interval


def test_bad_rows_are_told_by_line_and_the_rest_is_measured(tmp_path: Path) -> None:
    path = write(tmp_path / "labels.jsonl", claims(4, lambda k: k % 2))
    with path.open("ab") as file:
        file.write(b'\n{"claim": "x", "evidence": "y"}\n\xff\n{"claim": "x", "label": 1}\n')
    told: list[tuple[int, str]] = []
    seen: list[tuple[int, int, int]] = []
    watch = CalibrationWatch(lambda *so_far: seen.append(so_far), lambda line, reason: told.append((line, reason.code)))
    card = calibrate(path, Scripted(lambda k: verdict(Label.FULL)), watch=watch)
    assert (card.rows, card.n, card.refused) == (7, 4, {"no_label": 1, "invalid_utf8": 1, "bad_evidence": 1})
    assert told == [(6, "no_label"), (7, "invalid_utf8"), (8, "bad_evidence")]
    assert "3 of 7 rows were no labelled claims, and are in no figure" in card.notes
    assert (card.agreement.refused, card.agreement.rows) == (3, 7)
    size = path.stat().st_size
    assert seen[-1] == (7, size, size)


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    import hashlib

    rows = claims(4, lambda k: k % 2)
    judge = Scripted(lambda k: verdict(Label.FULL))
    card = measured(tmp_path, rows, judge)
    assert card.labels_sha256 == hashlib.sha256((tmp_path / "labels.jsonl").read_bytes()).hexdigest()
    assert measured(tmp_path, rows[:3], judge).key != card.key
    assert measured(tmp_path, rows, judge, positive="0").key != card.key
    assert measured(tmp_path, rows, judge, name="other").key == card.key


def test_files_that_nothing_can_be_measured_on_are_errors(tmp_path: Path) -> None:
    judge = Scripted(lambda k: verdict(Label.FULL))
    with pytest.raises(InputError, match=r"holds no labelled claims \(it is empty\)"):
        measured(tmp_path, [], judge)
    with pytest.raises(InputError, match=r"holds no labelled claims \(2 no_label\)"):
        measured(tmp_path, claims(2, lambda k: "odd"), judge)
    with pytest.raises(InputError, match=r"no row of .* has the label 'yes', which was to mean supported"):
        measured(tmp_path, claims(2, lambda k: k), judge, positive="yes")
    with pytest.raises(InputError, match="name one that the file has"):
        measured(tmp_path, claims(2, lambda k: k), judge, positive=" ")
    with pytest.raises(InputError, match="cannot be read"):
        calibrate(tmp_path / "missing.jsonl", judge)


def test_a_judge_that_cannot_go_on_stops_it_and_is_closed(tmp_path: Path) -> None:
    def says(k: int) -> Verdict:
        raise CallError("the key is refused", "unauthorized")

    judge = Scripted(says)
    with pytest.raises(CallError, match="the key is refused"):
        measured(tmp_path, claims(100, lambda k: k % 2), judge)
    assert judge.closed


def test_so_many_claims_are_asked_at_once_and_no_more(tmp_path: Path) -> None:
    import asyncio

    class Slow(Scripted):
        now = most = 0

        async def judge(self, queries: Sequence[SupportQuery]) -> list[Verdict]:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0.002)
            self.now -= 1
            return await super().judge(queries)

    slow = Slow(lambda k: verdict(Label.FULL if k % 2 else Label.NONE))
    card = measured(tmp_path, claims(60, lambda k: k % 2), slow, concurrency=5)
    assert (slow.most, card.accuracy) == (5, 1)


def test_a_card_survives_json(tmp_path: Path) -> None:
    card = measured(tmp_path, claims(20, lambda k: k % 2), Scripted(lambda k: verdict(Label.FULL, k / 20)))
    assert JudgeCard.model_validate_json(card.model_dump_json()) == card

"""Two files of score rows, paired: every row is somewhere, and nothing is compared that should not be."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from citerefine.judges.runs.comparing import change_at, changed, compare_scored, pair_rows
from citerefine.judges.runs.comparison import MOST_LISTED, Comparison
from citerefine.judges.runs.score_row import ScoreRow
from citerefine.judges.runs.scored_file import ScoredFile, opened_scores
from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.errors import InputError


def row(id: object, f1: float | None = 0.5, **values: Any) -> dict[str, Any]:
    """A score row; its three figures are the same."""
    figures = {"precision": f1, "recall": f1, "f1": f1}
    reason = "" if f1 is not None else "abstained: it does not tell"
    return {"id": id, "question": f"Question of {id}?", "judge": "oracle", **figures, "reason": reason, **values}


class Told(list[str]):
    """Keeps what is told of rows that cannot be used."""

    def __call__(self, name: str, line: int, reason: BadRow) -> None:
        self.append(f"{Path(name).name} {line}: {reason}")


@contextmanager
def files(
    folder: Path, a: list[Any], b: list[Any], told: Told | None = None, formula: str | None = None
) -> Iterator[tuple[ScoredFile, ScoredFile]]:
    """Both files, written and opened."""
    for name, rows in (("a.jsonl", a), ("b.jsonl", b)):
        lines = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in rows]
        (folder / name).write_bytes(b"".join(line + b"\n" for line in lines))
    told = Told() if told is None else told
    with (
        opened_scores(folder / "a.jsonl", told, formula) as first,
        opened_scores(folder / "b.jsonl", told, formula) as second,
    ):
        yield first, second


def compare(folder: Path, a: list[Any], b: list[Any], **how: Any) -> Comparison:
    with files(folder, a, b) as (first, second):
        return compare_scored(first, second, **{"draws": 200, **how})


def test_rows_of_one_id_are_compared_wherever_they_stand(tmp_path: Path) -> None:
    a = [row(n, n / 20) for n in range(10)]
    b = [row(n, n / 20 + 0.1) for n in reversed(range(10))]
    found = compare(tmp_path, a, b)
    f1 = {one.metric: one for one in found.metrics}["f1"]
    assert (found.pairs, found.questions, found.better, found.worse, found.same) == (10, 10, 10, 0, 0)
    assert f1.difference == pytest.approx(0.1)
    assert f1.ci95 == pytest.approx((0.1, 0.1))
    assert f1.p == 2 / 2**10
    assert f1.p_holm == pytest.approx(3 * 2 / 2**10)
    assert found.in_words[0].startswith("B is better by 0.100 in F1")


def test_pairs_come_in_the_order_of_a(tmp_path: Path) -> None:
    ids = ["z", "b", "q", "a", "m"]
    with files(tmp_path, [row(id) for id in ids], [row(id) for id in sorted(ids)]) as (first, second):
        pairs = pair_rows(first, second)
        assert [change_at(first, second, pairs, n).id for n in range(5)] == ids
        assert [first.row(int(n)).id for n in pairs.a] == [second.row(int(n)).id for n in pairs.b]


def test_text_and_number_are_two_ids(tmp_path: Path) -> None:
    found = compare(tmp_path, [row(1), row("x")], [row("1"), row("x")])
    assert (found.pairs, found.only_a_ids, found.only_b_ids) == (1, (1,), ("1",))


def test_every_row_is_counted_once(tmp_path: Path) -> None:
    a = [row("both"), row("a only"), row("none a", None), row("none b"), row("neither", None), row("other"), b"{"]
    b = [row("both"), row("b only"), row("none a"), row("none b", None), row("neither", None)]
    b += [row("other", question="Something else?"), row("both"), row(None), {"id": "raw", "answer": "x"}]
    told = Told()
    with files(tmp_path, a, b, told) as (first, second):
        found = compare_scored(first, second)
    assert (found.pairs, found.none_a, found.none_b, found.none_both) == (4, 1, 1, 1)
    assert (found.only_a, found.only_a_ids, found.only_b, found.only_b_ids) == (1, ("a only",), 1, ("b only",))
    assert (found.other_question, found.other_question_ids) == (1, ("other",))
    assert set(found.none_ids) == {"none a", "none b", "neither"}
    for side, only in ((found.a, found.only_a), (found.b, found.only_b)):
        assert side.rows == found.pairs + found.other_question + only + sum(side.refused.values())
    assert found.a.refused == {"invalid_json": 1}
    assert found.b.refused == {"duplicate_id": 1, "no_id": 1, "no_score_row": 1}
    assert found.a.no_figures == {"abstained": 2}
    assert any(one.startswith("a.jsonl 7: not JSON: Expecting property name") for one in told)
    assert "b.jsonl 7: an earlier row has the id 'both'; give each row its own" in told
    assert any(one.startswith("b.jsonl 9: it has no field f1") for one in told)
    assert any("3 of 4 pairs have no F1" in note for note in found.notes)


def test_a_row_that_could_not_be_scored_keeps_its_reason(tmp_path: Path) -> None:
    failed = row("x", None, error={"code": "unanswered", "message": "no answer"})
    repeated = row("y", None, error={"code": "duplicate_id", "message": "an earlier row has the id 'y'"})
    unread = row(None, None, error={"code": "invalid_json", "message": "not JSON"})
    found = compare(tmp_path, [row("x"), row("y")], [failed, row("y"), repeated, unread])
    assert (found.none_b, found.b.no_figures) == (1, {"unanswered": 1})
    assert found.b.refused == {"duplicate_id": 1, "invalid_json": 1}


def test_a_value_that_is_no_figure_is_refused(tmp_path: Path) -> None:
    bad = [row("x", f1) for f1 in (1.5, -0.1)] + [row("x", 0.5, units="none")]
    told = Told()
    with files(tmp_path, bad, [row("x")], told) as (first, _):
        assert len(first) == 0
        assert first.refused == {"no_score_row": 3}
    assert told[0].startswith("a.jsonl 1: precision: Input should be less than or equal to 1")


def test_rows_of_one_question_are_resampled_together(tmp_path: Path) -> None:
    a = [row(n, 0.5, question="One?" if n < 5 else "  Two? ") for n in range(10)]
    b = [row(n, 0.5 + n / 100, question="One?" if n < 5 else "Two?") for n in range(10)]
    found = compare(tmp_path, a, b)
    assert (found.pairs, found.questions, found.metrics[0].questions) == (10, 2, 2)
    assert any("resampled by question" in note for note in found.notes)


def test_rows_without_a_question_stand_for_themselves(tmp_path: Path) -> None:
    found = compare(tmp_path, [row(n, question="") for n in range(5)], [row(n, question=" ") for n in range(5)])
    assert (found.pairs, found.questions) == (5, 5)


def test_other_judges_are_not_compared_unless_one_insists(tmp_path: Path) -> None:
    a, b = [row("x"), row("y")], [row("x", judge="lexical"), row("y", judge="lexical")]
    with pytest.raises(InputError, match=r"judged by 'oracle', .* by 'lexical'.*score both with one.*--any-judge"):
        compare(tmp_path, a, b)
    found = compare(tmp_path, a, b, any_judge=True)
    assert "judges or formulas differ" in found.notes[0]
    with pytest.raises(InputError, match="were judged by 2 judges: 'oracle', 'lexical'"):
        compare(tmp_path, [a[0], b[1]], a)


def test_the_judge_of_rows_without_figures_does_not_matter(tmp_path: Path) -> None:
    found = compare(tmp_path, [row("x"), row("y", None, judge=None)], [row("x"), row("y")])
    assert (found.a.judge, found.none_a) == ("oracle", 1)


def test_other_judges_are_refused_also_where_one_of_them_judged_nothing(tmp_path: Path) -> None:
    failed = row("x", None, judge="model", reason="not_judged: …")
    with pytest.raises(InputError, match=r"judged by 'oracle', .* by 'model'"):
        compare(tmp_path, [row("x")], [failed])


def test_other_formulas_are_not_compared(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"of the formula citerefine, those of .* of alce"):
        compare(tmp_path, [row("x")], [row("x", formula="alce")])


def test_of_a_file_with_several_formulas_one_must_be_named(tmp_path: Path) -> None:
    both = [row("x"), row("x", 0.9, formula="alce"), row("y"), row("y", 0.9, formula="alce")]
    with pytest.raises(InputError, match=r"several formulas, citerefine and alce.*--formula"):
        compare(tmp_path, both, both)
    with files(tmp_path, both, both, formula="alce") as (first, second):
        found = compare_scored(first, second)
    assert (found.a.rows, found.a.formula, found.metrics[2].mean_a) == (2, "alce", 0.9)


def test_files_without_a_common_id_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no id with the same question is in both"):
        compare(tmp_path, [row("x")], [row("y")])


def test_the_training_score_is_compared_where_both_have_it(tmp_path: Path) -> None:
    def metrics(a: float | None, b: float | None) -> list[str]:
        return [one.metric for one in compare(tmp_path, [row("x", score=a)], [row("x", score=b)]).metrics]

    assert metrics(0.1, 0.2) == ["precision", "recall", "f1", "score"]
    assert metrics(0.1, None) == ["precision", "recall", "f1"]


def test_one_question_tells_nothing_of_others(tmp_path: Path) -> None:
    found = compare(tmp_path, [row("x", 0.2)], [row("x", 0.9)])
    assert (found.metrics[2].ci95, found.metrics[2].p) == (None, None)
    assert "on one question" in found.in_words[0]
    assert "none: an interval needs at least two questions" in found.metrics[2].interval


def test_no_difference_is_said_with_what_could_have_been_told(tmp_path: Path) -> None:
    a = [row(n, 0.5) for n in range(40)]
    b = [row(n, 0.5 + (0.2 if n % 2 else -0.19)) for n in range(40)]
    found = compare(tmp_path, a, b)
    f1 = found.metrics[2]
    assert found.in_words[0].startswith("No difference in F1 can be told: B minus A is +0.005")
    assert f1.detectable is not None
    assert f1.questions_needed is not None
    assert f1.questions_needed > 40
    assert f"With 40 questions only differences of {f1.detectable:.3f} and more" in found.in_words[1]
    assert "needs about" in found.in_words[1]


def test_figures_that_nobody_has_are_said_so(tmp_path: Path) -> None:
    found = compare(tmp_path, [row("x", None, recall=0.5)], [row("x")])
    assert (found.metrics[2].mean_a, found.metrics[2].difference, found.metrics[2].n) == (None, None, 0)
    assert found.metrics[1].difference == 0
    assert found.in_words[0] == "F1 cannot be compared: no pair has it on both sides."


def test_where_no_pair_has_figures_on_both_sides_nothing_is_compared(tmp_path: Path) -> None:
    a = [row("x", None), row("y", None, reason="not_judged: …"), row("z")]
    with pytest.raises(InputError, match=r"none of 3 pairs has .*none in 2 of 3 rows \(1 abstained, 1 not_judged\)"):
        compare(tmp_path, a, [row("x"), row("y"), row("z", None)], any_judge=True)


def test_the_largest_changes_come_first_with_both_rows(tmp_path: Path) -> None:
    a = [row(n, 0.5) for n in range(6)]
    b = [row(n, f1) for n, f1 in enumerate((0.6, 0.1, 0.5, None, 1.0, 0.45))]
    found = compare(tmp_path, a, b, most_changes=5)
    assert [change.id for change in found.changes] == [4, 1, 0, 5, 3]
    assert [change.difference for change in found.changes] == [pytest.approx(d) for d in (0.5, -0.4, 0.1, -0.05)] + [
        None
    ]
    assert found.changes[0].a.f1 == 0.5
    assert found.changes[0].b.f1 == 1.0
    assert compare(tmp_path, a, b).changes == ()


def test_what_changed_is_said_in_counts() -> None:
    unit = {"text": "x", "start": 0, "end": 1, "ids": ["s"], "need": True}
    a = ScoreRow.model_validate(
        row("x", n_claims=2, n_invalid=2, n_uncited=1, units=[{**unit, "support": 0}, {**unit, "support": 1}])
    )
    b = ScoreRow.model_validate(row("x", n_claims=1, n_invalid=None, n_uncited=1, units=[{**unit, "support": 1}]))
    assert changed(a, b) == ("cited claims 2 → 1", "not supported 1 → 0", "unknown ids 2 → not known")
    assert changed(a, a) == ()
    assert changed(a, a.model_copy(update={"text": "other"})) == ("other words",)


def test_a_file_that_changes_meanwhile_is_noticed(tmp_path: Path) -> None:
    with files(tmp_path, [row("x"), row("y")], [row("x"), row("y")]) as (first, second):
        pairs = pair_rows(first, second)
        (tmp_path / "a.jsonl").write_bytes(b"")
        with pytest.raises(InputError, match="changed while it was read"):
            change_at(first, second, pairs, 1)


def test_long_lists_of_ids_are_cut_and_counts_are_whole(tmp_path: Path) -> None:
    found = compare(tmp_path, [row(n) for n in range(MOST_LISTED + 51)], [row(0)])
    assert (found.only_a, len(found.only_a_ids)) == (MOST_LISTED + 50, MOST_LISTED)


def test_a_comparison_survives_json(tmp_path: Path) -> None:
    found = compare(tmp_path, [row("x"), row("y", 0.1)], [row("x", 0.7), row("y")], most_changes=5)
    assert Comparison.model_validate_json(found.model_dump_json()) == found


def test_memory_does_not_grow_with_what_rows_say(tmp_path: Path) -> None:
    import tracemalloc

    rows = [row(n, 0.5, text="x" * 100_000) for n in range(200)]
    with files(tmp_path, rows, rows[:1]):
        tracemalloc.start()
        with opened_scores(tmp_path / "a.jsonl", Told()) as scored:
            assert len(scored) == 200
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 3_000_000

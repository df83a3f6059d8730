"""What the trainer is told to sample, what waits between phases, and what is told of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.training.phases.drafts import draft

from citerefine.training.grpo.phases import Row, Scored
from citerefine.training.phases.draft import Draft
from citerefine.training.phases.phase import improving, solving
from citerefine.training.phases.rollouts import DRAFT, GROUP, PHASE, PhasedRollouts
from citerefine.training.phases.settings import Selection

G = 2


def row(id: str) -> Row:
    return {"id": id, "prompt": f"ask {id}", "row": "{}", "n_prompt_tokens": 2}


ROWS = [row(id) for id in "aabb"]


def show(row: Row, draft: Draft) -> Row | None:
    """A prompt with the draft; none for drafts that are called long."""
    return None if draft.text == "long" else {**row, "prompt": f"{row['prompt']}: {draft.text}"}


def phases(select: Selection = "below_median", seed: int = 1) -> PhasedRollouts:
    return PhasedRollouts((solving(select), improving(show)), G, seed)


def scored(rows: Sequence[Row], texts: str, rewards: Sequence[float | None]) -> list[Scored]:
    drafts = [draft(text, reward, right=reward) for text, reward in zip(texts.split(), rewards, strict=True)]
    return [Scored(row, one.text, one.reward, one.cut, one.breakdown) for row, one in zip(rows, drafts, strict=True)]


def test_a_batch_goes_through_both_phases_in_groups_of_one_prompt() -> None:
    made = phases()
    first = made.rows(0, ROWS)
    assert [(one["prompt"], one[GROUP]) for one in first] == [("ask a", "a"), ("ask a", "a"), *[("ask b", "b")] * 2]
    assert [(one[PHASE], one[DRAFT]) for one in first] == [("draft", None)] * 4
    made.scored(0, scored(first, "w r r w", [0.0, 1.0, 1.0, 0.0]))
    second = made.rows(1, ROWS)
    assert [one["prompt"] for one in second] == ["ask a: w", "ask a: w", "ask b: w", "ask b: w"]
    keys = [one[GROUP] for one in second]
    assert keys[0] == keys[1] == draft("w", id="a").key
    assert keys[2] == keys[3] == draft("w", id="b").key != keys[0]
    made.scored(1, scored(second, "r r w r", [1.0, 1.0, 0.0, 1.0]))
    assert [one["prompt"] for one in made.rows(2, ROWS)] == ["ask a", "ask a", "ask b", "ask b"]


def test_figures_are_of_the_phase_and_of_what_changed_in_it() -> None:
    made = phases()
    assert made.scored(0, scored(made.rows(0, ROWS), "w r r r", [0.0, 1.0, 1.0, 1.0])) == {"reward/draft": 0.75}
    found = made.scored(1, scored(made.rows(1, ROWS), "r w r w", [1.0, 0.0, 1.0, None]))
    assert found == {
        "reward/improved": pytest.approx(2 / 3),
        "transitions/right_right": pytest.approx(1 / 3),
        "transitions/wrong_right": pytest.approx(1 / 3),
        "transitions/right_wrong": 0.0,
        "transitions/wrong_wrong": pytest.approx(1 / 3),
        "transitions/unknown_share": 0.25,
        "transitions/asked_anew": 0.0,
    }


def test_a_question_whose_draft_cannot_be_shown_is_asked_anew_and_counted() -> None:
    made = phases()
    made.scored(0, scored(made.rows(0, ROWS), "long r w r", [0.0, 1.0, 0.0, 1.0]))
    second = made.rows(1, ROWS)
    assert [(one["prompt"], one[GROUP]) for one in second[:2]] == [("ask a", "a")] * 2
    assert second[2]["prompt"] == "ask b: w"
    assert [(one[PHASE], one[DRAFT]) for one in second] == [("draft", None)] * 2 + [("improved", "w")] * 2
    found = made.scored(1, scored(second, "w w r r", [0.0, 0.0, 1.0, 1.0]))
    assert found["transitions/asked_anew"] == 0.5
    assert found["reward/improved"] == 1.0  # of the others
    assert found["transitions/wrong_right"] == 1.0  # of the others


def test_drafts_that_wait_come_back_as_they_were(tmp_path: Path) -> None:
    one, other = phases(), phases()
    one.scored(0, scored(one.rows(0, ROWS), "w r w r", [0.0, 1.0, 0.0, 1.0]))
    one.save(tmp_path)
    other.load(tmp_path)
    second = one.rows(1, ROWS)
    assert other.rows(1, ROWS) == second
    answers = scored(second, "r r w r", [1.0, 1.0, 0.0, 1.0])
    assert other.scored(1, answers) == one.scored(1, answers)


def test_processes_choose_as_one_does_and_each_knows_all_drafts(tmp_path: Path) -> None:
    """Two processes that have a group each; the first one saves."""
    texts, rewards = "A B C D", [0.0, 0.0, 0.0, 0.0]
    whole = phases("uniform")
    answers = scored(whole.rows(0, ROWS), texts, rewards)
    whole.scored(0, answers)
    chosen = [*whole._waiting.drafts]
    for rank, share in enumerate((answers[:G], answers[G:])):
        own = list[list[Any]]()

        def gather(values: list[Any], own: list[list[Any]] = own) -> list[Any]:
            """What both have: rewards first, then drafts."""
            own.append(values)
            return [one.reward for one in answers] if len(own) == 1 else chosen

        mine = PhasedRollouts((solving("uniform"), improving(show)), G, 1, gather)
        mine.scored(0, share)
        assert own[1] == [chosen[rank]]
        assert mine.rows(1, ROWS[:G]) == whole.rows(1, ROWS)[:G]
        mine.save(tmp_path)
        assert (tmp_path / "drafts.json").read_text() == whole._waiting.model_dump_json()


def test_another_seed_or_rollout_draws_other_drafts() -> None:
    def chosen(seed: int, rollout: int) -> str:
        made = PhasedRollouts((solving("uniform"), improving(show)), 8, seed)
        rows = [row("a")] * 8
        made.scored(rollout, scored(made.rows(rollout, rows), "A B C D E F G H", [0.0] * 8))
        return made._waiting.drafts[0].text

    assert chosen(1, 0) == chosen(1, 0)
    assert len({chosen(seed, rollout) for seed in (1, 2) for rollout in (0, 2, 4)}) > 2


def test_one_phase_alone_is_training_as_it_is_without_any() -> None:
    made = PhasedRollouts((solving(),), G, 1)
    rows = made.rows(0, ROWS)
    assert [{name: one[name] for name in ROWS[0]} for one in rows] == ROWS
    assert made.scored(0, scored(rows, "A B C D", [0.0, 1.0, None, 1.0])) == {"reward/draft": pytest.approx(2 / 3)}
    assert made.rows(1, ROWS) == rows

"""A buffer takes criteria by rules, gives them up for reasons, and goes back only where it is told to."""

from pathlib import Path
from time import process_time

import pytest
from tests.rubrics.buffer.rollouts import BASE, FIXED, FLAT, OTHER, PROOF, SETTINGS, SPLIT, TOPICS, WRITER, adaptive

from citerefine.rubrics.buffer.events import Add, Begin, Evidence
from citerefine.rubrics.buffer.logs import MemoryLog
from citerefine.rubrics.buffer.rubric_buffer import RubricBuffer
from citerefine.rubrics.buffer.state import Standing
from citerefine.rubrics.criterion import Criterion, Polarity
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.rubric import Rubric

ALL_REWARDED = SETTINGS.model_copy(update={"held_out": 0.0})
JUDGE = SETTINGS.reward_judges[0]


def begun(settings=ALL_REWARDED) -> RubricBuffer:  # type: ignore[no-untyped-def]
    buffer = RubricBuffer(settings)
    assert buffer.begin("q", BASE, step=0, time=0.0) == ()
    return buffer


def add(
    buffer: RubricBuffer, criterion: Criterion, evidence: Evidence = PROOF, step: int = 1, writer: str = WRITER
) -> str:
    """The code of the refusal; empty if it was taken."""
    refusal = buffer.add("q", criterion, writer=writer, evidence=evidence, step=step, time=0.0)
    return refusal.code if refusal else ""


def test_a_criterion_that_separates_rollouts_is_taken_and_rewarded() -> None:
    buffer = begun()
    assert add(buffer, adaptive("dams")) == ""
    assert [c.text for c in buffer.judge_view("q").rewarded.criteria][-1] == adaptive("dams").text
    assert buffer.judge_view("q").rewarded.criteria[-1].origin == "adaptive"


@pytest.mark.parametrize(
    ("judge", "why"),
    [
        (JUDGE, "rewards as"),
        ("vllm:/models/Qwen3.5-35B-A3B (seed 7)", "rewards as"),
        ("openai:Writer-400B@http://elsewhere/v1", "what it wrote"),
    ],
)
def test_the_model_that_rewards_or_writes_never_admits(judge: str, why: str) -> None:
    evidence = Evidence(judge=judge, values=SPLIT)
    refusal = begun().add("q", adaptive("dams"), writer=WRITER, evidence=evidence, step=1, time=0.0)
    assert refusal is not None
    assert refusal.code == "not_independent"
    assert why in refusal.message


def test_evidence_that_does_not_separate_or_knows_too_little_admits_nothing() -> None:
    assert add(begun(), adaptive("dams"), Evidence(judge=OTHER, values=FLAT)) == "no_contrast"
    assert add(begun(), adaptive("dams"), Evidence(judge=OTHER, values=(1.0, 0.0, None, None))) == "too_few"


def test_what_is_there_in_the_same_or_other_words_or_as_its_opposite_is_not_taken_again() -> None:
    buffer = begun()
    add(buffer, adaptive("dams"))
    assert add(buffer, adaptive("dams")) == "duplicate"
    assert add(buffer, Criterion(id="y", text="The answer explains what dams have to do with it")) == "near_duplicate"
    opposite = Criterion(id="y", text="Does not name the river that floods.", weight=-1, polarity=Polarity.NEGATIVE)
    assert add(buffer, opposite) == "mirrored"


def test_what_waits_is_not_there_in_other_words_or_as_its_opposite_either() -> None:
    river, waiting = FIXED[2], {"origin": "adaptive", "state": "inactive"}
    again = Criterion.model_validate({"id": "a", "text": "The answer names the river that floods", **waiting})
    opposite = {"id": "b", "text": "Does not name the river that floods.", "weight": -1, "polarity": "negative"}
    criteria = (again, river, Criterion.model_validate({**opposite, **waiting}))
    buffer = RubricBuffer(ALL_REWARDED)
    refused = buffer.begin("q", Rubric(criteria=criteria), step=0, time=0.0)
    assert [refusal.code for refusal in refused] == ["near_duplicate", "mirrored"]
    assert [entry.criterion.id for entry in buffer.query("q").entries] == ["river"]


def test_a_retired_criterion_does_not_come_back_beside_one_that_asks_the_same_or_the_opposite() -> None:
    dams = adaptive("dams")
    texts = {
        "d": "The answer explains what dams have to do with it",
        "m": "Does not explain what dams has to do with it.",
    }
    others = [
        Criterion(id="d", text=texts["d"], origin="adaptive"),
        Criterion(id="m", text=texts["m"], origin="adaptive", weight=-1, polarity=Polarity.NEGATIVE),
    ]
    first = dams.model_copy(update={"origin": "adaptive"})
    log = MemoryLog()  # as another program may have written it
    begin = Begin(query="q", key=BASE.key, rubric=BASE, step=0, time=0.0, reason="so")
    log.append(
        [begin, *(Add(query="q", key=c.key, criterion=c, step=0, time=0.0, reason="so") for c in [first, *others])]
    )
    buffer = RubricBuffer(ALL_REWARDED, log)
    assert buffer.revive("q", others[0].key, evidence=PROOF, step=1, time=0.0) is None
    refused = [buffer.revive("q", c.key, evidence=PROOF, step=1, time=0.0) for c in (first, others[1])]
    assert [refusal and refusal.code for refusal in refused] == ["near_duplicate", "mirrored"]


def test_adaptive_criteria_never_hold_more_of_the_weight_than_their_share() -> None:
    buffer = begun()  # fixed weight 5, so that 40 % leave room for 3
    assert [add(buffer, adaptive(topic)) for topic in TOPICS[:4]] == ["", "", "", "share"]
    assert buffer.query("q").adaptive_share <= ALL_REWARDED.most_share
    buffer.retire("q", adaptive("dams").key, step=2, time=0.0, reason="to make room")
    assert add(buffer, adaptive(TOPICS[3]), step=2) == ""
    refusal = buffer.revive("q", adaptive("dams").key, evidence=PROOF, step=3, time=0.0)
    assert refusal is not None
    assert refusal.code == "share"


def test_fixed_criteria_never_change_and_none_comes_late() -> None:
    buffer = begun()
    refusal = buffer.retire("q", FIXED[0].key, step=1, time=0.0, reason="because")
    assert refusal is not None
    assert refusal.code == "fixed"
    add(buffer, adaptive("dams"))
    late = Rubric(criteria=(Criterion(id="late", text="Names a year."),))
    assert [refusal.code for refusal in buffer.begin("q", late, step=2, time=0.0)] == ["late"]


def test_what_a_caller_does_to_a_criterion_afterwards_does_not_reach_the_buffer() -> None:
    criterion = Criterion(id="river", text="Names the river.", extra={"native": {"description": "Names the river."}})
    buffer = RubricBuffer(ALL_REWARDED)
    buffer.begin("q", Rubric(criteria=(criterion,)), step=0, time=0.0)
    criterion.extra["native"]["description"] = "overwritten"  # type: ignore[index,call-overload]
    buffer.judge_view("q").rewarded.criteria[0].extra.clear()
    assert buffer.judge_view("q").rewarded.criteria[0].extra == {"native": {"description": "Names the river."}}


def test_a_criterion_that_stops_separating_is_retired_once_that_is_sure_and_can_come_back() -> None:
    buffer = begun()
    key = adaptive("dams").key
    add(buffer, adaptive("dams"))
    pruned_after = 0
    while buffer.query("q").by_key[key].standing is Standing.ACTIVE:
        pruned_after += 1
        buffer.score("q", {key: FLAT}, judge=JUDGE, step=1 + pruned_after, time=0.0)
        retired = buffer.prune("q", step=1 + pruned_after, time=0.0)
    assert pruned_after > ALL_REWARDED.min_exposures
    assert retired[0].reason.startswith("no contrast: in ")
    assert key not in buffer.judge_view("q").keys.values()
    assert buffer.revive("q", key, evidence=Evidence(judge=OTHER, values=FLAT), step=99, time=0.0) is not None
    assert buffer.revive("q", key, evidence=PROOF, step=99, time=0.0) is None
    assert buffer.query("q").by_key[key].exposures == 0
    assert key in buffer.judge_view("q").keys.values()


def test_a_criterion_that_separates_now_and_then_stays_until_its_time_is_over() -> None:
    buffer = begun()
    add(buffer, adaptive("dams"))
    for step in range(2, 60):
        values = SPLIT if step % 2 else FLAT
        buffer.score("q", {adaptive("dams").key: values}, judge=JUDGE, step=step, time=0.0)
        assert buffer.prune("q", step=step, time=0.0) == ()
    (expired,) = buffer.prune("q", step=1 + ALL_REWARDED.life_steps, time=0.0)
    assert expired.reason.startswith("expired: it was admitted 500 steps ago")


def test_of_too_many_criteria_those_with_the_most_contrast_stay() -> None:
    buffer = begun(ALL_REWARDED.model_copy(update={"most_active": 1, "min_exposures": 2}))
    keys = {topic: adaptive(topic).key for topic in ("dams", "soil")}
    for topic in keys:
        add(buffer, adaptive(topic))
    for step in range(2, 5):
        buffer.score("q", {keys["dams"]: SPLIT, keys["soil"]: FLAT}, judge=JUDGE, step=step, time=0.0)
    assert [(event.key, event.reason) for event in buffer.prune("q", step=5, time=0.0)] == [
        (keys["soil"], "too many: 1 others separate more groups")
    ]


def test_a_criterion_that_is_young_stays_even_where_there_are_too_many() -> None:
    buffer = begun(ALL_REWARDED.model_copy(update={"most_active": 1, "min_exposures": 2}))
    old, young = adaptive("dams").key, adaptive("soil").key
    add(buffer, adaptive("dams"))
    for step in range(2, 5):
        buffer.score("q", {old: SPLIT}, judge=JUDGE, step=step, time=0.0)
    add(buffer, adaptive("soil"), step=5)
    buffer.score("q", {young: FLAT}, judge=JUDGE, step=6, time=0.0)
    assert buffer.prune("q", step=6, time=0.0) == ()
    buffer.score("q", {young: FLAT}, judge=JUDGE, step=7, time=0.0)
    assert [event.key for event in buffer.prune("q", step=7, time=0.0)] == [young]


def test_a_step_late_in_a_run_costs_what_an_early_one_does() -> None:
    buffer = begun()
    values = {criterion.key: SPLIT for criterion in FIXED}

    def cost(first: int) -> float:
        """Of ten steps, in seconds: the least of ten times, which no other program has part in."""
        found = list[float]()
        for start in range(first, first + 100, 10):
            started = process_time()
            for step in range(start, start + 10):
                buffer.score("q", values, judge=JUDGE, step=step, time=0.0)
            found.append(process_time() - started)
        return min(found)

    early = cost(1)
    for first in range(101, 1401, 100):
        cost(first)
    assert cost(1401) < 5 * early
    for number in range(1000):
        buffer.begin(f"q{number}", BASE, step=2000, time=0.0)
    assert cost(2001) < 5 * early  # whatever other queries there are


def test_older_groups_count_for_less() -> None:
    buffer, key = begun(), FIXED[2].key
    for step in (1, 2):
        buffer.score("q", {key: SPLIT}, judge=JUDGE, step=step, time=0.0)
    entry = buffer.query("q").by_key[key]
    assert (entry.exposures, entry.contrast) == (2, (1.95, 1.95))


def test_a_group_of_which_too_little_is_known_says_nothing_about_contrast() -> None:
    buffer = begun()
    buffer.score("q", {FIXED[2].key: (1.0, 0.0, None, None)}, judge=JUDGE, step=1, time=0.0)
    assert buffer.query("q").by_key[FIXED[2].key].exposures == 0


def test_adaptive_criteria_of_another_buffer_wait_for_evidence() -> None:
    taken_over = Rubric(criteria=(*FIXED, Criterion(id="old", text="Names a dam.", state="active")))
    buffer = RubricBuffer(ALL_REWARDED)
    assert buffer.begin("q", taken_over, step=0, time=0.0) == ()
    assert buffer.query("q").entries[-1].standing is Standing.RETIRED


def test_values_outside_their_range_and_steps_that_go_back_are_refused_and_change_nothing() -> None:
    buffer = begun()
    add(buffer, adaptive("dams"), step=5)
    before = buffer.state
    with pytest.raises(RubricError, match="less than or equal to 1"):
        buffer.score("q", {FIXED[0].key: (2.0, 0.0)}, judge=JUDGE, step=6, time=0.0)
    with pytest.raises(RubricError, match="is of step 4, and the buffer is at step 5"):
        buffer.score("q", {FIXED[0].key: SPLIT}, judge=JUDGE, step=4, time=0.0)
    with pytest.raises(RubricError, match="there is no criterion"):
        buffer.score("q", {FIXED[0].key: SPLIT, "nonsense": SPLIT}, judge=JUDGE, step=6, time=0.0)
    assert buffer.state == before


def test_after_a_restore_the_buffer_is_as_it_was_and_goes_on_only_when_told_how(tmp_path: Path) -> None:
    with RubricBuffer.open(tmp_path / "events.jsonl", ALL_REWARDED) as buffer:
        buffer.begin("q", BASE, step=0, time=0.0)
        add(buffer, adaptive("dams"), step=1)
        checkpoint, then = buffer.checkpoint(1), buffer.state
        add(buffer, adaptive("soil"), step=2)
        buffer.restore(checkpoint)
        assert buffer.state == then
        with pytest.raises(RubricError, match=r"1 events after .* rewind\(\) .* fork\(\)"):
            add(buffer, adaptive("snow melt"), step=2)
        with buffer.fork(tmp_path / "fork.jsonl") as fork:
            assert fork.state == then
            assert add(fork, adaptive("levees"), step=2) == ""
        with pytest.raises(RubricError, match=r"fork\.jsonl holds events already"):
            buffer.fork(tmp_path / "fork.jsonl")
        assert buffer.rewind() == 1
        assert add(buffer, adaptive("snow melt"), step=2) == ""
        now = buffer.state
    assert (
        adaptive("soil").key.encode() in (tmp_path / "events.jsonl").read_bytes()
    )  # what was taken back stays on record
    with RubricBuffer.open(tmp_path / "events.jsonl") as again:
        assert again.state == now
        again.restore(1)
        assert again.state == then


def test_a_checkpoint_restores_only_the_log_that_it_is_of() -> None:
    buffer, other = begun(), begun()
    add(buffer, adaptive("dams"))
    add(other, adaptive("soil"))
    before = other.state
    with pytest.raises(RubricError, match="does not begin with the 2 events"):
        other.restore(buffer.checkpoint(1))
    assert other.state == before
    with pytest.raises(RubricError, match="at step 1; a checkpoint of step 0"):
        buffer.checkpoint(0)

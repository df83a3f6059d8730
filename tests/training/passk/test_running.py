"""Answers are drawn one by one, kept as they come, refined, graded; what fails is counted and n stays n."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.scripted_model import Scripted, ScriptedModel
from tests.training.data.sources import lake_row

from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.errors import CallError
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_reading import read_row
from citerefine.training.data.settings import DataSettings
from citerefine.training.passk import running
from citerefine.training.passk.drawing import DrawDraft, DrawRefinement, seed_of
from citerefine.training.passk.grading import GradeAnswer, reward_settings
from citerefine.training.passk.results import PROBLEMS, RESULT
from citerefine.training.passk.running import PassRun, Stages, run_passk
from citerefine.training.passk.settings import PasskSettings
from citerefine.training.rewards.refiner_reward import RefinerReward

pytest.importorskip("math_verify", reason="math-verify is not installed: pip install 'citerefine[train]'")


def sums(n: int) -> list[TrainingRow]:
    return [
        read_row({"id": f"m{a}", "question": f"What is {a} + 1?", "gold": a + 1, "task": "maths"}) for a in range(n)
    ]


def is_second(call: ChatCall) -> bool:
    return any(message.role == "assistant" for message in call.messages)


def solves(call: ChatCall) -> Scripted:
    """Right with an even seed; a second look mends what is wrong with a seed that three divides."""
    a = int(re.findall(r"What is (\d+) \+ 1", call.messages[1].content)[0])
    seed = call.sampling.seed or 0
    if is_second(call):
        draft = next(message.content for message in call.messages if message.role == "assistant")
        return draft if seed % 3 else rf"Again: \boxed{{{a + 1}}}"
    return rf"It is \boxed{{{a + 1 if seed % 2 == 0 else 77}}}."


@pytest.fixture(scope="module")
def grades() -> Iterator[Callable[[str], GradeAnswer]]:
    """What grades answers of a task; one for all tests, since the grader of mathematics takes seconds to load."""
    rewards = dict[str, RefinerReward]()

    def grade(task: str) -> GradeAnswer:
        if task not in rewards:
            rewards[task] = RefinerReward(reward_settings(task, "lexical"))
        return GradeAnswer(rewards[task], patience=0)

    yield grade
    for reward in rewards.values():
        reward.close()


Grades = Callable[[str], GradeAnswer]


def settings(n: int = 4, **lengths: int) -> PasskSettings:
    return PasskSettings(n=n, k=(1, n), seed=1, lengths=DataSettings(train="-", **lengths))  # type: ignore[arg-type]


def draw(
    rows: list[TrainingRow],
    out: Path,
    grades: Grades,
    model: ScriptedModel,
    refiner: ScriptedModel | None = None,
    n: int = 4,
    **how: Any,
) -> PassRun:
    stages = Stages(
        DrawDraft(model, settings(n)),
        grades(rows[0].task),
        None if refiner is None else DrawRefinement(refiner, settings(n)),
    )
    return asyncio.run(run_passk(rows, out, stages, n, **how))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_answer_has_its_own_stated_seed_and_is_kept_with_its_text(tmp_path: Path, grades: Grades) -> None:
    model = ScriptedModel(reply=solves)
    run = draw(sums(3), tmp_path, grades, model, model)
    samples = lines(tmp_path / "samples.jsonl")
    seeds = [sample[part]["seed"] for sample in samples for part in ("draft", "refined")]
    assert len(set(seeds)) == len(seeds) == 24
    assert samples[5]["draft"]["seed"] == seed_of(1, "m1", 1, "drafts")
    assert sorted(call.sampling.seed or 0 for call in model.calls) == sorted(seeds)
    assert all(call.sampling.temperature == 1.0 for call in model.calls)
    for sample, values in zip(samples, [value for one in run.problems for value in one.drafts], strict=True):
        assert sample["draft"]["value"] == values == float(sample["draft"]["seed"] % 2 == 0)
        assert sample["draft"]["text"].startswith("It is")


def test_no_two_answers_to_a_problem_have_the_same_seed() -> None:
    """Of 31 bits that are drawn freely, two of 100,000 would be equal."""
    seeds = {seed_of(1, "m0", number, "drafts") for number in range(100_000)}
    assert len(seeds) == 100_000
    assert max(seeds) < 2**31
    assert seed_of(1, "m0", 0, "drafts") not in {seed_of(2, "m0", 0, "drafts"), seed_of(1, "m0", 0, "refinements")}


def test_what_an_earlier_run_came_to_is_gone_before_problems_are_written_anew(
    tmp_path: Path, grades: Grades, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before its own figures are written, a run leaves no others beside its problems."""
    model = ScriptedModel(reply=solves)
    draw(sums(1), tmp_path, grades, model)
    (tmp_path / RESULT).write_text("{}")
    monkeypatch.setattr(running, "whole_file", lambda path: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        draw(sums(1), tmp_path, grades, model, n=8)
    assert not (tmp_path / RESULT).exists()
    assert (tmp_path / PROBLEMS).exists()


def test_a_refinement_sees_the_draft_and_nothing_of_how_good_it_is(tmp_path: Path, grades: Grades) -> None:
    model = ScriptedModel(reply=solves)
    run = draw(sums(2), tmp_path, grades, model, model)
    second = [call for call in model.calls if is_second(call)]
    first = [call for call in model.calls if not is_second(call)]
    assert len(first) == len(second) == 8
    assert len({call.messages[-1].content for call in second}) == 1  # the same words for right and wrong drafts
    assert {call.messages[:2] for call in second} == {call.messages for call in first}
    assert run.problems[0].refined is not None
    assert sum(run.problems[0].refined) >= sum(value or 0 for value in run.problems[0].drafts)  # type: ignore[arg-type]


def test_another_model_refines_and_the_first_one_is_given_back(tmp_path: Path, grades: Grades) -> None:
    model, other = ScriptedModel(reply=solves, name="a"), ScriptedModel(reply=solves, name="b")
    draw(sums(2), tmp_path, grades, model, other)
    assert not any(map(is_second, model.calls))
    assert len(other.calls) == 8
    assert all(map(is_second, other.calls))
    assert model.closed


def test_a_second_run_asks_nobody_and_more_answers_cost_the_difference(tmp_path: Path, grades: Grades) -> None:
    model = ScriptedModel(reply=solves)
    before = draw(sums(2), tmp_path, grades, model, model)
    kept = (tmp_path / "samples.jsonl").read_text()
    assert draw(sums(2), tmp_path, grades, model, model).problems == before.problems
    assert (tmp_path / "samples.jsonl").read_text() == kept
    assert len(model.calls) == 16
    draw(sums(2), tmp_path, grades, model, model, n=6)
    assert len(model.calls) == 24
    assert all(line in (tmp_path / "samples.jsonl").read_text() for line in kept.splitlines())


def test_answers_that_fail_are_counted_and_n_stays_what_was_asked_for(tmp_path: Path, grades: Grades) -> None:
    failing = {seed_of(1, "m0", 2, "drafts"), seed_of(1, "m1", 0, "refinements")}

    def fails(call: ChatCall) -> Scripted:
        return CallError("no", "server_error") if call.sampling.seed in failing else solves(call)

    model = ScriptedModel(reply=fails)
    run = draw(sums(2), tmp_path, grades, model, model)
    assert all(len(one.drafts) == 4 for one in run.problems)
    assert run.problems[0].drafts[2] is None
    assert run.problems[0].refined is not None
    assert run.problems[0].refined[2] is None
    assert run.failed == {"drafts: server_error": 1, "refined: no_draft": 1, "refined: server_error": 1}
    failing.clear()
    again = draw(sums(2), tmp_path, grades, model, model)
    assert again.failed == run.failed  # what failed is not tried again unasked
    mended = draw(sums(2), tmp_path, grades, model, model, retry_failed=True)
    assert not mended.failed
    assert None not in mended.problems[0].drafts


def test_an_answer_that_is_cut_off_is_graded_as_it_stands_and_counted(tmp_path: Path, grades: Grades) -> None:
    model = ScriptedModel(reply=lambda call: ChatReply(text=r"It is \boxed{1}, but wait", finish="length"))
    run = draw(sums(1), tmp_path, grades, model)
    assert run.problems[0].drafts == (1.0,) * 4
    assert run.cut == {"drafts": 4}


def test_a_grader_that_comes_to_nothing_leaves_the_answer_unknown_and_it_is_refined_all_the_same(
    tmp_path: Path, grades: Grades, monkeypatch: pytest.MonkeyPatch
) -> None:
    from citerefine.training.rewards.maths import MathsGrader
    from citerefine.training.rewards.parts import Missing, Scored

    async def grade(self: MathsGrader, gold: str, text: str) -> Scored | Missing:
        return Missing("grader_deadline: too slow", ("grader_deadline",)) if text == "slow" else Scored(1.0)

    monkeypatch.setattr(MathsGrader, "grade", grade)
    model = ScriptedModel(reply=lambda call: r"\boxed{1}" if is_second(call) else "slow")
    run = draw(sums(1), tmp_path, grades, model, model, n=2)
    assert run.problems[0].drafts == (None, None)
    assert run.problems[0].refined == (1.0, 1.0)
    assert run.failed == {"drafts: grader_deadline": 2}
    assert "too slow" in lines(tmp_path / "samples.jsonl")[0]["draft"]["reason"]


def test_a_problem_is_refused_for_its_reference_answer_and_not_for_a_grader_that_fails(
    grades: Grades, monkeypatch: pytest.MonkeyPatch
) -> None:
    from citerefine.training.rewards.maths import MathsGrader
    from citerefine.training.rewards.parts import Missing, Scored

    found: dict[str, Scored | Missing] = {
        "1": Scored(1.0),
        "2": Scored(0.0, "wrong: no"),
        "3": Missing("bad_gold: no mathematics"),
        "4": Missing("grader_deadline: too slow", ("grader_deadline",)),
    }

    async def grade(self: MathsGrader, gold: str, text: str) -> Scored | Missing:
        return found[gold]

    async def gradable() -> list[bool]:
        return [await grades("maths").is_gradable(row) for row in sums(4)]

    monkeypatch.setattr(MathsGrader, "grade", grade)
    assert asyncio.run(gradable()) == [True, False, False, True]


def test_what_fails_every_answer_stops_the_run_and_what_is_there_is_kept(tmp_path: Path, grades: Grades) -> None:
    gone = list[ChatCall]()

    def reply(call: ChatCall) -> Scripted:
        gone.append(call)
        return CallError("gone", "unreachable") if len(gone) == 4 else solves(call)

    model = ScriptedModel(reply=reply)
    with pytest.raises(CallError, match="gone"):
        draw(sums(2), tmp_path, grades, model, concurrency=1)
    assert not (tmp_path / "samples.jsonl").exists()
    draw(sums(2), tmp_path, grades, model, concurrency=1)
    assert len(gone) == 8 + 1


def test_cited_answers_are_worth_their_citation_f1_before_and_after(tmp_path: Path, grades: Grades) -> None:
    good = "<answer><snippet id=S1>The survey found that perch doubled in Lake Orven by 2010.</snippet></answer>"
    model = ScriptedModel(reply=lambda call: good if is_second(call) else "<answer>Nobody knows of any perch.</answer>")
    run = draw([lake_row(0)], tmp_path, grades, model, model, n=2)
    (found,) = run.problems
    assert found.drafts == (0.0, 0.0)
    assert found.refined == (1.0, 1.0)
    assert "S1, S2, S3" in model.calls[-1].messages[-1].content


class Frugal(ScriptedModel):
    """A model whose tokens are long, so that more fits into its prompt."""

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) // 40 + 1 for text in texts]


def test_who_refines_is_shown_the_evidence_that_was_shown_to_who_drafted(tmp_path: Path, grades: Grades) -> None:
    many = [{"id": f"s{n}", "text": f"Report {n} on perch. " + "Perch lives in lakes. " * 30} for n in range(12)]
    row = lake_row(0, snippets=many)
    model, other = (kind(reply=lambda call: "<answer>No.</answer>") for kind in (ScriptedModel, Frugal))
    how = settings(1, prompt_tokens=1200, answer_tokens=100, total_tokens=4000)
    stages = Stages(DrawDraft(model, how), grades("cited"), DrawRefinement(other, how))
    asyncio.run(run_passk([row], tmp_path, stages, 1))
    shown = model.calls[0].messages
    assert 0 < shown[-1].content.count("<snippet id=") < 12
    assert other.calls[0].messages[: len(shown)] == shown


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="numbers from 1 to n"):
        PasskSettings(n=4, k=(8,), lengths=DataSettings(train="-"))
    with pytest.raises(ValueError, match="would be one"):
        PasskSettings(n=4, temperature=0, lengths=DataSettings(train="-"))

"""A rollout that is scored part by part is worth what one call finds, and is kept as if it had been one."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.training.rewards.rewarding import WordRubricJudge, WordSupportJudge, answer, training_row

from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery
from citerefine.refiner.errors import CallError
from citerefine.training.data.row import TrainingRow
from citerefine.training.errors import JudgeOutage
from citerefine.training.rewards import RefinerReward, RewardSettings
from citerefine.training.rewards.batch import MOST_AT_ONCE, Group
from citerefine.training.rewards.combining import Judged
from citerefine.training.rewards.criteria import Criteria, criteria_of

ROWS = [training_row(id=f"r{n}", question=f"What happened in part {n}?") for n in range(3)]
TEXTS = [answer("perch", "ice"), answer("perch"), "no block", answer("pike", "eels")]
STATE = SimpleNamespace(global_step=7)


class Logs:
    """What TRL is told."""

    def __init__(self) -> None:
        self.columns: dict[str, list[Any]] = {}
        self.figures: dict[str, float] = {}

    def extra(self, name: str, values: list[Any]) -> None:
        self.columns.setdefault(name, []).extend(values)

    def metric(self, name: str, value: float) -> None:
        assert name not in self.figures
        self.figures[name] = value


class LastFirst(WordRubricJudge):
    """Is done with the parts in the opposite order."""

    async def grade(self, query: GradeQuery) -> Graded:
        await asyncio.sleep(0.05 * (2 - int(query.question[-2])))
        return await super().grade(query)


class Observed:
    """Rubrics that note what they are told of."""

    def __init__(self, settings: RewardSettings) -> None:
        self.settings, self.seen = settings, list[tuple[int, list[str]]]()

    def criteria(self, row: TrainingRow, draw: str) -> Criteria | None:
        return criteria_of(row, self.settings, draw)

    async def observe(self, step: int, groups: Sequence[Group], judged: Sequence[Sequence[Judged]]) -> None:
        await asyncio.sleep(0)
        self.seen.append((step, [one.breakdown.id for group in judged for one in group]))


def columns(numbers: Sequence[int]) -> tuple[list[str], list[str], list[TrainingRow]]:
    rows = [ROWS[n] for n in numbers for _ in TEXTS]
    return [row.id for row in rows], TEXTS * len(numbers), rows


async def in_parts(reward: RefinerReward, logs: Logs) -> list[float | None]:
    scoring = reward.scoring(STATE)
    assert scoring is not None
    parts = []
    for number in (1, 2, 0):  # in the order in which they end
        prompts, texts, rows = columns([number])
        parts.append(asyncio.create_task(scoring.add(number * len(TEXTS), prompts, texts, row=rows)))
        await asyncio.sleep(0.01)
    await asyncio.gather(*parts)
    return await scoring.finish(log_extra=logs.extra, log_metric=logs.metric)


async def at_once(reward: RefinerReward, logs: Logs) -> list[float | None]:
    prompts, texts, rows = columns([0, 1, 2])
    return await reward(
        prompts, texts, row=rows, trainer_state=STATE, log_extra=logs.extra, log_metric=logs.metric
    )


def all_that_is_kept(folder: Path, ask: Callable[[RefinerReward, Logs], Any]) -> dict[str, Any]:
    settings = RewardSettings(patience=0, rubric_dropout=0.3)
    rubrics, logs, path = Observed(settings), Logs(), folder / f"{ask.__name__}.jsonl"
    reward = RefinerReward(
        settings, judge=LastFirst(), support=WordSupportJudge(), transcripts=path, seed=3, rubrics=rubrics
    )
    return {
        "rewards": asyncio.run(ask(reward, logs)),
        "breakdowns": reward.breakdowns,
        "usages": reward.take_usages(),
        "transcripts": path.read_text(),
        "observed": rubrics.seen,
        "columns": logs.columns,
        "figures": logs.figures,
    }


def test_all_that_is_kept_is_what_one_call_keeps(tmp_path: Path) -> None:
    parted, whole = (all_that_is_kept(tmp_path, ask) for ask in (in_parts, at_once))
    assert parted == whole
    assert len({*parted["rewards"]}) > 2
    assert [one.id for one in parted["breakdowns"]] == [row.id for row in ROWS for _ in TEXTS]
    assert [step for step, _ in parted["observed"]] == [7]


def scored(judge: WordRubricJudge, numbers: Sequence[int] = (0, 1, 2), **settings: Any) -> list[float | None]:
    reward = RefinerReward(RewardSettings(**settings), judge=judge, support=WordSupportJudge())

    async def ask() -> list[float | None]:
        scoring = reward.scoring()
        assert scoring is not None
        for n in numbers:
            prompts, texts, rows = columns([n])
            await scoring.add(n * len(TEXTS), prompts, texts, row=rows)
        return await scoring.finish()

    return asyncio.run(ask())


def test_judges_are_waited_for_by_what_the_whole_rollout_lacks() -> None:
    """A part of which all is missing is a third of the answers: enough are known."""
    judge = WordRubricJudge(lambda query, criterion: "part 1" in query.question)
    found = scored(judge, least_valid=0.6, patience=600)
    assert [value is None for value in found] == [False] * 4 + [True, True, False, True] + [False] * 4
    with pytest.raises(JudgeOutage, match="of 12 answers, 3 could not be judged"):
        scored(judge, least_valid=0.9, patience=0)


def test_what_is_missing_in_any_part_is_asked_about_again_at_the_end() -> None:
    failed = list[str]()

    def once(query: GradeQuery, criterion: Any) -> bool:
        key = f"{query.question}/{query.answer}/{criterion.id}"
        failed.append(key)
        return failed.count(key) == 1

    assert None not in scored(WordRubricJudge(once), least_valid=1, patience=30)


def test_what_no_asking_helps_ends_the_part_at_once() -> None:
    class Refused(WordRubricJudge):
        async def grade(self, query: GradeQuery) -> Graded:
            raise CallError("no such key", "unauthorized")

    with pytest.raises(CallError, match="no such key"):
        scored(Refused(), patience=600)


def test_parts_together_keep_to_the_bound_of_answers_at_once() -> None:
    running, most = 0, 0

    class Counts(WordRubricJudge):
        async def grade(self, query: GradeQuery) -> Graded:
            nonlocal running, most
            running, most = running + 1, max(most, running + 1)
            await asyncio.sleep(0.01)
            running -= 1
            return await super().grade(query)

    reward = RefinerReward(RewardSettings(patience=0), judge=Counts(), support=WordSupportJudge())

    async def ask() -> None:
        scoring = reward.scoring()
        assert scoring is not None
        row, texts = ROWS[0], [answer("perch")] * 50
        await asyncio.gather(*(scoring.add(50 * n, [f"p{n}"] * 50, texts, row=[row] * 50) for n in range(3)))
        await scoring.finish()

    asyncio.run(ask())
    assert most == MOST_AT_ONCE


@pytest.mark.parametrize(
    ("settings", "offered"),
    [
        ({}, True),
        ({"judge": "openai:m@http://127.0.0.1:1/v1", "support": "cascade:openai:m@http://127.0.0.1:1/v1"}, True),
        ({"judge": "hf:somewhere"}, False),
        ({"support": "cascade:hf:somewhere"}, False),
        ({"judge": "openai:m@http://127.0.0.1:1/v1", "backup": "vllm:somewhere"}, False),
    ],
)
def test_judges_in_this_process_wait_until_all_is_sampled(settings: dict[str, Any], offered: bool) -> None:
    assert (RefinerReward(RewardSettings(**settings)).scoring() is not None) == offered


@pytest.mark.parametrize(("name", "offered"), [("words", True), ("chat (hf:somewhere; listed)", False)])
def test_judges_that_were_given_are_known_by_their_names(name: str, offered: bool) -> None:
    judge = WordRubricJudge()
    judge.name = name
    reward = RefinerReward(RewardSettings(), judge=judge, support=WordSupportJudge())
    assert (reward.scoring() is not None) == offered

"""Judges that fail, here and there or altogether: no failure becomes a reward, and an outage is waited for, then named.

The judge is a model behind a server, asked through the client, journal and prompts of a run.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.faulty_server import Behaviour, FaultyServer, Line, Request, says, status
from tests.judges.rubric.chat.grading import by_words, parts_of, server_by
from tests.training.rewards.rewarding import (
    EELS,
    ICE,
    PERCH,
    RUBRIC,
    WordRubricJudge,
    WordSupportJudge,
    answer,
    training_row,
)

from citerefine.judges.rubric.cell import Cell
from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery
from citerefine.refiner.errors import CallError
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.rubric import Rubric
from citerefine.training.errors import JudgeOutage
from citerefine.training.rewards import RefinerReward, RewardSettings
from citerefine.training.rewards.waiting import Patience

THREE = Rubric(criteria=(PERCH, ICE, EELS))
"""Of which no verdict can be missing: two of three are less than 80 %."""
ROWS = [training_row(id=f"r{n}", question=f"What happened in part {n}?", rubric=THREE) for n in range(25)]
TEXTS = [answer("perch", "ice"), answer("perch"), answer("ice", "eels"), answer("perch", "ice", "eels")]
PROMPTS = [row.id for row in ROWS for _ in TEXTS]
ALL_ROWS = [row for row in ROWS for _ in TEXTS]
ALL_TEXTS = [text for _ in ROWS for text in TEXTS]
SALT = 0
"""With it, one answer of a hundred is among the first 1 %."""
WELL = says(server_by(by_words))


def reward(server: FaultyServer, folder: Path, **settings: object) -> RefinerReward:
    chosen = {"judge": server.model, "format": 0, "patience": 0, "answer_deadline": 20, **settings}
    return RefinerReward(
        RewardSettings.model_validate(chosen), support=WordSupportJudge(), journal=folder / "judge" / "calls.db"
    )


def rewarded(function: RefinerReward, n: int = 100) -> list[float | None]:
    async def call() -> list[float | None]:
        try:
            return await function(PROMPTS[:n], ALL_TEXTS[:n], row=ALL_ROWS[:n])
        finally:
            await function.aclose()

    return asyncio.run(call())


def failing(share: float) -> Behaviour:
    """Gives no usable reply about this share of the answers, however often it is asked about them."""

    def behave(request: Request, line: Line) -> None:
        parts = dict(parts_of(request.prompt))
        asked = hashlib.sha256(f"{SALT} {parts['question']} {parts['answer']}".encode())
        place = int.from_bytes(asked.digest()[:4]) / 2**32
        (says("I would rather not say.") if place < share else WELL)(request, line)

    return behave


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[float | None]:
    """What all answers are worth to a judge that is well."""
    with FaultyServer(WELL) as server:
        found = rewarded(reward(server, tmp_path_factory.mktemp("whole")))
    assert None not in found
    return found


@pytest.mark.parametrize("share", [0.01, 0.1])
def test_answers_that_were_not_judged_have_no_reward_and_all_others_keep_theirs(
    share: float, whole: list[float | None], tmp_path: Path
) -> None:
    with FaultyServer(failing(share)) as server:
        found = rewarded(reward(server, tmp_path))
    missing = found.count(None)
    assert 0 < missing <= 2 * share * len(found) + 1
    assert [value for value in found if value is not None] == [
        value for value, now in zip(whole, found, strict=True) if now is not None
    ]


def test_where_nothing_is_judged_the_call_waits_and_then_says_what_is_wrong(tmp_path: Path) -> None:
    with FaultyServer(failing(1.0)) as server, pytest.raises(JudgeOutage) as raised:
        rewarded(reward(server, tmp_path, patience=1.5), n=8)
    said = str(raised.value)
    assert said.startswith("of 8 answers, 8 could not be judged within 1.5 s of asking again (unparsable ")
    assert "--resume" in said
    assert raised.value.exit_code == 1


def test_a_server_that_is_not_there_is_an_outage(tmp_path: Path) -> None:
    with FaultyServer(WELL) as server:
        function = reward(server, tmp_path, answer_deadline=2)
    with pytest.raises(JudgeOutage, match=r"8 could not be judged .*(unreachable|deadline)"):
        rewarded(function, n=8)


def test_a_judge_that_comes_back_is_waited_for_and_only_what_is_missing_is_paid_again(
    whole: list[float | None], tmp_path: Path
) -> None:
    script: list[Behaviour] = [*[says("I would rather not say.")] * 40, WELL]
    with FaultyServer(script) as server:
        assert rewarded(reward(server, tmp_path, patience=60, least_valid=1.0), n=8) == whole[:8]
        n_asked = len(server.chats)
        assert rewarded(reward(server, tmp_path), n=8) == whole[:8]  # as a run that goes on does
        assert len(server.chats) <= n_asked + 8  # what was answered with garbage first is tried once more


def test_a_refused_key_ends_the_call_at_once(tmp_path: Path) -> None:
    with FaultyServer(status(401, "no such key")) as server, pytest.raises(CallError) as raised:
        rewarded(reward(server, tmp_path, patience=600), n=8)
    assert raised.value.code == "unauthorized"


def test_a_spent_budget_ends_the_call_at_once(tmp_path: Path) -> None:
    with FaultyServer(WELL) as server, pytest.raises(CallError) as raised:
        rewarded(reward(server, tmp_path, patience=600, max_calls=3), n=8)
    assert raised.value.code == "budget"


def test_a_budget_is_one_of_all_starts_of_a_run(tmp_path: Path) -> None:
    with FaultyServer(WELL) as server:
        assert None not in rewarded(reward(server, tmp_path, max_calls=6), n=4)
        assert None not in rewarded(reward(server, tmp_path, max_calls=6), n=4)  # from the journal, for nothing
        with pytest.raises(CallError) as raised:
            rewarded(reward(server, tmp_path, max_calls=6), n=8)
        assert 4 <= len(server.chats) <= 6
    assert raised.value.code == "budget"


# --- what counts as an outage -----------------------------------------------------------------------------------------


class Heals(WordRubricJudge):
    """Fails the first n times that it is asked."""

    def __init__(self, n: int) -> None:
        failed = list[GradeQuery]()
        super().__init__(lambda query, criterion: any(query is one for one in failed))
        self._left, self._failed = n, failed

    async def grade(self, query: GradeQuery) -> Graded:
        if len(self._failed) < self._left:
            self._failed.append(query)
        return await super().grade(query)


def by_hand(judge: WordRubricJudge, texts: Sequence[str] = TEXTS, **settings: float) -> list[float | None]:
    chosen = RewardSettings.model_validate({"patience": 0, **settings})
    function = RefinerReward(chosen, judge=judge, support=WordSupportJudge())
    return asyncio.run(function(["p"] * len(texts), texts, row=[training_row()] * len(texts)))


def test_enough_valid_answers_go_on_without_waiting() -> None:
    judge = WordRubricJudge(lambda query, criterion: "eels" in query.answer)
    assert [value is None for value in by_hand(judge, patience=600)] == [False, False, True, True]
    assert len(judge.asked) == 4


def test_only_the_answers_that_are_missing_are_asked_about_again() -> None:
    judge = Heals(3)
    assert None not in by_hand(judge, patience=30)
    assert len(judge.asked) == 4 + 3


def test_an_answer_with_an_estimate_is_not_asked_about_again() -> None:
    seen = list[str]()

    def fails(query: GradeQuery, criterion: Criterion) -> bool:
        if "eels" in query.answer:
            return criterion.id == "ice"  # always: a sixth of the weight, which is estimated
        return seen.count(query.answer) < 2

    class Counts(WordRubricJudge):
        async def grade(self, query: GradeQuery) -> Graded:
            seen.append(query.answer)
            return await super().grade(query)

    words = ("perch", "ice", "eels", "by", "the", "lake")
    row = training_row(rubric=Rubric(criteria=tuple(Criterion(id=word, text=f"It says {word}.") for word in words)))
    function = RefinerReward(
        RewardSettings(patience=30, least_valid=1), judge=Counts(fails), support=WordSupportJudge()
    )
    texts = [answer("perch", "ice", "eels"), answer("perch"), answer("ice")]
    assert None not in asyncio.run(function(["p"] * 3, texts, row=[row] * 3))
    assert [one.n_imputed for one in function.breakdowns] == [1, 0, 0]
    assert sorted(seen.count(one) for one in {*seen}) == [1, 2, 2]


def test_verdicts_that_were_there_stay_when_the_rest_is_asked_again() -> None:
    class Wavers(WordRubricJudge):
        """Fails on most criteria at first, and then says the opposite of all."""

        async def grade(self, query: GradeQuery) -> Graded:
            first = not self.asked
            self._fails = lambda asked, criterion: first and criterion.id != "perch"
            graded = await super().grade(query)
            if first:
                return graded
            flipped = [cell.model_copy(update={"value": 1 - (cell.value or 0.0)}) for cell in graded.cells]
            return graded._replace(cells=tuple(flipped))

    function = RefinerReward(RewardSettings(patience=30, least_valid=1), judge=Wavers(), support=WordSupportJudge())
    (total,) = asyncio.run(function(["p"], [answer("perch")], row=[training_row()]))
    assert total is not None
    # perch is met as said first; ice, eels and the fault pike are met as said later: (1 + 1 + 1 - 2) / 3
    assert function.breakdowns[0].value("rubric") == pytest.approx(1 / 3)


def test_what_would_be_the_same_again_is_not_waited_for_and_is_no_outage() -> None:
    """A row that is too long for every judge: its answers are missing, and the run goes on with others."""
    judge = WordRubricJudge(lambda query, criterion: True, code="context_exceeded")
    assert by_hand(judge, patience=600, least_valid=1.0) == [None] * 4
    assert len(judge.asked) == 4


def test_the_share_is_one_of_the_answers_that_can_be_judged() -> None:
    """Of four answers two are hopeless; of the other two, one waits."""

    class Mixed(WordRubricJudge):
        def _cell(self, query: GradeQuery, criterion: Criterion) -> Cell:
            self._code = "context_exceeded" if "eels" in query.answer else "unreachable"
            return super()._cell(query, criterion)

    judge = Mixed(lambda query, criterion: "ice" in query.answer or "eels" in query.answer)
    assert [value is None for value in by_hand(judge, least_valid=0.5)] == [True, False, True, True]
    with pytest.raises(JudgeOutage, match=r"of 4 answers, 1 could not be judged .*\(unreachable 4x\)"):
        by_hand(judge, least_valid=0.51)


def test_a_row_that_cannot_be_read_is_no_outage() -> None:
    function = RefinerReward(RewardSettings(patience=600), judge=WordRubricJudge(), support=WordSupportJudge())
    assert asyncio.run(function(["p"], [answer("perch")], row=["{}"])) == [None]
    assert function.breakdowns[0].failures == ("unusable",)


def test_answers_of_which_nobody_can_say_what_they_are_worth_are_no_outage() -> None:
    text = "<answer>The evidence does not answer this question.</answer>"
    function = RefinerReward(
        RewardSettings(patience=600, least_valid=1.0, assume_answerable=False),
        judge=WordRubricJudge(),
        support=WordSupportJudge(),
    )
    rows = [training_row(answerable=None, rubric=RUBRIC)] * 2
    assert asyncio.run(function(["p"] * 2, [text] * 2, row=rows)) == [None, None]


def test_pauses_double_and_end_with_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = list[float]()
    now = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    async def wait() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
        patience = Patience(900)
        while await patience.pause():
            pass

    monkeypatch.setattr(asyncio, "sleep", sleep)
    asyncio.run(wait())
    assert sum(slept) == pytest.approx(900)
    assert all(0.5 * 2**n <= pause <= 2**n for n, pause in enumerate(slept[:6]))
    assert max(slept) <= 60

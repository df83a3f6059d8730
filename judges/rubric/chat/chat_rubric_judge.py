"""A rubric judge that is a chat model: any model of refiner/models.py.

In: an answer and criteria. Out: a cell for each criterion. All criteria are asked about in one call, or in several at
once where there are many; only those of which the model was unsure are asked about again, with other seeds. Replies
are kept to a grammar where the model can be, and read strictly always (judges/strips/). What nothing was said to is a
failed cell with the reason: no failure becomes a verdict. Not here: what is asked (rubric_prompt.py, asked.py), how
votes count (votes.py), answers that say nothing (judges/rubric/gate.py), criteria that rules decide (grading.py).
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.chat.asked import Asked, ask_about
from citerefine.judges.rubric.chat.rubric_prompt import (
    Page,
    criterion_as_data,
    prompt_version,
    read_page,
    rubric_messages,
)
from citerefine.judges.rubric.chat.self_test import SelfTest, run_self_test
from citerefine.judges.rubric.chat.votes import count_votes, is_unsure
from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery
from citerefine.judges.strips.cutting import Need, cut_by_tokens
from citerefine.judges.strips.examiner import ATTEMPTS, Outcome, Posed
from citerefine.judges.strips.panel import Panel, load_models
from citerefine.judges.strips.strip import MOST_ITEMS
from citerefine.refiner.chat.budget import Budget
from citerefine.refiner.chat.call import Sampling
from citerefine.refiner.chat.token_estimate import estimate_tokens
from citerefine.refiner.errors import InputError
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.records import Usage
from citerefine.rubrics.criterion import Criterion

CRITERIA_PER_CALL: Final = 24
CRITERIA_TOKENS: Final = 6000
"""Of the criteria of a call, by the cautious estimate; question, evidence and answer are never shortened."""
VOTES: Final = 3
VOTE_TEMPERATURE: Final = 0.8
CALLS_AT_ONCE: Final = 8
_DIVIDER_TOKENS: Final = 40
"""What stands around a criterion, at most."""


class _Question(NamedTuple):
    page: Page
    asked: Asked


class ChatRubricJudge:
    """Asks a chat model. Implements `RubricJudge`."""

    def __init__(
        self,
        model: str | ChatModel,
        *,
        backup: str | ChatModel | None = None,
        criteria_per_call: int = CRITERIA_PER_CALL,
        votes: int = VOTES,
        votes_without_odds: bool = False,
        thinking_tokens: int = 0,
        mode: Literal["batch", "single"] = "batch",
        soft: bool = False,
        budget: Budget | None = None,
        calls_at_once: int = CALLS_AT_ONCE,
        seed: int = 0,
    ) -> None:
        """Nothing is connected or loaded before the first use.

        Args:
            model: a model string, or any `ChatModel`, whose bounds (deadline, budget, retries) hold here too.
            backup: is asked what `model` came to no verdict on; best another model on another server.
            criteria_per_call: most criteria that one call asks about, 1 to 99.
            votes: how often a criterion is asked about at most, an odd number; more than once only where the model
                was unsure.
            votes_without_odds: whether a model that gives no log-probabilities is taken for unsure.
            thinking_tokens: how long the model may think before its verdicts; 0 turns thinking off where it can be.
            mode: `single` asks about each criterion in a call of its own.
            soft: whether the probability of a verdict counts, where it is known, instead of its word.
            budget: one that the model's calls count towards; where it grows tight, each criterion has one vote.
            calls_at_once: most calls under way for one answer.
            seed: of the first vote.

        Raises:
            ModelError: if a model string names no chat model.
            InputError: if a bound is out of its range.
        """
        _check(criteria_per_call, votes, thinking_tokens, calls_at_once)
        models = load_models(model, backup)
        self._per_call = 1 if mode == "single" else criteria_per_call
        self._votes, self._without_odds, self._soft, self._budget = votes, votes_without_odds, soft, budget
        self._seed, self._models, self._thinking_tokens = seed, models, thinking_tokens
        self._panel = Panel(models, _pose, thinking_tokens=thinking_tokens, calls_at_once=calls_at_once, alike=True)
        unsure = ", also without odds" if votes_without_odds else ""
        others = "".join(f", backup {one.name}" for one in models[1:])
        self.name = (
            f"{models[0].name} (rubric prompt {prompt_version()}, {self._per_call} criteria a call, "
            f"votes {votes}{unsure}, thinking {thinking_tokens}, {'soft' if soft else 'hard'}, seed {seed}{others})"
        )
        """Model strings, version of the prompt, and all that changes verdicts."""

    def __repr__(self) -> str:
        return f"ChatRubricJudge({self.name!r})"

    async def grade(self, query: GradeQuery) -> Graded:
        """A cell for each criterion.

        Raises:
            CallError: if asking on is of no use: `unauthorized`, `no_such_model`, `budget`, or `bad_request` from a
                model that has never replied.
            ModelError: if a model that runs in this process cannot be loaded.
            EvidenceError: if one id of the evidence stands for two texts.
        """
        page = read_page(query)
        asked = {
            number: ask_about(criterion, len(page.lines))
            for number, criterion in enumerate(query.criteria)
            if criterion.verifier == "llm"
        }
        bill = list[Usage]()
        outcomes = await self._round(page, asked, [0], bill)
        unsure = {
            number: one
            for number, one in asked.items()
            if is_unsure(one, outcomes[number][0], without_odds=self._without_odds)
        }
        more = await self._more_votes(page, unsure, bill)
        cells = [
            count_votes(asked[number], [*outcomes[number], *more.get(number, [])], page.lines, soft=self._soft)
            if number in asked
            else _not_asked(criterion)
            for number, criterion in enumerate(query.criteria)
        ]
        return Graded(tuple(cells), sum(bill[1:], bill[0]) if bill else None)

    async def _more_votes(self, page: Page, unsure: dict[int, Asked], bill: list[Usage]) -> dict[int, list[Outcome]]:
        """Those that a budget has room for; where it ends among them, the votes that came count, and the first one."""
        if not unsure or self._votes == 1 or (self._budget is not None and self._budget.is_tight):
            return {}
        return await self._round(page, unsure, range(1, self._votes), bill, keeps=True)

    async def _round(
        self, page: Page, asked: dict[int, Asked], votes: Sequence[int], bill: list[Usage], *, keeps: bool = False
    ) -> dict[int, list[Outcome]]:
        """What is said to each criterion in these votes, which are asked for at once."""
        numbers = [*asked]
        needs = [Need(estimate_tokens(criterion_as_data(one)) + _DIVIDER_TOKENS) for one in asked.values()]
        cut = cut_by_tokens(needs, frame=0, most_tokens=CRITERIA_TOKENS, most_items=self._per_call)
        calls = [([numbers[position] for position in call], self._sampling(vote)) for vote in votes for call in cut]
        answered = await self._panel.ask(
            [([_Question(page, asked[number]) for number in call], sampling) for call, sampling in calls], keeps=keeps
        )
        found: dict[int, list[Outcome]] = {number: [] for number in numbers}
        for (call, _), outcomes in zip(calls, answered.outcomes, strict=True):
            for number, outcome in zip(call, outcomes, strict=True):
                found[number].append(outcome)
        bill += [] if answered.usage is None else [answered.usage]
        return found

    def _sampling(self, vote: int) -> Sampling:
        """Each vote has seeds of its own, so that no cache takes one for another."""
        return Sampling(temperature=VOTE_TEMPERATURE if vote else 0.0, seed=self._seed + ATTEMPTS * vote)

    async def self_test(self) -> SelfTest:
        """What the model can be relied on for, from a few calls with known right answers; raises no CallError."""
        return await run_self_test(self._models[0], thinking_tokens=self._thinking_tokens)

    async def aclose(self) -> None:
        """Gives back what the models hold."""
        await self._panel.aclose()


def _pose(questions: Sequence[_Question]) -> Posed:
    asked = [question.asked for question in questions]
    return Posed(rubric_messages(questions[0].page, asked), tuple(one.item for one in asked))


def _not_asked(criterion: Criterion) -> Cell:
    return Cell(
        criterion=criterion.id,
        key=criterion.key,
        status=Status.FAILED,
        weight=criterion.weight,
        reason=f"not_asked: a criterion with the verifier `{criterion.verifier}` is not put to a model",
    )


def _check(criteria_per_call: int, votes: int, thinking_tokens: int, calls_at_once: int) -> None:
    if not 1 <= criteria_per_call <= MOST_ITEMS:
        raise InputError(f"criteria_per_call is {criteria_per_call}; use 1 to {MOST_ITEMS}")
    if votes < 1 or votes % 2 == 0:
        raise InputError(f"votes is {votes}; use an odd number, so that there is a majority")
    if thinking_tokens < 0:
        raise InputError(f"thinking_tokens is {thinking_tokens}; use 0 or more")
    if calls_at_once < 1:
        raise InputError(f"calls_at_once is {calls_at_once}; use 1 or more")

"""What judges are asked in one step, and what that costs: an estimate.

In: a recipe, tokens of a step, how many criteria rows have. Out: `JudgePlan`, and in it what rubrics that grow ask for
each time that criteria are written. Judges that compute cost nothing. Not here: what a run really asked, which its
journal holds.
"""

import math
from typing import Final

from citerefine.judges.chat.chat_judge import CLAIMS_PER_CALL
from citerefine.judges.rubric.chat.chat_rubric_judge import CRITERIA_PER_CALL, VOTES
from citerefine.judges.rubric.writing.answer_store import MOST_ANSWERS
from citerefine.judges.strips.examiner import TOKENS_A_LINE
from citerefine.refiner.chat.endpoint import Prices
from citerefine.refiner.records import Record, Text, Usage
from citerefine.training.planning.tokens import StepTokens
from citerefine.training.recipes.recipe import Recipe

_INSTRUCTIONS: Final = 500
"""Tokens of a judge's prompt that are neither evidence nor answer."""
_CRITERION: Final = 40
"""Tokens of a criterion."""
_CLAIM: Final = 50
"""Tokens of an answer to a claim: so many claims has an answer that is as long as it may be."""
_WRITTEN: Final = 150
"""Tokens of a criterion as a writer gives it, with its title, weight and reason."""
_ASKED: Final = ("openai", "vllm", "hf", "cascade")


class GrowthPlan(Record):
    """Calls of one writing of criteria."""

    every: int
    """Steps from one to the next."""
    writer_calls: int
    """One a group; a reply that cannot be read is asked for once more."""
    admission_calls: int
    """Of whoever judges what was written, at most: by each criterion that was asked for, on each answer."""
    prompt_tokens: int
    reply_tokens: int


class JudgePlan(Record):
    """Calls of one step."""

    calls: int
    """Of both judges, at least; those of groups that are refilled come on top."""
    rubric_calls: int
    """Each may be made again, up to `votes` times, where the judge is unsure."""
    support_calls: int
    refill_calls: int = 0
    """Further ones, at most, where groups without signal are replaced."""
    prompt_tokens: int
    """With those of refilled groups."""
    reply_tokens: int
    """At most, with those of refilled groups."""
    growth: GrowthPlan | None = None
    """Of rubrics that grow; None if they do not."""
    cost: float | None
    """US dollars, with refilled groups, and with the share of a writing of criteria; None if that is not known."""
    reason: Text = ""
    """Why there is no cost."""
    votes: int = VOTES


def asks(judge: str) -> bool:
    """Whether a judge of this name calls a model, and does not compute."""
    return judge.partition(":")[0] in _ASKED


def judge_plan(recipe: Recipe, tokens: StepTokens, criteria: float, prices: Prices | None) -> JudgePlan:
    """What judging the answers of a step takes.

    Args:
        recipe: names the judges.
        tokens: of a step.
        criteria: of a row, those of static sets with it, on average.
        prices: of the judges' servers; None if they are not known.
    """
    reward, answers = recipe.reward, tokens.answers
    page = _INSTRUCTIONS + tokens.prompt_tokens + tokens.answer_tokens
    claims = math.ceil(tokens.answer_tokens / _CLAIM)
    rubric = math.ceil(criteria / CRITERIA_PER_CALL) if reward.rubric and asks(reward.judge) else 0
    nli = reward.support.partition(":")[0] == "hf"
    support = math.ceil(claims / CLAIMS_PER_CALL) if reward.citation and asks(reward.support) and not nli else 0
    judged = answers + tokens.refill_answers
    prompt = judged * ((rubric + support) * page + (rubric > 0) * round(criteria * _CRITERION))
    reply = judged * TOKENS_A_LINE * ((rubric > 0) * math.ceil(criteria) + (support > 0) * claims)
    calls, growth = answers * (rubric + support), _growth(recipe, tokens)
    cost, reason = _cost(prompt, reply, growth, prices)
    return JudgePlan(
        calls=calls,
        rubric_calls=answers * rubric,
        support_calls=answers * support,
        refill_calls=tokens.refill_answers * (rubric + support),
        prompt_tokens=prompt,
        reply_tokens=reply,
        growth=growth,
        cost=cost,
        reason=reason,
    )


def _growth(recipe: Recipe, tokens: StepTokens) -> GrowthPlan | None:
    """The writer is shown the evidence and some answers of a group; each answer of it is judged by what was written."""
    evolve = recipe.evolve
    if evolve is None:
        return None
    written = evolve.n_positive + evolve.n_negative
    admission = math.ceil(written / CRITERIA_PER_CALL) if asks(evolve.admission) else 0
    shown = _INSTRUCTIONS + tokens.prompt_tokens + min(tokens.group, MOST_ANSWERS) * tokens.answer_tokens
    page = admission * (_INSTRUCTIONS + tokens.prompt_tokens + tokens.answer_tokens) + (admission > 0) * (
        written * _CRITERION
    )
    return GrowthPlan(
        every=evolve.every,
        writer_calls=tokens.prompts,
        admission_calls=tokens.answers * admission,
        prompt_tokens=tokens.prompts * shown + tokens.answers * page,
        reply_tokens=tokens.prompts * written * _WRITTEN + (admission > 0) * tokens.answers * written * TOKENS_A_LINE,
    )


def _cost(prompt: int, reply: int, growth: GrowthPlan | None, prices: Prices | None) -> tuple[float | None, str]:
    if not prompt and growth is None:
        return 0.0, ""
    if prices is None:
        return None, "no prices are set (CITEREFINE_PRICES, as in 0.15,0.60)"
    if growth is not None:
        prompt += round(growth.prompt_tokens / growth.every)
        reply += round(growth.reply_tokens / growth.every)
    return prices.cost(Usage(prompt_tokens=prompt, completion_tokens=reply)), ""

"""How many tokens one training step is made of.

In: a recipe, lengths of prompts. Out: `StepTokens`. A step is what `train.steps` counts: one rollout, and what is
trained on it; where there are two phases, a step of the first one is followed by one of the second. Answers are taken
for as long as they may be, so that real steps are shorter. Not here: counting prompts (row_facts.py).
"""

from citerefine.refiner.records import Record
from citerefine.training.data.tasks import improvement_tokens
from citerefine.training.recipes.recipe import Recipe


class StepTokens(Record):
    """Tokens of one step, over all processes."""

    prompts: int
    group: int
    """Answers of each prompt."""
    prompt_tokens: int
    """Of a prompt, on average."""
    longest_prompt: int
    answer_tokens: int
    """Most of an answer."""
    answers: int
    """Sampled in a step, and judged, but for those below."""
    naive: int
    """Trained on, with the prompt before each answer: prompts · G · (P + R)."""
    shared: int
    """The same with the prompt of a group computed once a pass: prompts · (c · P + G · R)."""
    copies: int = 1
    """c: passes that a group is divided over, each of which computes its prompt."""
    refill_tokens: int = 0
    """Sampled beyond, at most, in place of groups that teach nothing; no more is trained on for that."""
    refill_answers: int = 0
    """Answers of these, at most: so many that their prompts alone use the tokens up, of all rows that are left."""


def step_tokens(
    recipe: Recipe, prompt_tokens: int, longest_prompt: int, rows: int | None = None
) -> StepTokens:  # fmt: skip
    """Tokens of a step of this recipe, with prompts of these lengths: on average, at most. `rows` are trained on."""
    prompts, group, answer = recipe.train.prompts_per_step, recipe.train.group_size, recipe.data.answer_tokens
    copies = group // (recipe.train.micro_rows or group)
    refill = recipe.train.refill_tokens
    refilled = refill // (group * max(1, prompt_tokens))
    if rows is not None:
        refilled = min(refilled, max(0, rows - prompts))
    return StepTokens(
        prompts=prompts,
        group=group,
        prompt_tokens=prompt_tokens,
        longest_prompt=longest_prompt,
        answer_tokens=answer,
        answers=prompts * group,
        naive=prompts * group * (prompt_tokens + answer),
        shared=prompts * (copies * prompt_tokens + group * answer),
        copies=copies,
        refill_tokens=refill,
        refill_answers=group * refilled,
    )


def second_step(recipe: Recipe, first: StepTokens) -> StepTokens | None:
    """The step that follows where there are two phases: its prompts hold a draft and an instruction too. Else None."""
    if recipe.phases == "one":
        return None
    added = first.answer_tokens + improvement_tokens()
    return step_tokens(recipe, first.prompt_tokens + added, first.longest_prompt + added)


def can_share(recipe: Recipe) -> bool:
    """Whether a prompt may be computed once for its answers in a pass: there are several, and it is not turned off."""
    return recipe.train.shared_prefix != "off" and recipe.train.rows_per_pass > 1

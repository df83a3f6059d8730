"""How many tokens one training step is made of.

In: a recipe, lengths of prompts. Out: `StepTokens`. Answers are taken for as long as they may be, so that real steps
are shorter. Not here: counting prompts (prompt_lengths.py).
"""

from citerefine.refiner.records import Record
from citerefine.training.recipes.recipe import Recipe


class StepTokens(Record):
    """Tokens of one step, over all processes."""

    prompts: int
    group: int
    """Answers of each prompt."""
    rollouts: int = 1
    """Rollouts of a step: 2 where each prompt has a second phase."""
    prompt_tokens: int
    """Of a prompt, on average."""
    longest_prompt: int
    answer_tokens: int
    """Most of an answer."""
    answers: int
    """Sampled in a step, and judged."""
    naive: int
    """Trained on, with the prompt before each answer: prompts · G · (P + R)."""
    shared: int
    """The same with the prompt of a group computed once: prompts · (P + G · R)."""


def step_tokens(recipe: Recipe, prompt_tokens: int, longest_prompt: int) -> StepTokens:
    """Tokens of a step of this recipe, with prompts of these lengths: on average, at most."""
    prompts, group, answer = recipe.train.prompts_per_step, recipe.train.group_size, recipe.data.answer_tokens
    rollouts = 2 if recipe.phases == "two" else 1
    return StepTokens(
        prompts=prompts,
        group=group,
        rollouts=rollouts,
        prompt_tokens=prompt_tokens,
        longest_prompt=longest_prompt,
        answer_tokens=answer,
        answers=rollouts * prompts * group,
        naive=rollouts * prompts * group * (prompt_tokens + answer),
        shared=rollouts * prompts * (prompt_tokens + group * answer),
    )

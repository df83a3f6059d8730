"""Rubrics that grow, as one job has them: made of a recipe, and kept in step with its trainer.

In: a recipe, the folder of a run, a trainer. Out: `EvolvingRubrics`, or None where the recipe has no such section; a
callback on the trainer. Not here: what they are (citerefine.training.evolving).
"""

from collections.abc import Callable
from typing import Any

from accelerate.utils import gather_object

from citerefine.training.data.prompted import row_of
from citerefine.training.evolving.callback import RubricsCallback
from citerefine.training.evolving.loading import load_evolving
from citerefine.training.evolving.prompts import MOST_PROMPTS, told_in_prompts
from citerefine.training.evolving.rubrics import EvolvingRubrics
from citerefine.training.recipes.recipe import Recipe
from citerefine.training.running.run_folder import RunFolder, is_main


def growing_rubrics(
    recipe: Recipe, folder: RunFolder, dataset: Any, tell: Callable[[str], None]
) -> EvolvingRubrics | None:
    """The rubrics of a job; tells if prompts hold criteria.

    Raises:
        ModelError: if the section names no model or judge.
        StateError: if the file of events cannot be used.
    """
    if recipe.evolve is None:
        return None
    if is_main():
        seen = dataset.select(range(min(MOST_PROMPTS, len(dataset))))
        line = told_in_prompts(((one["prompt"], row_of(one["row"])) for one in seen), recipe.reward)
        if line:
            tell(line)
    return load_evolving(
        recipe.evolve,
        recipe.reward,
        calls=folder.evolving_calls(),
        events=folder.rubric_events if is_main() else None,
        gather=lambda values: list(gather_object(values)),
        tell=tell,
    )


def keep_in_step(trainer: Any, rubrics: EvolvingRubrics) -> None:
    """Has rubrics grow at the end of each step; figures are logged with those of the step."""
    figures = trainer._metrics["train"]
    trainer.add_callback(RubricsCallback(rubrics, lambda name, value: figures[name].append(value)))

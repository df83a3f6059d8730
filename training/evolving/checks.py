"""Whether growing rubrics go with the rest of a recipe: `evolving_problems`.

In: a recipe. Out: what keeps it from running, each with its remedy, and what may go wrong. Judges are not asked. Not
here: the other sections (recipes/checks.py).
"""

from collections.abc import Iterator

from citerefine.judges.rubric.loading import load_rubric_judge
from citerefine.refiner.errors import CiterefineError
from citerefine.refiner.models import load_chat_model
from citerefine.rubrics.buffer.independence import are_independent
from citerefine.rubrics.buffer.own_rubric import BY_WEIGHT
from citerefine.training.evolving.settings import EvolvingSettings
from citerefine.training.recipes.family import family_of
from citerefine.training.recipes.problem import Problem
from citerefine.training.recipes.recipe import Recipe


def evolving_problems(recipe: Recipe) -> Iterator[Problem]:
    """The problems of the section `evolve`; none if there is no such section."""
    settings = recipe.evolve
    if settings is None:
        return
    yield from _reward(recipe)
    yield from _training(recipe, settings)
    yield from _judges(recipe, settings)
    yield from _loading(settings)


def _reward(recipe: Recipe) -> Iterator[Problem]:
    reward = recipe.reward
    if not reward.rubric:
        yield Problem(
            where="evolve",
            what="criteria are written, and rubrics are not rewarded",
            remedy="set reward.rubric, or leave the section out",
        )
    if reward.held_out_share:
        yield Problem(
            where="reward.held_out_share",
            what="with growing rubrics, evolve.held_out says what is held out",
            remedy=f"set evolve.held_out = {reward.held_out_share:g}, and 0 here",
        )
    if reward.formula and reward.formula not in BY_WEIGHT:
        yield Problem(
            where="reward.formula",
            what=f"{reward.formula} does not count criteria by their weight, so that none can be added",
            remedy="leave it out, or use tree_mean",
        )


def _training(recipe: Recipe, settings: EvolvingSettings) -> Iterator[Problem]:
    train = recipe.train
    least = settings.buffer(recipe.reward).least_rollouts
    if train.group_size < least:
        yield Problem(
            where="train.group_size",
            what=f"a criterion is admitted on {least} answers to one prompt, and there are {train.group_size}",
            remedy=f"set it to {least} or more",
        )
    if settings.every % train.updates_per_rollout:
        yield Problem(
            where="evolve.every",
            what=f"answers are sampled every {train.updates_per_rollout} steps, and criteria written every "
            f"{settings.every}",
            remedy=f"use a multiple of {train.updates_per_rollout}",
        )


def _judges(recipe: Recipe, settings: EvolvingSettings) -> Iterator[Problem]:
    others = {"reward.judge": recipe.reward.judge, "evolve.writer": settings.writer}
    if recipe.reward.backup:
        others["reward.backup"] = recipe.reward.backup
    for where, other in others.items():
        if not are_independent(settings.admission, other):
            yield Problem(
                where="evolve.admission",
                what=f"it is the model of {where}, and nobody may admit what it is rewarded by or has written",
                remedy="name another model, best of another family",
            )
    family = family_of(settings.admission)
    if family is not None and family == family_of(recipe.reward.judge):
        yield Problem(
            where="evolve.admission",
            what=f"it is of the family {family}, as the judge that is trained on",
            remedy="name one of another family",
            severity="warning",
        )


def _loading(settings: EvolvingSettings) -> Iterator[Problem]:
    for where, name, load in (
        ("evolve.writer", settings.writer, load_chat_model),
        ("evolve.admission", settings.admission, load_rubric_judge),
    ):
        try:
            load(name)
        except CiterefineError as error:
            what, _, remedy = str(error).partition("; ")
            yield Problem(where=where, what=what, remedy=remedy or "name another model")

"""From a recipe to rubrics that grow: models by their names, calls kept in a journal, events in the run's folder.

In: settings, paths. Out: `EvolvingRubrics`. Nothing is connected before it is asked. Not here: checks (checks.py).
"""

from collections.abc import Callable
from pathlib import Path

from citerefine.judges.rubric.loading import load_rubric_judge
from citerefine.refiner.chat.journal import JournaledModel
from citerefine.refiner.models import load_chat_model
from citerefine.training.evolving.rubrics import EvolvingRubrics, Gather
from citerefine.training.evolving.settings import EvolvingSettings
from citerefine.training.rewards.settings import RewardSettings


def load_evolving(
    settings: EvolvingSettings,
    reward: RewardSettings,
    *,
    calls: Path,
    events: Path | None,
    gather: Gather,
    tell: Callable[[str], None],
) -> EvolvingRubrics:
    """The rubrics of a run.

    Args:
        settings: names the writer and the judge that admits.
        reward: of the reward that asks for criteria.
        calls: journal of both, so that a run that goes on is told what it was told before. Its folder is made.
        events: file of events, in the first process; None in the others.
        gather: tells all processes what each holds.
        tell: gets a line when something fails.

    Raises:
        ModelError: if a name is that of no model or judge.
        InputError: if a table of labels cannot be read.
        StateError: if the file of events cannot be used.
    """
    calls.parent.mkdir(parents=True, exist_ok=True)
    return EvolvingRubrics(
        settings,
        reward,
        writer=JournaledModel(load_chat_model(settings.writer), calls),
        admission=load_rubric_judge(settings.admission, journal=calls),
        events=events,
        gather=gather,
        tell=tell,
    )

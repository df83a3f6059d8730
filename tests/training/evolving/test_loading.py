"""Models by their names, through servers; what they said is kept, so that a run that goes on is told the same."""

import asyncio
from pathlib import Path

import pytest
from tests.faulty_server import FaultyServer, says
from tests.training.evolving.growing import (
    PERCH_ONLY,
    by_word,
    evolving_settings,
    reward_settings,
    step,
    written,
)

from citerefine.judges.rubric.table_rubric_judge import TableRubricJudge
from citerefine.refiner.errors import ModelError
from citerefine.training.evolving.loading import load_evolving
from citerefine.training.evolving.rubrics import EvolvingRubrics
from citerefine.training.evolving.settings import EvolvingSettings
from citerefine.training.rewards.refiner_reward import RefinerReward

WITH_BOATS = "<answer><snippet id=S1>Perch doubled. Boats crossed the frozen lake in winter.</snippet></answer>"
BOATS = "Says that boats crossed the frozen lake in winter."


def loaded(settings: EvolvingSettings, folder: Path, told: list[str]) -> EvolvingRubrics:
    calls = folder / "judge" / "evolving.db"
    return load_evolving(settings, reward_settings(), calls=calls, events=None, gather=list, tell=told.append)


async def seen(settings: EvolvingSettings, folder: Path, told: list[str]) -> dict[str, float]:
    """The figures of one step."""
    rubrics = loaded(settings, folder, told)
    reward = RefinerReward(reward_settings(), judge=TableRubricJudge(by_word), rubrics=rubrics)
    await step(reward, 0, [PERCH_ONLY, WITH_BOATS] * 2)
    figures = rubrics.apply()
    await rubrics.aclose()
    return figures


def test_what_a_server_wrote_is_not_asked_for_again(tmp_path: Path) -> None:
    told = list[str]()
    with FaultyServer([says(written(BOATS))]) as server:
        settings = evolving_settings(writer=server.model, admission="lexical", deadline=20.0)
        first, again = (asyncio.run(seen(settings, tmp_path, told)) for _ in range(2))
        assert len(server.chats) == 1
    assert first["rubrics/added"] == 1
    assert again == first
    assert not told


def test_a_server_that_is_gone_is_waited_for_until_the_deadline(tmp_path: Path) -> None:
    told = list[str]()
    settings = evolving_settings(writer="openai:w@http://127.0.0.1:9/v1", admission="lexical", deadline=0.5)
    figures = asyncio.run(seen(settings, tmp_path, told))
    assert (figures["rubrics/added"], figures["rubrics/writer_failed"]) == (0, 1)
    assert len(told) == 1


def test_a_name_of_no_model_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model is called"):
        loaded(evolving_settings(writer="nobody"), tmp_path, [])

"""The reward as verl calls it; with verl installed, through its own loader and reward manager."""

import asyncio
import importlib
import importlib.util
import socket
from typing import Any

import pytest
from pydantic import ValidationError

from citerefine.refiner.errors import InputError
from citerefine.training.adapters.verl import compute_score
from citerefine.training.data.row import TrainingRow
from citerefine.training.rewards import RefinerReward, RewardSettings

SNIPPET = {"id": "a", "text": "The survey found that perch doubled in Lake Orven by 2010."}
ROW = TrainingRow.model_validate({"id": "1", "question": "What did perch do?", "evidence": {"snippets": [SNIPPET]}})
GOOD = "<answer><snippet id=S1>Perch doubled in Lake Orven by 2010.</snippet></answer>"
SETTINGS: dict[str, Any] = {"rubric": 0, "citation": 0.8, "format": 0.2}
NEEDS_VERL = pytest.mark.skipif(
    importlib.util.find_spec("verl") is None, reason="verl is not installed: make test-adapters"
)


def closed_port() -> str:
    """A model string of a server that is not there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"openai:tiny@http://127.0.0.1:{probe.getsockname()[1]}/v1"


def test_an_answer_has_the_score_that_the_reward_gives_it() -> None:
    known = RefinerReward(RewardSettings(**SETTINGS)).score(ROW, GOOD).total
    found = compute_score("any", GOOD, None, {"row": ROW.model_dump_json(), "index": 3}, **SETTINGS)
    assert found == {"score": known, "missing": 0.0}
    assert known


def test_a_bad_answer_has_a_real_score() -> None:
    assert compute_score("any", "no block", None, {"row": ROW}, **SETTINGS) == {"score": 0.0, "missing": 0.0}


def test_an_answer_that_no_judge_could_judge_is_marked_as_missing() -> None:
    settings = {**SETTINGS, "support": closed_port(), "answer_deadline": 1.0}
    assert compute_score("any", GOOD, None, {"row": ROW}, patience=0.1, **settings) == {"score": 0.0, "missing": 1.0}


def test_what_cannot_be_scored_for_any_answer_is_raised() -> None:
    with pytest.raises(InputError, match="extra_info has no `row`"):
        compute_score("any", GOOD, "gold", {})
    with pytest.raises(ValidationError, match="citatoin"):
        compute_score("any", GOOD, None, {"row": ROW}, citatoin=0.2)
    with pytest.raises(ValueError, match="unusable: "):
        compute_score("any", GOOD, None, {"row": "{}"}, **SETTINGS)


@NEEDS_VERL
def test_verl_loads_it_by_its_configuration_and_its_reward_manager_scores_with_it() -> None:
    import numpy as np
    import torch
    from verl import DataProto
    from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager
    from verl.trainer.ppo.reward import get_custom_reward_fn

    OmegaConf: Any = importlib.import_module("omegaconf").OmegaConf  # as verl's users know it
    chosen = {"path": "pkg://citerefine.training.adapters.verl", "name": "compute_score",
              "reward_kwargs": {**SETTINGS, "static_sets": ["citation"]}}  # fmt: skip
    function = get_custom_reward_fn(OmegaConf.create({"reward": {"custom_reward_function": chosen}}))

    class Characters:
        """A tokenizer whose tokens are characters."""

        def decode(self, ids: Any, skip_special_tokens: bool) -> str:
            return "".join(map(chr, ids.tolist()))

    def scored(text: str) -> dict[str, Any]:
        extra = np.array([{"row": ROW.model_dump_json()}], dtype=object)
        data = DataProto.from_dict(
            tensors={
                "responses": torch.tensor([[*map(ord, text), 0]]),
                "attention_mask": torch.tensor([[1] * len(text) + [0]]),
            },
            non_tensors={
                "data_source": np.array(["any"], dtype=object),
                "reward_model": np.array([{"ground_truth": ""}], dtype=object),
                "extra_info": extra,
            },
        )

        async def run() -> dict[str, Any]:
            manager = NaiveRewardManager(OmegaConf.create({}), Characters(), function)
            manager.loop = asyncio.get_running_loop()
            found: dict[str, Any] = await manager.run_single(data)
            return found

        return asyncio.run(run())

    known = RefinerReward(RewardSettings(**SETTINGS, static_sets=("citation",))).score(ROW, GOOD).total
    assert scored(GOOD) == {"reward_score": known, "reward_extra_info": {"score": known, "missing": 0.0}}
    assert scored("no block")["reward_score"] == 0.0

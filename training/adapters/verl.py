"""The reward as a `compute_score` of verl (volcengine/verl, 0.9).

In: an answer and the row that it answers, as verl passes them. Out: `{"score", "missing"}`. In verl's configuration:

    reward:
      custom_reward_function:
        path: pkg://citerefine.training.adapters.verl
        name: compute_score
        reward_kwargs: {judge: "openai:NAME@URL", citation: 0.2, rubric: 0.8, format: 0, journal: run/judge/calls.db}

`reward_kwargs` are the fields of `RewardSettings`, and `journal` and `patience` as below. Each row of the data set has
the JSON of its `TrainingRow` in `extra_info["row"]`, with the evidence that its prompt shows. verl has no word for a
reward that is not known: a judge that fails is asked again for `patience` seconds, and then the score is 0 with
`missing` 1, by which such answers have to be filtered before advantages are worked out. Use the reward manager `naive`;
`rate_limited` makes a 0 of every error. verl scores answers one by one, so nothing is estimated from a group. Needs no
package. Not here: data sets of verl.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from citerefine.refiner.background import run
from citerefine.refiner.errors import InputError
from citerefine.training.errors import JudgeOutage
from citerefine.training.rewards.refiner_reward import RefinerReward
from citerefine.training.rewards.settings import RewardSettings

PATIENCE: Final = 120.0
"""Seconds for which judges are asked again about one answer."""


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str | None,
    extra_info: Mapping[str, Any] | None = None,
    *,
    journal: str = "",
    patience: float = PATIENCE,
    reward_router_address: str | None = None,
    reward_model_tokenizer: Any = None,
    **settings: Any,
) -> dict[str, float]:
    """The score of one answer, and whether it is missing (1.0) or known (0.0).

    Args:
        data_source: not used.
        solution_str: the answer, without special tokens.
        ground_truth: not used; the row has its own reference answer.
        extra_info: its `row` is a `TrainingRow`, or its JSON.
        journal: file of the judges' calls; see `RefinerReward`.
        patience: seconds for which judges that fail are asked again.
        reward_router_address: not used; verl passes it where it serves a reward model.
        reward_model_tokenizer: not used.
        settings: fields of `RewardSettings`.

    Raises:
        InputError: if there is no row.
        ValueError: if the row or the settings cannot be used.
        CallError: if asking judges on is of no use: `unauthorized`, `no_such_model`, `budget`.
        ModelError: if a judge cannot be loaded.
    """
    row = (extra_info or {}).get("row")
    if row is None:
        raise InputError("extra_info has no `row`; put the JSON of the TrainingRow there that the answer is judged by")
    reward = _reward(json.dumps(_plain(settings), sort_keys=True), journal)
    try:
        (found,) = run(reward.ascore_group(row, [solution_str], patience=patience))
    except JudgeOutage:
        return {"score": 0.0, "missing": 1.0}
    return {"score": found.total or 0.0, "missing": float(found.total is None)}


@lru_cache(maxsize=8)
def _reward(settings: str, journal: str) -> RefinerReward:
    """One reward a process, so that connections and budgets are shared."""
    return RefinerReward(RewardSettings.model_validate_json(settings), journal=Path(journal) if journal else None)


def _plain(value: Any) -> Any:
    """Values of a configuration as JSON has them; OmegaConf has mappings and lists of its own."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value

"""The two phases of a recipe: `two_phases`.

In: what the recipe says, the policy's tokenizer. Out: phases for the trainer: each prompt is answered, then the policy,
updated by that, improves one of its own drafts, and is updated by that too, both by the same reward (ThinkTwice, arXiv
2604.01591). Not here: phases themselves (phase.py).
"""

from typing import Any

from citerefine.training.data.settings import DataSettings
from citerefine.training.phases.improving import Improving
from citerefine.training.phases.phase import improving, solving
from citerefine.training.phases.rollouts import Gather, PhasedRollouts
from citerefine.training.phases.settings import SecondSettings


def two_phases(
    second: SecondSettings, tokenizer: Any, data: DataSettings, *, group_size: int, seed: int, gather: Gather
) -> PhasedRollouts:
    """The phases of a run.

    Args:
        second: how drafts are chosen.
        tokenizer: of the policy.
        data: lengths and names that the rows' prompts were made with.
        group_size: answers to one prompt.
        seed: of the run.
        gather: joins what the processes have.
    """
    phases = (solving(second.select), improving(Improving(tokenizer, data)))
    return PhasedRollouts(phases, group_size, seed, gather)

"""Seeds all random numbers of a process anew for each draw, from what the draw is and nothing else.

In: the run's seed, the rollout, the draw in it, the process. Out: nothing; Python's, numpy's and torch's generators are
set. So what is sampled does not depend on what ran before: evaluation, an outage, a kill. vLLM has random numbers of
its own, which nobody can set again in the middle of a run. Not here: which prompts.
"""

import hashlib
import random

import numpy as np
import torch


def seed_draw(seed: int, rollout: int, draw: int, process: int) -> None:
    """Seeds the generators for draw number `draw` of a rollout; processes draw different numbers."""
    digest = hashlib.sha256(f"{seed}/{rollout}/{draw}/{process}".encode()).digest()
    number = int.from_bytes(digest[:8], "big") >> 1  # torch takes 63 bits
    random.seed(number)
    np.random.seed(number & 0xFFFF_FFFF)
    torch.manual_seed(number)

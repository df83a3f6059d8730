"""The adversary suite: known hacks against a rubric judge and a reward, with what each earns."""

from citerefine.judges.adversary.drafts import Topic, load_topics
from citerefine.judges.adversary.hacks import Hack, load_hacks
from citerefine.judges.adversary.reward import Case, Parts, Reward, combined
from citerefine.judges.adversary.row import MAX_DRIFT, MAX_GAIN, Row
from citerefine.judges.adversary.runner import arun_adversary, run_adversary

__all__ = [
    "MAX_DRIFT",
    "MAX_GAIN",
    "Case",
    "Hack",
    "Parts",
    "Reward",
    "Row",
    "Topic",
    "arun_adversary",
    "combined",
    "load_hacks",
    "load_topics",
    "run_adversary",
]

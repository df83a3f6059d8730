"""Questions that can only be answered from their evidence: all that they ask about is invented.

In: a seed. Out: `TrainingRow`s. The evidence of each says things such as `Ships from Kalo sail to Miru.`, all but one of
them of the port that is asked about; an answer to imitate states one of these and cites it. The port's name is the
reference answer. What a row says holds in that row alone, so that nothing can be learned by heart: a policy has to copy
from the snippet that it names, and to tell ports apart. Rows for tests have names that no row for training has. Not
here: prompts (citerefine.training.data), scores.
"""

from itertools import islice
from random import Random
from typing import Final

from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet
from citerefine.training.data.row import TrainingRow
from citerefine.training.demo.names import Side, names

MOST_SNIPPETS: Final = 4


def make_rows(n: int, seed: int, side: Side, n_snippets: int = MOST_SNIPPETS) -> tuple[TrainingRow, ...]:
    """`n` rows, the same for the same arguments.

    Args:
        n: how many.
        seed: other seeds give other rows.
        side: whose names they have.
        n_snippets: snippets in the evidence of each, from 2 to MOST_SNIPPETS.
    """
    rng = Random(f"{seed} {side} {n_snippets}")
    return tuple(_row(f"{side}-{seed}-{n_snippets}-{number}", rng, side, n_snippets) for number in range(n))


def _row(id: str, rng: Random, side: Side, n_snippets: int) -> TrainingRow:
    asked, other, *goals = islice(names(rng, side), 2 + n_snippets)
    ports = [asked] * (n_snippets - 1) + [other]
    rng.shuffle(ports)
    facts = [f"Ships from {port} sail to {goal}." for port, goal in zip(ports, goals, strict=True)]
    told = rng.choice([number for number, port in enumerate(ports) if port == asked])
    return TrainingRow(
        id=id,
        question=f"Where do ships from {asked} sail?",
        evidence=Evidence(Snippet(id=f"{id}-{number}", text=fact) for number, fact in enumerate(facts, 1)),
        gold=asked,
        answer=f"<answer><snippet id=S{told + 1}>{facts[told]}</snippet></answer>",
        answerable=True,
    )

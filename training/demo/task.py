"""Questions that can only be answered from their evidence: all that they ask about is invented.

In: a seed. Out: `TrainingRow`s. The evidence of each says things such as `Near Kalo is Miru.`; an answer to imitate
states one of them and cites it; a criterion asks for each place that it could name. What a row says holds in that row
alone, so that nothing can be learned by heart: a policy has to copy from the snippet that it names. Rows for tests have
names that no row for training has. Not here: prompts (citerefine.training.data), scores.
"""

from itertools import islice
from random import Random
from typing import Final

from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet
from citerefine.rubrics.loading import read_row_rubric
from citerefine.training.data.row import TrainingRow
from citerefine.training.demo.names import Side, names

MOST_SNIPPETS: Final = 4


def make_rows(n: int, seed: int, side: Side, n_snippets: int = MOST_SNIPPETS) -> tuple[TrainingRow, ...]:
    """`n` rows, the same for the same arguments.

    Args:
        n: how many.
        seed: other seeds give other rows.
        side: whose names they have.
        n_snippets: snippets in the evidence of each, from 1 to MOST_SNIPPETS.
    """
    rng = Random(f"{seed} {side} {n_snippets}")
    return tuple(_row(f"{side}-{seed}-{n_snippets}-{number}", rng, side, n_snippets) for number in range(n))


def _row(id: str, rng: Random, side: Side, n_snippets: int) -> TrainingRow:
    place, *others = islice(names(rng, side), 1 + n_snippets)
    facts = [f"Near {place} is {other}." for other in others]
    told = rng.randrange(n_snippets)
    return TrainingRow(
        id=id,
        question=f"What is near {place}?",
        evidence=Evidence(Snippet(id=f"{id}-{number}", text=fact) for number, fact in enumerate(facts, 1)),
        rubric=read_row_rubric({"positive_rubrics": [{"description": f"Names {other}."} for other in others]}),
        gold=place,
        answer=f"<answer><snippet id=S{told + 1}>{facts[told]}</snippet></answer>",
        answerable=True,
    )

"""Splits rows into those that are trained on and those that are held out, so that no question is on both sides.

In: rows. Out: both sides, in the order of the rows; `Overlap`: what they have in common beside questions. Which side a
question is on depends on the seed and on it alone, or, where several are nearly the same (likeness.py), on one of them:
adding rows moves none but those that are alike to what was added. Evidence is not kept apart: one snippet may serve
many questions; the overlap says how many. Not here: what becomes of either side.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from citerefine.training.data.likeness import clusters, normal_form
from citerefine.training.data.row import TrainingRow


class Split(NamedTuple):
    """Both sides."""

    train: list[TrainingRow]
    eval: list[TrainingRow]


class Overlap(NamedTuple):
    """What rows of both sides have in common."""

    n_snippets: int
    """Snippets of the held-out side, each id once."""
    n_shared_snippets: int
    """Of these, snippets that a row to train on has too."""
    n_rows: int
    """Rows of the held-out side."""
    n_rows_all_shared: int
    """Of these, rows with snippets, every one of which a row to train on has too."""
    n_shared_golds: int
    """Of these, rows whose reference answer a row to train on has too."""


def split_by_question(rows: Sequence[TrainingRow], share: float, seed: int) -> Split:
    """Rows to train on, and rows to hold out.

    Args:
        rows: any.
        share: of the questions, about; of 0 none is held out. Where there are two questions that are not alike, each
            side gets one at least, unless the share is 0.
        seed: decides which ones.
    """
    held = held_out([row.question for row in rows], share, seed)
    return Split(
        [row for row, is_held in zip(rows, held, strict=True) if not is_held],
        [row for row, is_held in zip(rows, held, strict=True) if is_held],
    )


def without_leaks(train: Sequence[TrainingRow], held: Sequence[TrainingRow]) -> tuple[list[TrainingRow], list[str]]:
    """Where both sides were given: the rows to train on whose question is alike to none that is held out, and the ids
    of the others."""
    of = clusters([row.question for row in (*held, *train)])
    asked = {*of[: len(held)]}
    pairs = [*zip(train, of[len(held) :], strict=True)]
    kept = [row for row, cluster in pairs if cluster not in asked]
    return kept, [row.id for row, cluster in pairs if cluster in asked]


def held_out(questions: Sequence[str], share: float, seed: int) -> list[bool]:
    """For each question, whether it is held out; as `split_by_question`."""
    members = defaultdict[int, list[str]](list)
    of = clusters(questions)
    for cluster, question in zip(of, questions, strict=True):
        members[cluster].append(normal_form(question))
    places = {cluster: _place(texts, seed) for cluster, texts in members.items()}
    held = {cluster for cluster, place in places.items() if place < share}
    if share > 0 and len(places) > 1:
        ordered = sorted(places, key=places.__getitem__)
        held = (held | {ordered[0]}) - {ordered[-1]}
    return [cluster in held for cluster in of]


def _place(texts: Iterable[str], seed: int) -> float:
    """A number in [0, 1). One text stands for the cluster, chosen apart from the seed: the lowest of several numbers
    would hold large clusters out more often."""
    chosen = min(texts, key=lambda text: hashlib.sha256(text.encode("utf-8", "replace")).digest())
    digest = hashlib.sha256(f"{seed}\n{chosen}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:7]) / 2**56


class OverlapCount:
    """Counts what two sides have in common; holds ids, and no rows."""

    def __init__(self) -> None:
        self._known, self._golds = set[str](), set[str]()
        self._held = list[tuple[frozenset[str], str | None]]()

    def add(self, row: TrainingRow, is_held: bool) -> None:
        """Takes in a row of one side."""
        ids = frozenset(snippet.id for snippet in row.evidence.snippets)
        gold = None if row.gold is None else normal_form(row.gold)
        if is_held:
            self._held.append((ids, gold))
        else:
            self._known |= ids
            self._golds |= set() if gold is None else {gold}

    def result(self) -> Overlap:
        """What was found in the rows so far."""
        every = frozenset[str]().union(*(ids for ids, _ in self._held))
        return Overlap(
            n_snippets=len(every),
            n_shared_snippets=len(every & self._known),
            n_rows=len(self._held),
            n_rows_all_shared=sum(bool(ids) and ids <= self._known for ids, _ in self._held),
            n_shared_golds=sum(gold in self._golds for _, gold in self._held if gold is not None),
        )


def overlap(split: Split) -> Overlap:
    """What the two sides have in common beside questions."""
    count = OverlapCount()
    for is_held, rows in ((False, split.train), (True, split.eval)):
        for row in rows:
            count.add(row, is_held)
    return count.result()

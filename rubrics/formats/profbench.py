"""ProfBench rows: weights are words.

In: `{task_id, domain, prompt, rubrics: [{criterion_description, criterion_type[], criterion_weight, …}]}`. Out: a flat
rubric, the word in `tier` and what it counts in `weight`. Not here: the verdicts of models that rows carry.
"""

from collections.abc import Mapping
from typing import Any, Final

from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats import parts
from citerefine.rubrics.formats.list_format import Group, ListFormat
from citerefine.rubrics.formats.parts import Key
from citerefine.rubrics.formats.shape import Shape
from citerefine.rubrics.formats.values import Object, as_label, as_text, near, shown

WEIGHTS: Final = {"Critical": 4, "Major": 3, "Minor": 2, "Additional": 1}
_WORDS: Final = {weight: word for word, weight in WEIGHTS.items()}


class WordedWeight:
    """A word that stands for a weight."""

    keys = ("criterion_weight",)
    names = ("weight", "tier")

    def read(self, native: Object, where: str) -> Mapping[str, Any]:
        """Weight and word."""
        word = as_text(native["criterion_weight"], f"{where}.criterion_weight")
        if word not in WEIGHTS:
            known = ", ".join(WEIGHTS)
            raise RubricError(f"{where}.criterion_weight is {shown(word)}{near(word, WEIGHTS)}; it is one of {known}")
        return {"weight": WEIGHTS[word], "tier": word}

    def write(self, record: parts.Record, native: Object) -> None:
        """The word that counts what the criterion counts."""
        native["criterion_weight"] = _WORDS[int(record.weight)]

    def cannot(self, record: parts.Record) -> str:
        """Other weights have no word."""
        return "" if record.weight in _WORDS else f"the weight {record.weight:g} has no word; 1 to 4 have"


PROFBENCH: Final = ListFormat(
    "profbench",
    "ProfBench: criteria that are critical, major, minor or additional",
    Shape(
        parts.text("criterion_description"),
        parts.tags("criterion_type"),
        WordedWeight(),
        required=(("criterion_description",), ("criterion_weight",)),
    ),
    Group("rubrics"),
    document=(Key("task_id", "id", as_label), parts.query("prompt")),
    tell=lambda native: "task_id" in native or bool(native["rubrics"]),
    bare=True,
)

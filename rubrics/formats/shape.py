"""An object of a format and a record of ours, in both directions.

In: native objects, or records. Out: fields of records, or native objects. What an object came with, it is written
with again: only the parts whose fields differ from what the kept object gives are written anew. Not here: where in a
document the objects stand (list_format.py).
"""

import copy
import re
from typing import Any, Final

from citerefine.rubrics.criterion import Criterion, Polarity
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats.parts import Part
from citerefine.rubrics.formats.spelling import refuse_misspelt
from citerefine.rubrics.formats.values import Object, as_label, near

MADE_ID: Final = re.compile(r"c\d+|.*/\d+")
"""Ids that are made while reading, and made anew whenever a document is read."""


class Shape:
    """The objects that hold one criterion each."""

    def __init__(
        self,
        *parts: Part,
        required: tuple[tuple[str, ...], ...],
        id_key: str = "",
        beside: tuple[str, ...] = (),
        **fixed: Any,
    ) -> None:
        """Says how its objects look.

        Args:
            parts: what of an object stands for which fields.
            required: keys that an object needs, each with its other spellings.
            id_key: holds the object's own id.
            beside: keys by which a sister format is told from this one; none of them may be misspelt here either.
            fixed: fields that all criteria have.
        """
        self.parts = parts
        self.required = required
        self.id_key = id_key
        self.fixed = fixed
        self.known_keys = frozenset(key for part in parts for key in part.keys) | ({id_key} if id_key else set())
        self._spelled = self.known_keys.union(beside)

    def fits(self, native: object) -> bool:
        """Whether it has the keys that such an object needs."""
        return isinstance(native, dict) and all(any(key in native for key in keys) for keys in self.required)

    def native_id(self, native: Object, where: str) -> str:
        """The id that the object gives itself; empty if none, or one of no use."""
        label = as_label(native.get(self.id_key), f"{where}.{self.id_key}") if self.id_key else ""
        return label if len(label) <= 400 else ""

    def load(self, native: Object, where: str, *, id: str, sign: int = 0, **fixed: Any) -> Criterion:
        """The criterion; its `extra` is the object itself.

        Args:
            native: the object.
            where: its place in the document, for messages.
            id: the criterion's id.
            sign: 1 or -1 if the place decides what is a fault and weights may have no sign; 0: the weight's sign does.
            fixed: fields that the place decides.
        """
        self._require_keys(native, where)
        refuse_misspelt(native, self._spelled, where)
        fields: dict[str, Any] = {**self.fixed, **fixed}
        for part in self.parts:
            fields.update(part.read(native, where))
        fields.update(signed(fields.get("weight", 1), sign, where))
        return Criterion(id=id, extra=native, **fields)

    def dump(self, criterion: Criterion, sign: int = 0, *, fresh: bool = False) -> Object:
        """The object: the kept one with what was changed; a new one if that is of another shape, or if `fresh`."""
        was = None if fresh else self._kept(criterion, sign)
        native: Object = copy.deepcopy(criterion.extra) if was else {}
        if self.id_key and not (was and self._id_stays(criterion)):
            native[self.id_key] = criterion.id
        for part in self.parts:
            if was is None or any(getattr(was, name) != getattr(criterion, name) for name in part.names):
                part.write(criterion, native)
        return native

    def cannot(self, criterion: Criterion) -> str:
        """Why the criterion cannot be written; empty if it can."""
        return next((why for part in self.parts if (why := part.cannot(criterion))), "")

    def _kept(self, criterion: Criterion, sign: int) -> Criterion | None:
        if not self.fits(criterion.extra):
            return None
        try:
            return self.load(criterion.extra, criterion.id, id=criterion.id, sign=sign)
        except RubricError:  # of another format that has keys of these names
            return None

    def _id_stays(self, criterion: Criterion) -> bool:
        kept = self.native_id(criterion.extra, criterion.id)
        return kept == criterion.id or bool(MADE_ID.fullmatch(criterion.id))

    def _require_keys(self, native: Object, where: str) -> None:
        for keys in self.required:
            if not any(key in native for key in keys):
                hint = near(keys[0], native)
                raise RubricError(f"{where} has no `{'` or `'.join(keys)}`{hint}; each item needs one")


def signed(weight: int | float, sign: int, where: str) -> dict[str, Any]:
    """Weight and polarity, from the weight's own sign or from that of the list it stands in."""
    if sign > 0 and weight < 0:
        raise RubricError(f"{where} has the weight {weight}, but stands among the positive; move it or drop the sign")
    if sign < 0 and weight > 0:
        weight = -weight
    negative = sign < 0 or weight < 0
    return {"weight": weight, "polarity": Polarity.NEGATIVE if negative else Polarity.POSITIVE}


def name_all(named: list[str]) -> list[str]:
    """Ids for criteria in order: the native one where it is the only one of its name, else `c1`, `c2` …"""
    seen: dict[str, int] = {}
    for name in named:
        seen[name] = seen.get(name, 0) + 1
    made = [name if name and seen[name] == 1 else f"c{place}" for place, name in enumerate(named, 1)]
    clashes = len(set(made)) < len(made)  # a native `c2` beside a made one
    return [f"c{place}" for place in range(1, len(made) + 1)] if clashes else made

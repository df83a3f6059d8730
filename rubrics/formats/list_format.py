"""Formats whose documents hold criteria in one list or several, without nesting.

In: native documents, or rubrics. Out: rubrics, or documents. The document stays in `Rubric.extra` with its lists
emptied, so that it is put together again in its own order. Not here: the keys of any format.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from pydantic import JsonValue

from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats.parts import Part
from citerefine.rubrics.formats.shape import Shape, name_all
from citerefine.rubrics.formats.spelling import refuse_misspelt
from citerefine.rubrics.formats.values import Object, as_list, as_object, near
from citerefine.rubrics.rubric import MAX_NODES, Rubric


class Group(NamedTuple):
    """One list of criteria in a document."""

    key: str
    sign: int = 0
    """1: none is a fault; -1: all are; 0: as the sign of the weight says."""
    fixed: dict[str, Any] = {}  # noqa: RUF012
    """Fields that all criteria of the list have."""
    holds: Callable[[Criterion], bool] = lambda criterion: True
    """Whether a criterion is written into this list; the first group that says so gets it."""


class ListFormat:
    """A format of one or more lists."""

    has_rules = False
    has_states: bool

    def __init__(
        self,
        name: str,
        meaning: str,
        item: Shape,
        *groups: Group,
        document: Sequence[Part] = (),
        tell: Callable[[Object], bool] = lambda native: True,
        bare: bool = False,
        strings: bool = False,
    ) -> None:
        """Says how its documents look.

        Args:
            name: key in `FORMATS`.
            meaning: one line.
            item: the objects in the lists.
            groups: the lists; none for a format whose documents are nothing but a list.
            document: parts of the document beside the lists.
            tell: whether an object that has the lists is of this format and no other.
            bare: whether a list without its document is read, too.
            strings: whether an item may be plain text.
        """
        self.name, self.meaning, self.item = name, meaning, item
        self.groups, self.document = groups, tuple(document)
        self._spelled = frozenset({key for part in document for key in part.keys} | {group.key for group in groups})
        self.known_keys = item.known_keys | self._spelled
        self.has_states = any("state" in group.fixed for group in groups) and len(groups) > 2
        self._tell, self._bare, self._strings = tell, bare or not groups, strings

    def recognises(self, native: JsonValue) -> bool:
        """Whether it has this format's lists, with this format's items in them."""
        if isinstance(native, list):
            return self._bare and bool(native) and all(self._is_item(item) for item in native)
        if not isinstance(native, dict):
            return False
        lists = [native[group.key] for group in self.groups if native.get(group.key) is not None]
        if not lists:
            return False
        fitting = all(isinstance(items, list) and all(self._is_item(item) for item in items) for items in lists)
        return fitting and self._tell(native)

    def load(self, native: JsonValue) -> Rubric:
        """The rubric."""
        lists = self._lists(native)
        if sum(len(items) for _, items, _ in lists) > MAX_NODES:
            raise RubricError(f"the document holds more than {MAX_NODES:,} criteria; split it")
        placed = [
            (group, item, f"{where}[{place}]") for group, items, where in lists for place, item in enumerate(items)
        ]
        ids = name_all([self._native_id(item, where) for _, item, where in placed])
        criteria = [self._criterion(*row, id) for row, id in zip(placed, ids, strict=True)]
        kept = dict(native) if isinstance(native, dict) else {}
        kept |= {group.key: [] for group in self.groups if kept.get(group.key) is not None}
        fields: dict[str, Any] = {}
        for part in self.document:
            fields.update(part.read(kept, self.name))
        return Rubric(format=self.name, criteria=tuple(criteria), extra=kept, **fields)

    def cannot(self, rubric: Rubric) -> Iterable[tuple[Criterion | None, str]]:
        """Trees, and what the items have no way to say."""
        for criterion in rubric.criteria:
            if criterion.children:
                yield criterion, "it has criteria below it, and the format has no trees"
            elif why := self.item.cannot(criterion):
                yield criterion, why

    def dump(self, rubric: Rubric) -> JsonValue:
        """The document."""
        ours = rubric.format == self.name
        items = {group.key: list[JsonValue]() for group in self.groups or (Group(""),)}
        for criterion in rubric.criteria:
            group = self._group_of(criterion)
            items[group.key].append(self._item(criterion, group, fresh=not ours))
        if not self.groups or (self._bare and ours and not rubric.extra):
            return next(iter(items.values()))
        native = self._document(rubric, rubric.extra if ours else {})
        if not (ours and rubric.extra):  # a new document has all its lists
            return native | items
        return native | {key: rows for key, rows in items.items() if rows or native.get(key) is not None}

    def _document(self, rubric: Rubric, kept: Object) -> Object:
        native = copy.deepcopy(kept)
        was: dict[str, Any] = {}
        for part in self.document:
            was.update(part.read(kept, self.name))
        for part in self.document:
            if not kept or any(was.get(name, "") != getattr(rubric, name) for name in part.names):
                part.write(rubric, native)
        return native

    def _lists(self, native: JsonValue) -> list[tuple[Group, list[JsonValue], str]]:
        """The lists of a document, in its order, each with its place."""
        if isinstance(native, list) and self._bare:
            return [(self.groups[0] if self.groups else Group(""), native, self.name)]
        groups = {group.key: group for group in self.groups}
        document = as_object(native, f"the {self.name} document")
        found = [key for key, value in document.items() if key in groups and value is not None]
        if not found:
            wanted = "` or `".join(groups) or "list of items"
            raise RubricError(f"the {self.name} document has no `{wanted}`{near(next(iter(groups), ''), document)}")
        refuse_misspelt(document, self._spelled, f"the {self.name} document")
        return [(groups[key], as_list(document[key], f"{self.name}: {key}"), f"{self.name}: {key}") for key in found]

    def _is_item(self, item: JsonValue) -> bool:
        return self.item.fits(item) or (self._strings and isinstance(item, str))

    def _native_id(self, item: JsonValue, where: str) -> str:
        return "" if self._strings and isinstance(item, str) else self.item.native_id(as_object(item, where), where)

    def _criterion(self, group: Group, item: JsonValue, where: str, id: str) -> Criterion:
        if not (self._strings and isinstance(item, str)):
            return self.item.load(as_object(item, where), where, id=id, sign=group.sign, **group.fixed)
        text_key = self.item.required[0][0]
        spelled = self.item.load({text_key: item}, where, id=id, sign=group.sign, **group.fixed)
        return spelled.model_copy(update={"extra": {}})

    def _item(self, criterion: Criterion, group: Group, *, fresh: bool) -> JsonValue:
        if self._strings and not criterion.extra and not criterion.title and abs(criterion.weight) == 1:
            return criterion.text
        return self.item.dump(criterion, group.sign, fresh=fresh)

    def _group_of(self, criterion: Criterion) -> Group:
        for group in self.groups:
            if group.holds(criterion):
                return group
        return self.groups[-1] if self.groups else Group("")

"""PaperBench: trees of requirements, graded or not.

In: `{id, requirements, weight, sub_tasks[], task_category, …}`; a graded node adds `{score, valid_score, explanation,
judge_metadata}`. Out: a rubric with one root. Grades stay in `extra`; `graded_values` gives them. All without
recursion: a tree may be deeper than Python's stack. Not here: the mean over the tree (citerefine.rubrics.aggregation).
"""

from collections.abc import Iterable
from typing import Final, Literal

from pydantic import JsonValue

from citerefine.rubrics.criterion import Criterion, leaves, walk
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats import parts
from citerefine.rubrics.formats.parts import Key
from citerefine.rubrics.formats.shape import Shape, name_all
from citerefine.rubrics.formats.spelling import refuse_misspelt
from citerefine.rubrics.formats.values import Object, as_list, as_object, as_weight, shown
from citerefine.rubrics.rubric import MAX_DEPTH, MAX_NODES, Rubric

_NODE: Final = Shape(
    parts.text("requirements"),
    Key("weight", "weight", as_weight, parts.whole, always=True, cannot=parts.at_least_0),
    required=(("id",), ("requirements",), ("weight",)),
    id_key="id",
)
_CATEGORIES: Final[Object] = {"task_category": None, "finegrained_task_category": None}


class TreeFormat:
    """Nodes within nodes."""

    has_rules = False
    has_states = False
    known_keys = _NODE.known_keys | {"sub_tasks"}

    def __init__(self, name: str, meaning: str, *, graded: bool) -> None:
        self.name, self.meaning, self._graded = name, meaning, graded

    def recognises(self, native: JsonValue) -> bool:
        """Whether the root has a node's keys; a graded one has a score."""
        return _NODE.fits(native) and isinstance(native, dict) and ("score" in native) is self._graded

    def load(self, native: JsonValue) -> Rubric:
        """The tree as a rubric with one root."""
        nodes = _walk(as_object(native, f"the {self.name} tree"), self.name)
        ids = name_all([_NODE.native_id(node.native, node.where) for node in nodes])
        built: list[list[Criterion]] = [[] for _ in nodes]
        for place in range(len(nodes) - 1, -1, -1):  # children stand after their parent, so they are built before it
            criterion = _criterion(nodes[place], ids[place], tuple(reversed(built[place])))
            if nodes[place].parent is None:
                return Rubric(format=self.name, id=criterion.id, criteria=(criterion,))
            built[nodes[place].parent or 0].append(criterion)
        raise AssertionError("a tree has a root")

    def cannot(self, rubric: Rubric) -> Iterable[tuple[Criterion | None, str]]:
        """Faults; and for the graded form, criteria that have no grade."""
        for criterion in walk(rubric.criteria):
            if why := _NODE.cannot(criterion):
                yield criterion, why
            elif self._graded and "score" not in criterion.extra:
                yield criterion, "it has no grade; `paperbench` is the form without grades"

    def dump(self, rubric: Rubric) -> JsonValue:
        """The tree; several criteria get a root of their own."""
        ours = rubric.format == self.name
        nodes = {criterion.id: _NODE.dump(criterion, fresh=not ours) for criterion in walk(rubric.criteria)}
        for criterion in walk(rubric.criteria):
            native = nodes[criterion.id]
            fresh = not (ours and _NODE.fits(criterion.extra))
            if criterion.children or native.get("sub_tasks") is not None or fresh:
                native["sub_tasks"] = [nodes[child.id] for child in criterion.children]
            if fresh:
                native.update(_CATEGORIES)
        if len(rubric.criteria) == 1:
            return nodes[rubric.criteria[0].id]
        root: Object = {"id": "root", "requirements": rubric.query or "All criteria are met.", "weight": 1}
        return {**root, "sub_tasks": [nodes[criterion.id] for criterion in rubric.criteria], **_CATEGORIES}


class _Node:
    def __init__(self, native: Object, where: str, parent: int | None, depth: int) -> None:
        self.native, self.where, self.parent, self.depth = native, where, parent, depth


def _walk(root: Object, name: str) -> list[_Node]:
    """All nodes, each before those below it."""
    nodes, waiting = list[_Node](), [_Node(root, f"{name}: root", None, 1)]
    while waiting:
        node = waiting.pop()
        nodes.append(node)
        if node.depth > MAX_DEPTH:
            raise RubricError(f"the {name} tree is deeper than {MAX_DEPTH} levels; flatten it")
        tasks = node.native.get("sub_tasks")
        below = [] if tasks is None else as_list(tasks, f"{node.where}.sub_tasks")
        if len(nodes) + len(waiting) + len(below) > MAX_NODES:
            raise RubricError(f"the {name} tree has more than {MAX_NODES:,} nodes; split it")
        for place in range(len(below) - 1, -1, -1):
            where = f"{node.where}.sub_tasks[{place}]"
            waiting.append(_Node(as_object(below[place], where), where, len(nodes) - 1, node.depth + 1))
    return nodes


def _criterion(node: _Node, id: str, children: tuple[Criterion, ...]) -> Criterion:
    refuse_misspelt(node.native, TreeFormat.known_keys, node.where)
    kept = {key: [] if key == "sub_tasks" and value else value for key, value in node.native.items()}
    return _NODE.load(kept, node.where, id=id, children=children)


def graded_values(rubric: Rubric, *, invalid: Literal["missing", "zero"] = "missing") -> dict[str, float | None]:
    """The grades that people gave to the leaves of a graded tree: criterion id → value in [0, 1].

    Args:
        rubric: read from `paperbench_graded`.
        invalid: what a leaf with `valid_score: false` is: None, as everywhere here, or 0, as the format counts it.

    Raises:
        RubricError: if a leaf has no score, or one outside [0, 1].
    """
    values = dict[str, float | None]()
    for leaf in leaves(rubric.criteria):
        score = leaf.extra.get("score")
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
            raise RubricError(f"the leaf {leaf.id} has the score {shown(score)}; grades go from 0 to 1")
        valid = leaf.extra.get("valid_score") is not False
        values[leaf.id] = float(score) if valid else {"missing": None, "zero": 0.0}[invalid]
    return values


PAPERBENCH: Final = TreeFormat("paperbench", "PaperBench: a tree of weighted requirements", graded=False)
PAPERBENCH_GRADED: Final = TreeFormat("paperbench_graded", "PaperBench, graded by people or a judge", graded=True)

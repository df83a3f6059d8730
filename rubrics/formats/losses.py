"""What a rubric would lose if it were written in a format: found by writing it, reading it again, and comparing.

In: a rubric and a format. Out: the losses, each with whether it changes what is judged; or the document. So no loss is
silent, in whichever of the formats, and for edits that a rubric's own format has no place for. Not here: the formats.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from pydantic import JsonValue

from citerefine.rubrics.aggregation.formulas import FORMULAS, default_formula
from citerefine.rubrics.criterion import Criterion, Scale, walk
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats.format import Format
from citerefine.rubrics.formats.shape import MADE_ID
from citerefine.rubrics.formats.values import shown
from citerefine.rubrics.rubric import Rubric

_MEANING: Final = ("polarity", "weight", "veto", "verifier", "rule")
"""Fields of a criterion that decide what is judged, or what it counts."""
_BESIDE: Final = ("title", "tier", "tags", "evidence", "reference", "origin")
"""Fields of a criterion that say something beside that."""


class Loss(NamedTuple):
    """Something that a format has no place for."""

    criterion_id: str
    """Empty: of the rubric as a whole."""
    message: str
    changes_meaning: bool
    """Whether answers would be judged otherwise: such a loss is always refused."""

    def __str__(self) -> str:
        return f"{self.criterion_id}: {self.message}" if self.criterion_id else self.message


class Written(NamedTuple):
    """A rubric in a format."""

    native: JsonValue
    """None if a loss changes the meaning."""
    losses: list[Loss]


def write(rubric: Rubric, target: Format, source: Format | None) -> Written:
    """The document and what it lacks.

    Args:
        rubric: what is written.
        target: the format to write.
        source: the format that the rubric came from, if it is known: it tells which native keys are fields.
    """
    kept, losses = _without_unasked(rubric, target)
    refused = [Loss(c.id if c else "", why, True) for c, why in target.cannot(kept)]
    if refused:
        return Written(None, losses + refused)
    native = target.dump(kept)
    back = target.load(native)
    if not kept.aggregate and _formula(kept) != _formula(back):  # where the new format has a key for it, it is said
        named = kept.model_copy(update={"aggregate": _formula(kept)})
        if _formula(target.load(target.dump(named))) == named.aggregate:
            kept, native, back = named, target.dump(named), target.load(target.dump(named))
    losses += [*_lost_fields(kept, back), *_lost_formula(kept, back), *_lost_keys(kept, target, source)]
    return Written(None if any(loss.changes_meaning for loss in losses) else native, losses)


def _without_unasked(rubric: Rubric, target: Format) -> tuple[Rubric, list[Loss]]:
    """The rubric without criteria that no judge is asked about, where the format cannot say so."""
    losses, rest = list[Loss](), list[Criterion]()
    for criterion in rubric.criteria:
        if criterion.verifier != "llm" and not target.has_rules:
            judge = {"rule": "a rule", "citation": "the citation score"}[criterion.verifier]
            losses.append(Loss(criterion.id, f"{judge} judges it, which has no place; it is left out", False))
        elif criterion.state == "inactive" and not target.has_states:
            losses.append(Loss(criterion.id, "it is inactive, which has no place; it is left out", False))
        else:
            rest.append(criterion)
    return (rubric.model_copy(update={"criteria": tuple(rest)}) if losses else rubric), losses


def _lost_fields(rubric: Rubric, back: Rubric) -> Iterator[Loss]:
    read = dict[tuple[str, bool], deque[Criterion]]()
    for criterion in walk(back.criteria):
        read.setdefault((criterion.text, criterion.is_negative), deque()).append(criterion)
    for criterion in walk(rubric.criteria):
        same, other = ((criterion.text, sign) for sign in (criterion.is_negative, not criterion.is_negative))
        again = read.get(same) or read.get(other)
        if again:
            yield from _differences(criterion, again.popleft())
        else:
            yield Loss(criterion.id, f"its text {shown(criterion.text)} cannot be written as it is", True)
    for name in ("id", "query"):
        value = getattr(rubric, name)
        if value and value != getattr(back, name):
            yield Loss("", f"the rubric's {name} {shown(value)} has no place", False)


def _lost_formula(rubric: Rubric, back: Rubric) -> Iterator[Loss]:
    was, now = _formula(rubric), _formula(back)
    if was != now:
        message = f"scores would be made by the formula {now}, the format's own, and are made by {was[:60]}"
        yield Loss("", message, False)


def _formula(rubric: Rubric) -> str:
    """What scores are made by: as it is written if there is no such formula."""
    return rubric.aggregate if rubric.aggregate not in FORMULAS and rubric.aggregate else default_formula(rubric)


def _differences(was: Criterion, now: Criterion) -> Iterator[Loss]:
    for name in _MEANING:
        if getattr(was, name) != getattr(now, name):
            yield Loss(was.id, f"its {name} {_said(was, name)} would become {_said(now, name)}", True)
    if was.children and len(was.children) != len(now.children):
        yield Loss(was.id, f"the {len(was.children)} criteria below it would not stay there", True)
    if was.scale != now.scale:
        yield Loss(was.id, f"its scale ({_told(was.scale)}) would become {_told(now.scale)}", _says_much(was.scale))
    if was.state != now.state:
        yield Loss(was.id, f"its state {was.state} would become {now.state}", "inactive" in (was.state, now.state))
    for name in _BESIDE:
        if getattr(was, name) and getattr(was, name) != getattr(now, name):
            yield Loss(was.id, f"its {name} {_said(was, name)} has no place", False)
    if was.id != now.id and not MADE_ID.fullmatch(was.id):
        yield Loss(was.id, "its id has no place", False)


def _said(criterion: Criterion, name: str) -> str:
    value = getattr(criterion, name)
    return shown(list(value)) if isinstance(value, tuple) else shown(str(value) if name == "polarity" else value)


def _told(scale: Scale) -> str:
    levels = f", {len(scale.levels)} levels" if scale.levels else ""
    return f"{scale.kind} from {scale.lo:g} to {scale.hi:g}{levels}"


def _says_much(scale: Scale) -> bool:
    """Whether a scale holds words that people chose: they say what is judged, a range of numbers does not."""
    named = [level.name for level in scale.levels if not level.name.replace("-", "").isdigit()]
    return any(level.anchor for level in scale.levels) or len(named) > 2


def _lost_keys(rubric: Rubric, target: Format, source: Format | None) -> Iterator[Loss]:
    """Native keys that are no field of ours, where the target is another format, or our TOML, which keeps none."""
    if target.name == rubric.format or target.name == "citerefine":
        return
    known = source.known_keys if source else frozenset[str]()
    for key in rubric.extra:
        if key not in known:
            yield Loss("", f"the document's key `{key}` has no place", False)
    counts: dict[str, int] = {}
    for criterion in walk(rubric.criteria):
        for key in criterion.extra.keys() - known:
            counts[key] = counts.get(key, 0) + 1
    for key, n in counts.items():
        yield Loss("", f"the key `{key}` of {n} criteria has no place", False)


def refuse(losses: list[Loss], target: Format, *, lossy: bool) -> None:
    """Raises RubricError for losses that change the meaning; unless `lossy`, for any."""
    fatal = [loss for loss in losses if loss.changes_meaning] or ([] if lossy else losses)
    if fatal:
        more = f" (and {len(fatal) - 1} more)" if len(fatal) > 1 else ""
        hint = "" if fatal[0].changes_meaning else "; allow losses if that does not matter"
        raise RubricError(f"the rubric cannot be written as {target.name}: {fatal[0]}{more}{hint}")

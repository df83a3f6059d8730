"""Reads rows of labelled criteria: what people say of an answer and a criterion.

In: objects `{"answer", "criterion", "label" or "labels"}`, or with several `"criteria"` of one answer, or rows of
HealthBench's meta-evaluation; docs/judge-cards.md lists the fields. Out: `AnswerLabels`, or BadRow with the reason. A
label that is not known is refused, never guessed. Not here: what a label says (judges/rubric/label_reading.py), reading
lines (refiner/batch/rows.py), judging.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from citerefine.judges.calibration.label_rows import read_snippets
from citerefine.judges.rubric.label_reading import read_label
from citerefine.refiner.batch.rows import BAD_ROWS, BadRow
from citerefine.refiner.records import Snippet, normalised
from citerefine.refiner.tags.markup import scrub
from citerefine.rubrics.criterion import Criterion, Polarity

MOST_CRITERIA: Final = 500
"""Of one row; more are no labels by people."""
REFUSALS: Final[dict[str, str]] = {
    **{code: BAD_ROWS[code] for code in ("too_long", "invalid_utf8", "invalid_json", "too_deep", "no_object")},
    "no_answer": "the answer is missing, or no text",
    "no_criterion": "the criterion is missing, blank, or none that can be judged",
    "no_label": "the label is missing, or not one that the criterion can have",
    "bad_evidence": "the snippets are none that can be cited",
    "bad_field": "question, group, source, weight or polarity have a value that they cannot have",
}
"""What keeps a row from being used: code → meaning."""


class LabelledCriterion(NamedTuple):
    """A criterion, and what people say of it."""

    criterion: Criterion
    labels: tuple[float, ...]
    """0 to 1, one of each person who labelled it; of a fault 1 means that it is present."""


class AnswerLabels(NamedTuple):
    """What people say of one answer."""

    answer: str
    criteria: tuple[LabelledCriterion, ...]
    question: str = ""
    snippets: tuple[Snippet, ...] = ()
    group: str = ""
    """The prompt that it answers, by which answers are compared; empty if that is not known."""
    source: str = ""
    """Who wrote it; empty if that is not known."""

    @property
    def cluster(self) -> str:
        """What it is resampled with: the prompt, else the answer."""
        return self.group or normalised(self.answer)


def names_criteria(values: Mapping[str, Any]) -> bool:
    """Whether a row is meant to hold labelled criteria, and no labelled claim."""
    return bool(values.keys() & {"criterion", "criteria"}) or {"rubric", "completion"} <= values.keys()


def read_criterion_row(values: Mapping[str, Any]) -> AnswerLabels:
    """The labelled criteria of a row.

    Raises:
        BadRow: if it is none; `code` is one of `REFUSALS`.
    """
    if "completion" in values and "rubric" in values:
        values = _from_healthbench(values)
    answer = values.get("answer")
    if not isinstance(answer, str):
        raise BadRow("no_answer", f"the answer is {type(answer).__name__}; give it as `answer`, a text")
    question = _text(values, "question")
    group = _text(values, "group")
    return AnswerLabels(
        scrub(answer),
        _criteria(values),
        question,
        read_snippets(values["snippets"]) if values.get("snippets") else (),
        f"group {group}" if group else normalised(question),
        _text(values, "source"),
    )


def _from_healthbench(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same row in our form. Its criteria ask what a good answer does: none is a fault."""
    messages = values.get("prompt")
    if not isinstance(messages, list) or not all(isinstance(one, Mapping) for one in messages):
        raise BadRow("bad_field", "prompt must be a list of messages with role and content")
    turns = [(str(one.get("role", "")), str(one.get("content", ""))) for one in messages]
    question = turns[0][1] if len(turns) == 1 else "\n\n".join(f"{role}: {content}" for role, content in turns)
    return {
        "answer": values["completion"],
        "criterion": values["rubric"],
        "labels": values.get("binary_labels"),
        "question": question,
        "group": values.get("prompt_id"),
    }


def _criteria(values: Mapping[str, Any]) -> tuple[LabelledCriterion, ...]:
    several = values.get("criteria")
    if several is None:
        return (_criterion(values, "c1"),)
    if "criterion" in values or not isinstance(several, list) or not 0 < len(several) <= MOST_CRITERIA:
        raise BadRow("no_criterion", f"criteria must be a list of 1 to {MOST_CRITERIA} objects, no criterion beside")
    found = []
    for n, entry in enumerate(several, start=1):
        if not isinstance(entry, Mapping):
            raise BadRow("no_criterion", f'criterion {n} is no object; give it as {{"criterion": …, "label": …}}')
        try:
            found.append(_criterion(entry, f"c{n}"))
        except BadRow as reason:
            raise BadRow(reason.code, f"criterion {n}: {reason}") from None
    if len({one.criterion.id for one in found}) < len(found):
        raise BadRow("no_criterion", "two criteria of the row have one id; ids must differ")
    return tuple(found)


def _criterion(values: Mapping[str, Any], id: str) -> LabelledCriterion:
    given = values.get("criterion")
    fields = {"text": given} if isinstance(given, str) else given
    if not isinstance(fields, Mapping):
        raise BadRow("no_criterion", "the criterion is missing, or neither text nor object; give it as `criterion`")
    fields = {"id": id, **fields}
    fields |= {name: values[name] for name in ("polarity", "weight") if values.get(name) is not None}
    try:
        criterion = Criterion.model_validate(_signed(fields))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        code = "bad_field" if place.startswith(("polarity", "weight")) else "no_criterion"
        raise BadRow(code, f"{place or 'criterion'}: {problem['msg']}") from None
    if not criterion.text.strip() or criterion.children:
        raise BadRow("no_criterion", "the criterion has no text, or has children; give a leaf with text")
    return LabelledCriterion(criterion, _labels(values, criterion))


def _signed(fields: dict[str, Any]) -> dict[str, Any]:
    """With a weight and a polarity that say the same, where one of them was left out."""
    weight, polarity = fields.get("weight"), fields.get("polarity")
    if polarity is None and isinstance(weight, int | float) and weight < 0:
        return {**fields, "polarity": Polarity.NEGATIVE}
    if polarity == Polarity.NEGATIVE and (weight is None or (isinstance(weight, int | float) and weight > 0)):
        return {**fields, "weight": -1 if weight is None else -weight}
    return fields


def _labels(values: Mapping[str, Any], criterion: Criterion) -> tuple[float, ...]:
    one, several = values.get("label"), values.get("labels")
    if (one is None) == (several is None):
        raise BadRow("no_label", f"it has {'neither label nor' if one is None else 'both label and'} labels; give one")
    given = several if one is None else [one]
    if not isinstance(given, list):
        raise BadRow("no_label", "labels must be a list, one of each person who labelled it, null where one did not")
    labels = tuple(read_value(label, criterion) for label in given if label is not None)
    if not labels:
        raise BadRow("no_label", "nobody labelled it: all labels are null")
    return labels


def read_value(label: object, criterion: Criterion) -> float:
    """How far people say that the criterion is met, 0 to 1 (label_reading.py). Raises BadRow.

    >>> plain = Criterion(id="c1", text="Names the lake")
    >>> read_value("Not met", plain), read_value(True, plain), read_value(0.5, plain)
    (0.0, 1.0, 0.5)
    """
    try:
        return read_label(label, criterion).value
    except ValueError as reason:
        raise BadRow("no_label", str(reason)) from None


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadRow("bad_field", f"{name} must be text, got {type(value).__name__}; mend it, or leave it out")
    return scrub(str(value)).strip()

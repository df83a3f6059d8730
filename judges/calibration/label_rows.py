"""Reads rows of labelled claims: what people say of a claim and its evidence.

In: objects `{"claim", "label"}` with `"evidence"` (a text or a list of texts) or `"snippets"` (`[{"text", "title"?}]`),
and perhaps `"question"`, `"cluster"`. Out: `LabelRow`, or BadRow with the reason. Not here: reading lines
(refiner/batch/rows.py), judging (measuring.py).
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from citerefine.judges.verdict import Label, SupportQuery
from citerefine.refiner.batch.rows import BAD_ROWS, BadRow
from citerefine.refiner.records import Snippet, normalised
from citerefine.refiner.tags.markup import scrub

ALIASES: Final[dict[Label, tuple[str, ...]]] = {
    Label.FULL: (
        "full", "supported", "fully_supported", "supports", "support", "entailment", "entailed", "attributable",
        "true", "1",
    ),
    Label.PARTIAL: ("partial", "partially_supported", "partial_support", "0.5"),
    Label.NONE: (
        "none", "not_supported", "unsupported", "no_support", "neutral", "not_enough_info", "nei", "not_attributable",
        "irrelevant", "false", "0",
    ),
    Label.CONTRADICTS: ("contradicts", "contradicted", "contradiction", "contradictory", "refutes", "refuted"),
}  # fmt: skip
"""How label files write each label; case, blanks and hyphens do not matter, nor whether a number is text."""
_LABELS: Final = {alias: label for label, aliases in ALIASES.items() for alias in aliases}

REFUSALS: Final[dict[str, str]] = {
    **{code: BAD_ROWS[code] for code in ("too_long", "invalid_utf8", "invalid_json", "too_deep", "no_object")},
    "no_claim": "the claim is missing, blank, or no text",
    "no_label": "the label is missing, or none that is known",
    "bad_evidence": "there is neither evidence nor snippets, both, or none with text",
    "bad_field": "question or cluster have a value that they cannot have",
}
"""What keeps a label row from being used: code → meaning."""


class LabelRow(NamedTuple):
    """A labelled claim."""

    query: SupportQuery
    label: Label
    """What people say."""
    cluster: str
    """What it belongs to: rows of one cluster are resampled together."""


def read_label_row(values: Mapping[str, Any], positive: str | None = None) -> LabelRow:
    """The labelled claim of a row.

    Args:
        values: the row.
        positive: the label that means full support in this set, all others meaning none; None: as in `ALIASES`.

    Raises:
        BadRow: if it is none; `code` is one of `REFUSALS`.
    """
    claim = values.get("claim")
    if not isinstance(claim, str) or not claim.strip():
        raise BadRow("no_claim", "the claim is missing, blank, or no text; give it as `claim`")
    question = _text(values, "question") or ""
    cluster = _cluster(values) or normalised(question) or normalised(claim)
    query = SupportQuery(" ".join(scrub(claim).split()), _snippets(values), question)
    return LabelRow(query, read_label(values.get("label"), positive), cluster)


def read_label(value: object, positive: str | None = None) -> Label:
    """The label that a value means. Raises BadRow.

    >>> read_label("PARTIALLY SUPPORTED"), read_label(0.5), read_label("1", positive="0")
    (<Label.PARTIAL: 'partial'>, <Label.PARTIAL: 'partial'>, <Label.NONE: 'none'>)
    """
    key = label_key(value)
    if not key:
        raise BadRow("no_label", f"the label is {str(value)[:40]!r}; give it as `label`, text or a number")
    if positive is not None:
        return Label.FULL if key == label_key(positive) else Label.NONE
    if key not in _LABELS:
        what = f"the label {str(value)[:40]!r} is not known"
        raise BadRow("no_label", f"{what}; use {', '.join(Label)}, or say with --positive which one means supported")
    return _LABELS[key]


def label_key(value: object) -> str:
    """A label as it is compared; empty if the value is none."""
    if isinstance(value, int | float):
        value = str(value)
    if not isinstance(value, str):
        return ""
    key = re.sub(r"[\s_-]+", "_", value.strip().casefold())
    return f"{float(key):g}" if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", key) else key


def _text(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRow("bad_field", f"{name} must be text, got {type(value).__name__}; mend it, or leave it out")
    return value and scrub(value)


def _cluster(values: Mapping[str, Any]) -> str:
    value = values.get("cluster")
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadRow("bad_field", f"cluster must be text or a whole number, got {type(value).__name__}; mend it")
    return f"cluster {value}"


def _snippets(values: Mapping[str, Any]) -> tuple[Snippet, ...]:
    evidence, snippets = values.get("evidence"), values.get("snippets")
    if (evidence is None) == (snippets is None):
        has = "neither evidence nor" if evidence is None else "both evidence and"
        raise BadRow("bad_evidence", f"it has {has} snippets; give one of them")
    if snippets is None:
        texts = [evidence] if isinstance(evidence, str) else evidence
        snippets = [{"text": text} for text in texts] if isinstance(texts, list) else None
    return read_snippets(snippets)


def read_snippets(snippets: object) -> tuple[Snippet, ...]:
    """The snippets of a list of objects with text. Raises BadRow."""
    if not isinstance(snippets, list) or not snippets:
        raise BadRow("bad_evidence", "evidence must be a text or a list of texts, snippets a list of objects with text")
    return tuple(_snippet(values, n) for n, values in enumerate(snippets, start=1))


def _snippet(values: object, n: int) -> Snippet:
    if not isinstance(values, Mapping):
        raise BadRow("bad_evidence", f'snippet {n} is no object; give it as {{"text": …}}')
    known = {name: values[name] for name in ("id", "text", "title") if values.get(name) is not None}
    try:
        return Snippet.model_validate({"id": f"e{n}", **known})
    except ValidationError as error:
        problem = error.errors()[0]
        raise BadRow("bad_evidence", f"snippet {n}, {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from None

"""A small scored run about a lake, in which every mark occurs, and hostile variants of it."""

from typing import Any

from citerefine.judges.runs.score_row import EvidenceRow, RowError, ScoreRow, UnitRow
from citerefine.judges.runs.summary import Agreement, Summary
from citerefine.judges.verdict import Label

_SUPPORT = {Label.FULL: 1.0, Label.PARTIAL: 0.5, Label.NONE: 0.0, Label.CONTRADICTS: 0.0}


def unit(answer: str, text: str, label: Label | None = None, **fields: Any) -> UnitRow:
    """A unit at its place in the answer; cited, needed and judged as `label` unless said otherwise."""
    start = answer.index(text)
    ids = fields.setdefault("ids", ("s1",))
    support = None if label is None else _SUPPORT[label]
    fields.setdefault("values", dict.fromkeys(ids, support))
    return UnitRow(
        **{
            "text": text,
            "start": start,
            "end": start + len(text),
            "need": True,
            "label": label,
            "support": support,
            **fields,
        }
    )


WORST = """## What changed in the lake

Perch doubled between 2009 and 2019. Pike vanished from the lake.
Roach lost 41 % of their biomass. The ferry company changed its paint.

- Phosphorus fell by half.
- Summers became warmer by 1.9 °C.
- Ice came later."""

BETTER = "Perch doubled in ten years. Roach lost more than half of their biomass once large pike had come back."


def worst_row() -> ScoreRow:
    """Every mark, in one answer."""
    quote = "Perch numbers doubled over the ten years to 2019."
    units = (
        unit(WORST, "## What changed in the lake", ids=(), need=False, exempt="heading", support=None),
        unit(
            WORST,
            "Perch doubled between 2009 and 2019.",
            Label.PARTIAL,
            ids=("s1", "s2"),
            p_supported=0.62,
            values={"s1": 0.5, "s2": 0.0},
            verdicts={"s1": Label.PARTIAL, "s2": Label.NONE},
            evidence=EvidenceRow(snippet="s1", start=0, end=len(quote), text=quote),
            missing=("2009",),
            flags=("number",),
            explanation="supported in part; not in the evidence: 2009; looks wrong: number; not needed: s2",
            second=Label.FULL,
        ),
        unit(
            WORST,
            "Pike vanished from the lake.",
            Label.CONTRADICTS,
            ids=("s3",),
            flags=("antonym",),
            p_supported=0.04,
            evidence=EvidenceRow(snippet="s3", start=0, end=38, text="Large pike came back and fed on roach."),
            missing=("vanished",),
            explanation="contradicted; not in the evidence: vanished; looks wrong: antonym",
        ),
        unit(
            WORST,
            "Roach lost 41 % of their biomass.",
            Label.NONE,
            ids=("s2",),
            p_supported=0.11,
            explanation="not supported",
        ),
        unit(
            WORST,
            "The ferry company changed its paint.",
            ids=(),
            support=0.0,
            explanation="needs a citation and has none",
        ),
        unit(
            WORST,
            "Phosphorus fell by half.",
            ids=("s77",),
            invalid=("s77",),
            support=0.0,
            values={"s77": 0.0},
            explanation="no snippet has the id s77",
        ),
        unit(
            WORST, "Summers became warmer by 1.9 °C.", ids=("s4",), explanation="not judged (timeout: no reply in 60 s)"
        ),
        unit(
            WORST,
            "Ice came later.",
            Label.FULL,
            ids=("s4",),
            p_supported=0.93,
            evidence=EvidenceRow(snippet="s4", start=10, end=47, text="Ice now comes eleven days later than in 1988."),
            explanation="supported",
            second=Label.FULL,
        ),
    )
    return ScoreRow(
        id="lake-1",
        line=1,
        question="Why did perch double?",
        text=WORST,
        system="model-a",
        precision=0.25,
        recall=0.2,
        f1=0.22,
        n_claims=6,
        n_invalid=1,
        n_uncited=1,
        n_failed=1,
        units=units,
        judge="lexical-1",
    )


def better_row() -> ScoreRow:
    """All supported."""
    units = tuple(
        unit(
            BETTER,
            text,
            Label.FULL,
            ids=(id,),
            explanation="supported",
            p_supported=0.97,
            evidence=EvidenceRow(snippet=id, start=0, end=len(text), text=text),
        )
        for text, id in zip((BETTER[:27], BETTER[28:]), ("s1", "s2"), strict=True)
    )
    return ScoreRow(
        id=7,
        line=2,
        question="Which fish gained?",
        text=BETTER,
        precision=1.0,
        recall=1.0,
        f1=1.0,
        n_claims=2,
        n_invalid=0,
        units=units,
        judge="lexical-1",
    )


def silent_row() -> ScoreRow:
    """An abstention that nobody labelled: no figures."""
    text = "The sources do not say."
    return ScoreRow(
        id="lake-3",
        line=3,
        question="Who owns the lake?",
        text=text,
        reason="abstained: not known whether rightly",
        n_abstained=1,
        n_invalid=0,
        units=(unit(text, text, ids=(), need=False, exempt="abstention"),),
        judge="lexical-1",
    )


def refused_row() -> ScoreRow:
    """A row that could not be read."""
    return ScoreRow(id=None, line=4, error=RowError(code="bad_json", message="a quotation mark is missing"))


def lake_run() -> list[ScoreRow]:
    """Four rows, not in the order of the page."""
    return [better_row(), silent_row(), worst_row(), refused_row()]


def lake_summary(**changes: Any) -> Summary:
    """What the run adds up to."""
    fields: dict[str, Any] = {
        "n": 2,
        "rows": 4,
        "questions": 2,
        "precision": 0.625,
        "recall": 0.6,
        "f1": 0.61,
        "ci95": {"precision": (0.25, 1.0), "recall": (0.2, 1.0), "f1": (0.22, 1.0)},
        "interval": "95 %, percentile bootstrap over 2 questions",
        "micro": {"precision": 0.45, "recall": 0.4, "f1": 0.4235},
        "claims": 8,
        "invalid": 1,
        "uncited": 1,
        "abstained": 1,
        "failed": 1,
        "masked": 0,
        "not_scored": {"abstained": 1},
        "refused": {"bad_json": 1},
        "issues": {"quoted_ids": 3},
        "forms": {"tags": 3},
        "judge": "lexical-1",
        "agreement": (
            Agreement(
                labels="pond",
                n=1234,
                auc=0.83,
                auc_ci95=(0.8, 0.86),
                balanced_accuracy=0.75,
                balanced_accuracy_ci95=(0.72, 0.78),
            ),
        ),
    }
    return Summary.model_validate({**fields, **changes})

"""The stage `criteria`: a rubric for each row, written by a strong model from its evidence and from how answers differ.

In: a row with its evidence, perhaps with sampled answers. Out: `positive_rubrics` and `negative_rubrics`. A row that
brings criteria of its own keeps these. Not here: what is asked, and which criteria are fit
(citerefine.rubrics.generation).
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from citerefine.judges.rubric.writing.answer_store import MAX_ANSWER, MOST_ANSWERS
from citerefine.judges.rubric.writing.model_writer import ModelWriter, WriterSampling
from citerefine.refiner.answer import parse_answer
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.records import Record, Snippet
from citerefine.rubrics.generation.generate import generate
from citerefine.training.data.building.stages import USED, StageError, Values
from citerefine.training.data.row_reading import read_row

OWN: Final = ("positive_rubrics", "negative_rubrics", "rubrics")
"""Where a row's own criteria stand."""


class CriteriaSettings(Record):
    """What is written, and how."""

    n_positive: int = Field(default=6, ge=0, le=50)
    n_negative: int = Field(default=3, ge=0, le=50)
    sampling: WriterSampling = WriterSampling()


class WriteCriteria:
    """Asks one model for the criteria of each row."""

    name = "criteria"

    def __init__(self, model: ChatModel, settings: CriteriaSettings | None = None) -> None:
        self._model, self._how = model, settings or CriteriaSettings()
        self.settings: Mapping[str, Any] = {"model": model.name, **self._how.model_dump(mode="json")}

    async def make(self, row: Values) -> dict[str, Any]:
        """Criteria of a row. Raises CallError, WriterError and GenerationError, and StageError if none was fit."""
        if any(row.get(name) for name in OWN):
            return {}
        asked, writer = read_row(row), ModelWriter(self._model, self._how.sampling)
        generated = await generate(
            asked.question,
            [(snippet.id, _shown(snippet)) for snippet in asked.evidence.snippets],
            writer=writer,
            answers=_answers(row),
            n_positive=self._how.n_positive,
            n_negative=self._how.n_negative,
        )
        if not generated.rubric.criteria:
            why = "; ".join(dict.fromkeys(f"{one.code}: {one.reason}" for one in generated.dropped))
            raise StageError("none_kept", f"none of {len(generated.dropped)} criteria was fit to keep ({why[:500]})")
        used = writer.usage and writer.usage.model_dump(mode="json")
        return {**generated.native, "dropped_criteria": [one._asdict() for one in generated.dropped], USED: used}


def _shown(snippet: Snippet) -> str:
    return f"{snippet.title}\n{snippet.text}" if snippet.title else snippet.text


def _answers(row: Values) -> list[str]:
    """Sampled answers without their tags, each text once: a criterion must not depend on ids."""
    texts = (parse_answer(sample["text"], Evidence()).text.strip() for sample in row.get("samples", ()))
    return [text for text in dict.fromkeys(texts) if text and len(text) <= MAX_ANSWER][:MOST_ANSWERS]

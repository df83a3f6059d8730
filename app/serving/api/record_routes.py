"""`POST /v1/refine` and `POST /v1/score`: one row as files of `citerefine refine` and `citerefine score` hold it.

In: a request row, or a run row. Out: the answer's JSON, or a row of scores. Not here: files of many rows (the command
line), chat completions (chat_routes.py).
"""

import asyncio
from functools import cache
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse

from citerefine.app.serving.answering import REFINER, Answerer, Job
from citerefine.app.serving.described import ANSWERED, TOKEN
from citerefine.app.serving.errors import ApiError
from citerefine.app.serving.metrics import Metrics
from citerefine.judges.lexical.lexical_judge import LexicalJudge
from citerefine.judges.runs.run_rows import read_run_row
from citerefine.judges.runs.score_row import score_row
from citerefine.judges.scoring import ascore
from citerefine.refiner.background import run
from citerefine.refiner.batch.requests import read_evidence, read_id
from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.report.answer_json import answer_json

SCORE: Final = "score"
"""What `/v1/score` is called among the models of the figures."""
_REQUEST = {"question": "Did perch double?", "snippets": [{"id": "S1", "text": "Perch doubled by 2010."}]}
_RUN = {**_REQUEST, "answer": "<answer><snippet id=S1>Perch doubled.</snippet></answer>"}
Row = dict[str, Any]


def record_routes(answerer: Answerer, metrics: Metrics) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["rows"], responses=ANSWERED, dependencies=[TOKEN])

    @routes.post("/refine")
    async def refine(row: Annotated[Row, Body(examples=[_REQUEST])]) -> JSONResponse:
        """The answer to a question from the evidence of the row."""
        with metrics.counted(REFINER):
            return JSONResponse(answer_json(await answerer.answer(_job(row))))

    @routes.post("/score")
    async def score(row: Annotated[Row, Body(examples=[_RUN])]) -> JSONResponse:
        """Citation precision, recall and F1 of an answer, by words in common: it says how far claims follow."""
        with metrics.counted(SCORE):
            async with answerer.admission.place():
                return JSONResponse(await asyncio.to_thread(_scored, row))

    return routes


def _job(row: Row) -> Job:
    question, reasoning = row.get("question"), row.get("reasoning") or ""
    if not isinstance(question, str) or not isinstance(reasoning, str):
        raise ApiError(400, "no_question", "the row has no question; give it one, as text")
    try:
        return Job(question, read_evidence(row).snippets, reasoning)
    except BadRow as error:
        raise ApiError(400, error.code, str(error)) from None


def _scored(row: Row) -> Row:
    """The row of scores; computed beside the event loop, since an answer may be long."""
    try:
        id, read = read_id(row), read_run_row(row)
    except BadRow as error:
        raise ApiError(400, error.code, str(error)) from None
    if read.cited is None:
        raise ApiError(400, "no_answer", f"the row has no answer to score: {read.why_not or 'it is null'}")
    score = run(ascore(read.cited, _judge()))
    return score_row(score, read.cited, id, form=read.form).model_dump(mode="json")


@cache
def _judge() -> LexicalJudge:
    return LexicalJudge()

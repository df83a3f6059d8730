"""Whether the server lives, whether it takes requests, and its figures.

In: the state of admission. Out: `/healthz` (the process answers), `/readyz` (503 once it is stopping), `/metrics`. Not
here: whether a model's server lives, which `citerefine doctor` tells.
"""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from citerefine.app.serving.answering import Answerer
from citerefine.app.serving.described import GUARDED, OPEN, TOKEN
from citerefine.app.serving.metrics import CONTENT_TYPE, Metrics


def health_routes(answerer: Answerer, metrics: Metrics) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["health"], responses=OPEN)

    @routes.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @routes.get("/readyz", responses={503: {"description": "The server is stopping.", "model": dict[str, str]}})
    async def readyz() -> JSONResponse:
        """The server takes requests."""
        ready = answerer.admission.is_open
        return JSONResponse({"status": "ready" if ready else "stopping"}, 200 if ready else 503)

    @routes.get("/metrics", response_class=PlainTextResponse, responses=GUARDED, dependencies=[TOKEN])
    async def metrics_text() -> Response:
        """Figures for Prometheus."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return routes

"""What a server counts, in the form that Prometheus reads.

In: answers as they begin and end. Out: the text of `/metrics`. Each server has a registry of its own. Names and labels
never hold what anybody asked. Not here: who may read it (guard.py).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from citerefine.app.serving.admission import Admission
from citerefine.app.serving.errors import read_error

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)


class Metrics:
    """The figures of one server."""

    def __init__(self, admission: Admission) -> None:
        """Begins at zero."""
        self._registry = CollectorRegistry()
        self._answers = Counter(
            "citerefine_answers", "Answers by how they ended", ("model", "outcome"), registry=self._registry
        )
        self._seconds = Histogram(
            "citerefine_answer_seconds", "Time of an answer, waiting included", ("model",), buckets=_SECONDS,
            registry=self._registry,
        )  # fmt: skip
        gauges = {"active": "Answers that are worked on", "waiting": "Requests that wait for a place"}
        for name, meaning in gauges.items():
            gauge = Gauge(f"citerefine_{name}", meaning, registry=self._registry)
            gauge.set_function(lambda name=name: getattr(admission, name))  # type: ignore[misc]

    @contextmanager
    def counted(self, model: str) -> Iterator[None]:
        """Counts what a block comes to: `ok`, or the code of the error that ends it."""
        began, outcome = time.monotonic(), "ok"
        try:
            yield
        except Exception as error:
            outcome = read_error(error).code
            raise
        except BaseException:
            outcome = "gone"
            raise
        finally:
            self._answers.labels(model, outcome).inc()
            self._seconds.labels(model).observe(time.monotonic() - began)

    def text(self) -> bytes:
        """All figures."""
        return generate_latest(self._registry)

"""The scorer for inspect_ai.

inspect_ai is not part of what the tests install: the first part gives the scorer stand-ins of its records, the second,
which runs where it is installed, an evaluation of its own.
"""

import asyncio
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from citerefine.judges import inspect_scorer
from citerefine.judges.inspect_scorer import citation_f1
from citerefine.refiner import Evidence, parse_answer
from citerefine.refiner.bridge.inspect_citations import inspect_content
from citerefine.refiner.errors import CallError

QUESTION = "Did perch double?"
SNIPPETS = [
    {"id": "a", "text": "Perch doubled by 2010.", "url": "https://example.org/perch"},
    {"id": "b", "text": "Roach fell by half.", "url": "https://example.org/roach"},
]
GOOD = "<answer><snippet id=a>Perch doubled by 2010.</snippet></answer>"
HALF = GOOD.replace("</answer>", " <snippet id=b>Cod moved north in winter.</snippet></answer>")


@dataclass
class Score:
    """Stands for inspect_ai's record."""

    value: float
    answer: str | None = None
    explanation: str | None = None
    reason: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def unscored(cls, **fields: Any) -> "Score":
        return cls(math.nan, **fields)


class Refused:
    """A judge whose key is refused."""

    name = "refused"
    asks_at_once = True

    async def judge(self, queries: object) -> object:
        raise CallError("the server refuses the key", "unauthorized")


@pytest.fixture
def inspect_stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The four names of inspect_ai that the scorer uses."""
    stand_in = ModuleType("inspect_ai.scorer")
    names = {"Score": Score, "mean": lambda: None, "stderr": lambda: None, "scorer": lambda **_: lambda made: made}
    for name, value in names.items():
        setattr(stand_in, name, value)
    monkeypatch.setitem(sys.modules, "inspect_ai", ModuleType("inspect_ai"))
    monkeypatch.setitem(sys.modules, "inspect_ai.scorer", stand_in)
    inspect_scorer._scorer.cache_clear()
    yield
    inspect_scorer._scorer.cache_clear()


def state(content: Any, metadata: dict[str, Any] | None = None, messages: list[Any] | None = None) -> Any:
    """A sample that a model answered."""
    parts = content if isinstance(content, list) else []
    text = content if isinstance(content, str) else "\n".join(part["text"] for part in parts)
    output = SimpleNamespace(completion=text, message=SimpleNamespace(content=content))
    return SimpleNamespace(
        output=output, metadata={"snippets": SNIPPETS} if metadata is None else metadata, messages=messages or [],
        input_text=QUESTION,
    )  # fmt: skip


def scored(sample: Any, **options: str) -> Score:
    score: Score = asyncio.run(citation_f1(**options)(sample, None))
    return score


@pytest.mark.usefixtures("inspect_stand_in")
class TestScorer:
    """With stand-ins."""

    def test_the_value_is_f1_and_precision_and_recall_are_beside_it(self) -> None:
        score = scored(state(GOOD))
        assert (score.value, score.metadata["precision"], score.metadata["recall"]) == (1.0, 1.0, 1.0)
        assert score.reason is None
        half = scored(state(HALF))
        assert half.metadata["precision"] == 0.5
        assert 0 < half.value < 1
        assert half.explanation is not None
        assert "Cod moved north in winter. [b]: not supported" in half.explanation

    @pytest.mark.parametrize(
        ("text", "metadata", "reason", "why"),
        [
            ("  ", None, "no_response", "the model wrote nothing"),
            ("The evidence does not answer this question.", None, "abstained", ""),
            (GOOD, {}, "scoring_failed", ""),
            (GOOD, {"snippets": [{"id": "a"}]}, "scoring_failed", "snippets.0.text is missing"),
            (GOOD, {"snippets": SNIPPETS, "tool_output": "x"}, "scoring_failed", "both snippets and tool_output"),
        ],
    )
    def test_what_cannot_be_measured_has_no_value_and_says_why(
        self, text: str, metadata: dict[str, Any] | None, reason: str, why: str
    ) -> None:
        score = scored(state(text, metadata))
        assert math.isnan(score.value)
        assert score.reason == reason
        assert score.explanation is not None
        assert why in score.explanation

    def test_a_judge_that_cannot_be_asked_gives_no_value(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inspect_scorer, "load_support_judge", lambda name: Refused())
        score = scored(state(GOOD), judge="openai:judge@http://localhost:1/v1")
        assert math.isnan(score.value)
        assert score.reason == "grader_failed"

    def test_evidence_is_what_tools_gave_and_never_what_the_model_wrote(self) -> None:
        found = '<snippet id=a>\nText: Perch doubled by 2010.\n</snippet>'
        tool = SimpleNamespace(role="tool", error=None, text=found, function="lookup")
        failed = SimpleNamespace(role="tool", error="timeout", text="<snippet id=b>\nText: x\n</snippet>", function="f")
        wrote = SimpleNamespace(role="assistant", error=None, text=found.replace("id=a", "id=z"), function=None)
        assert scored(state(GOOD, {}, [wrote, tool, failed])).value == 1.0
        forged = scored(state(GOOD.replace("id=a", "id=z"), {}, [wrote, tool, failed]))
        assert (forged.value, forged.metadata["n_invalid"]) == (0.0, 1)

    def test_citations_of_a_content_are_read(self) -> None:
        content = inspect_content(parse_answer(GOOD, Evidence(SNIPPETS)))
        assert scored(state([content])).value == 1.0

    def test_citations_that_a_provider_made_are_read_and_one_that_leads_nowhere_counts(self) -> None:
        text = "Perch doubled by 2010. Roach fell by half."
        cited = [
            {"type": "url", "url": "https://example.org/perch", "cited_text": (0, 22)},
            {"type": "url", "url": "https://example.org/gone", "cited_text": (23, 42)},
        ]
        score = scored(state([{"type": "text", "text": text, "citations": cited}]))
        assert (score.metadata["precision"], score.metadata["n_invalid"]) == (0.5, 1)
        quoting = [{"type": "url", "url": "https://example.org/gone", "cited_text": "Perch doubled."}]
        score = scored(state([{"type": "text", "text": "Perch doubled by 2010.", "citations": quoting}]))
        assert (score.value, score.metadata["n_invalid"]) == (0.0, 1)

    def test_the_form_of_other_citations_can_be_said(self) -> None:
        assert scored(state("Perch doubled by 2010 [0].", None), form="numbered_from_0").value == 1.0


@pytest.mark.skipif(find_spec("inspect_ai") is not None, reason="inspect_ai is installed")
def test_without_inspect_ai_it_says_what_to_install() -> None:
    with pytest.raises(ImportError, match="pip install inspect-ai"):
        citation_f1()


def evaluated(replies: list[str], folder: Path) -> Any:
    """The scores that inspect_ai's log has of an evaluation in which a model gave these replies."""
    inspect_ai = pytest.importorskip("inspect_ai", reason="inspect_ai is not installed")
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    outputs = [ModelOutput.from_content("mockllm/model", text) for text in replies]
    for output in outputs:
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    samples = [Sample(input=QUESTION, metadata={"snippets": SNIPPETS}) for _ in replies]
    task = inspect_ai.Task(dataset=samples, scorer=citation_f1())
    model = get_model("mockllm/model", custom_outputs=outputs)
    (log,) = inspect_ai.eval(task, model=model, log_dir=str(folder), display="none", max_samples=1)
    assert log.status == "success"
    (result,) = log.results.scores
    return result


def test_an_evaluation_of_inspect_ai_has_the_mean_of_what_was_scored(tmp_path: Path) -> None:
    result = evaluated([GOOD, "Perch doubled. [9]", "  "], tmp_path)
    assert (result.scored_samples, result.unscored_samples) == (2, 1)
    assert result.metrics["mean"].value == 0.5


def test_an_evaluation_in_which_nothing_was_scored_has_no_mean(tmp_path: Path) -> None:
    assert math.isnan(evaluated(["  "], tmp_path).metrics["mean"].value)

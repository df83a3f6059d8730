"""One model is one model, however it is called, stored or served."""

import pytest
from tests.rubrics.buffer.rollouts import BASE, OTHER, SETTINGS, SPLIT, WRITER, adaptive

from citerefine.rubrics.buffer.events import Evidence
from citerefine.rubrics.buffer.independence import are_independent
from citerefine.rubrics.buffer.rubric_buffer import RubricBuffer

JUDGE = "openai:judge@http://h/v1"


@pytest.mark.parametrize(
    "name",
    [
        "openai:judge-fp8@http://h/v1",
        "openai:Judge@http://h2/v1,http://h3/v1 (prompt 3)",
        "Openai:judge@http://h/v1",
        "http:judge",
        "judge",
        "org/judge:free",
        "openai:org/judge:free@https://router.example/api/v1",
        "VLLM:/models/org/Judge-AWQ",
        "hf:org/judge-GPTQ-Int4/",
        "vllm:org/judge-FP8-dynamic",
        "vllm:org/judge-quantized.w4a16",
        "hf:org/judge-bnb-4bit",
        "vllm:/models/judge-Q4_K_M.gguf",
        "panel of openai:other@http://o/v1 and openai:JUDGE-bf16@http://h/v1",
    ],
)
def test_another_server_organisation_case_tag_or_precision_is_no_other_model(name: str) -> None:
    assert not are_independent(name, JUDGE)
    assert not are_independent(JUDGE, name)


@pytest.mark.parametrize(
    "name",
    ["openai:judge-2@http://h/v1", "openai:judge-mini@http://h/v1", "hf:org/prejudge", "lexical", "vllm:org/judge-32B"],
)
def test_another_name_is_another_model_also_on_the_same_server(name: str) -> None:
    assert are_independent(name, JUDGE)


def test_what_is_left_of_a_name_is_never_nothing() -> None:
    assert are_independent("hf:org/fp8", "hf:org/awq")
    assert not are_independent("hf:org/-fp8", "hf:other/-fp8")


def test_settings_can_say_that_two_names_are_one_model() -> None:
    same = (("production", "openai:mistralai/Mistral-Small"), ("spare", "production"))
    assert not are_independent("openai:Production-fp8@http://x/v1", OTHER, same)
    assert not are_independent("openai:spare@http://x/v1", OTHER, same)
    assert are_independent("openai:elsewhere@http://x/v1", OTHER, same)
    settings = SETTINGS.model_copy(update={"aliases": (("Mistral-Small", "Qwen3.5-35B-A3B"),)})
    buffer = RubricBuffer(settings)
    buffer.begin("q", BASE, step=0, time=0.0)
    evidence = Evidence(judge=OTHER, values=SPLIT)
    refusal = buffer.add("q", adaptive("dams"), writer=WRITER, evidence=evidence, step=1, time=0.0)
    assert refusal is not None
    assert refusal.code == "not_independent"

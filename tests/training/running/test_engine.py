"""A job runs on the engine that its recipe names, or not at all."""

import pytest

from citerefine.training.errors import RecipeError
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.running.engine import check_engine, running_engine


@pytest.mark.parametrize(
    ("variables", "engine"),
    [
        ({}, None),
        ({"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": "3"}, "zero3"),
        ({"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": "2"}, "zero2"),
        ({"ACCELERATE_USE_DEEPSPEED": "true"}, "DeepSpeed, stage not given"),
        ({"ACCELERATE_USE_FSDP": "true"}, "fsdp"),
    ],
)
def test_accelerate_says_what_runs(
    variables: dict[str, str], engine: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert running_engine() == engine


@pytest.mark.parametrize(
    ("sets", "variables"),
    [
        (["hardware.engine=zero3"], {}),
        (["hardware.engine=zero2"], {"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": "3"}),
        (["hardware.engine=ddp"], {"ACCELERATE_USE_FSDP": "true"}),
    ],
)
def test_another_engine_is_refused(
    sets: list[str], variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RecipeError, match="start it with the command that --dry-run prints"):
        check_engine(load_recipe("tiny-cpu", sets))


def test_the_right_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    check_engine(load_recipe("tiny-cpu"))
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    check_engine(load_recipe("tiny-cpu", ["hardware.engine=fsdp"]))

"""From a recipe to a trained model, with everything that a run consists of, on a tiny model."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from safetensors.torch import load_file
from tests.training.recipes.recipe_rows import RECIPES, TINY, cited_rows, rows_for

from citerefine.refiner.errors import InputError
from citerefine.training.errors import JudgeOutage, RecipeError, StateError
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.recipes.recipe import Recipe
from citerefine.training.rewards.refiner_reward import RefinerReward
from citerefine.training.run import Finished, newest_for_all, run_identity, run_training
from citerefine.training.running import snapshot
from citerefine.training.watch.callback import Watcher
from citerefine.training.watch.run_journal import read_steps

IMITATION = ("sft.steps=2", "sft.rows_per_step=2", "sft.bf16=false", "sft.gradient_checkpointing=false")


def tiny(name: str, model: Path, rows: Path, *sets: str) -> Recipe:
    return load_recipe(name, [*TINY, f"model.name={model}", f"data.train={rows}", *sets])


def trained(recipe: Recipe, out: Path, *, resume: bool = False) -> tuple[Finished, list[str]]:
    told = list[str]()
    return run_training(recipe, out, resume=resume, tell=told.append), told


def weights(model: Path) -> dict[str, Any]:
    return load_file(next(model.glob("*.safetensors")))


def scored_steps(run: Path) -> list[int]:
    """The step of each completion that was scored."""
    return [json.loads(line)["step"] for line in (run / "transcripts.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", RECIPES)
def test_every_bundled_recipe_runs_a_step(name: str, tiny_qwen3: Path, tmp_path: Path) -> None:
    n = 2 if load_recipe(name).phases == "two" else 1
    recipe, run = tiny(name, tiny_qwen3, rows_for(name, tmp_path), f"train.steps={n}"), tmp_path / "run"
    finished, told = trained(recipe, run)
    assert finished == (n, n, run / "model")
    assert "15 rows to train on, 0 held out to watch" in told
    steps = read_steps(run / "metrics.jsonl")
    assert len(steps) == n
    for step in steps:
        assert step.values["reward/total"] is not None
        assert step.values["reward/missing_share"] == 0
    assert ("transitions/asked_anew" in steps[-1].values) == (n == 2)
    assert len((run / "transcripts.jsonl").read_text().splitlines()) == 4 * n
    assert load_recipe(str(run / "recipe.toml")) == recipe
    assert (run / "run.html").is_file()
    assert list((run / "tensorboard").iterdir())
    assert not list(run.rglob("training_args.bin"))


def test_answers_to_imitate_come_first_and_rewards_go_on_from_there(tiny_qwen3: Path, tmp_path: Path) -> None:
    watched = ("watch.heldout_rows=2", "watch.audit=lexical")
    rates = ("sft.learning_rate=1e-2", "sft.schedule=constant", "sft.warmup_steps=0", "train.lora=none")
    recipe = tiny("tiny-cpu", tiny_qwen3, cited_rows(tmp_path / "rows.jsonl"), *IMITATION, *rates, *watched)
    finished, told = trained(recipe, tmp_path / "run")
    assert finished.model is not None
    assert "training on 15 given answers" in told
    assert not (tmp_path / "run" / "checkpoints" / "runs").exists()  # where boards write that are closed too early
    start, end, first = weights(tmp_path / "run" / "sft" / "model"), weights(finished.model), weights(tiny_qwen3)
    name = "model.layers.0.mlp.up_proj.weight"
    assert (start[name] - first[name]).abs().max() > 1e-3  # two steps of 0.01
    assert (end[name] - start[name]).abs().max() < 1e-3  # one step of 0.00001
    losses = [step.values["loss"] for step in read_steps(tmp_path / "run" / "sft" / "metrics.jsonl")]
    assert len(losses) == 2
    held = [step for step in read_steps(tmp_path / "run" / "metrics.jsonl") if step.phase == "heldout"]
    assert [step.step for step in held] == [0, 1]
    assert all(step.values["heldout/n"] == 1 and step.values["heldout/rubric"] is not None for step in held)


def test_small_steps_of_imitation_are_not_lost_beside_small_matrices_for_rewards(
    tiny_qwen3: Path, tmp_path: Path
) -> None:
    sets = ["sft.all_weights=true", "sft.learning_rate=1e-5", "sft.schedule=constant", "sft.warmup_steps=0"]
    sets += ("sft.rows_per_step=2", "sft.steps=1", "train.bf16=true", "watch.report_to=[]")
    trained(tiny("tiny-cpu", tiny_qwen3, cited_rows(tmp_path / "rows.jsonl"), *sets), tmp_path / "run")
    name = "model.layers.0.mlp.up_proj.weight"
    moved = (weights(tmp_path / "run" / "sft" / "model")[name] - weights(tiny_qwen3)[name]).abs()
    assert moved.median() > 0.9e-5
    assert moved.max() < 1.1e-5  # Adam takes one step of the rate; bfloat16 could not


def test_too_few_answers_to_imitate_are_told_before_a_model_is_loaded(
    tiny_qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*args: object) -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr("citerefine.training.running.policy.load_policy", load)
    recipe = tiny("tiny-cpu", tiny_qwen3, cited_rows(tmp_path / "rows.jsonl"), "sft.rows_per_step=16")
    with pytest.raises(RecipeError, match=r"a step takes 16 rows, and there are only 15 .*; set sft\.rows_per_step"):
        trained(recipe, tmp_path / "run")


@pytest.mark.parametrize("is_main", [True, False])
def test_checkpoints_are_read_by_the_first_process_for_all(
    is_main: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = list[Path]()

    def newest(checkpoints: Path) -> Path:
        read.append(checkpoints)
        return checkpoints / "checkpoint-7"

    def broadcast(values: list[Path | None]) -> None:
        if not is_main:
            values[0] = tmp_path / "checkpoint-7"

    monkeypatch.setattr("citerefine.training.grpo.checkpoints.newest", newest)
    monkeypatch.setattr("accelerate.utils.broadcast_object_list", broadcast)
    accelerator = SimpleNamespace(is_main_process=is_main, num_processes=2)
    found = newest_for_all(SimpleNamespace(checkpoints=tmp_path, accelerator=accelerator))
    assert found == tmp_path / "checkpoint-7"
    assert read == ([tmp_path] if is_main else [])


def test_small_matrices_of_imitation_are_merged_before_rewards(tiny_qwen3: Path, tmp_path: Path) -> None:
    recipe = tiny("tiny-cpu", tiny_qwen3, cited_rows(tmp_path / "rows.jsonl"), *IMITATION, "sft.lora.rank=2")
    finished, _ = trained(recipe, tmp_path / "run")
    assert (tmp_path / "run" / "sft" / "model" / "config.json").is_file()
    assert finished.model is not None
    named = json.loads((finished.model / "adapter_config.json").read_text())["base_model_name_or_path"]
    assert named == str(tmp_path / "run" / "sft" / "model")


@pytest.mark.parametrize(
    "sets", [("train.lora=none", "train.beta=0.1"), ("train.lora.rank=2",), (*IMITATION, "sft.lora.rank=2")]
)
def test_policy_reference_and_what_is_merged_are_of_one_revision(
    tiny_qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sets: tuple[str, ...]
) -> None:
    """There is no other place to load them from here: by their name they are not found."""
    asked = list[tuple[str, str]]()

    def fetched(name: str, *, revision: str, **how: Any) -> str:
        asked.append((name, revision))
        return str(tiny_qwen3)

    monkeypatch.setattr(snapshot, "snapshot_download", fetched)
    recipe = tiny("tiny-cpu", Path("org/tiny"), cited_rows(tmp_path / "rows.jsonl"), "model.revision=v1", *sets)
    finished, _ = trained(recipe, tmp_path / "run")
    assert asked == [("org/tiny", "v1")]
    assert finished.model is not None
    if sets == ("train.lora.rank=2",):
        adapter = json.loads((finished.model / "adapter_config.json").read_text())
        assert (adapter["base_model_name_or_path"], adapter["revision"]) == ("org/tiny", "v1")


def test_a_run_that_was_stopped_goes_on_and_ends_as_if_it_had_not_been(
    tiny_qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = cited_rows(tmp_path / "rows.jsonl")
    recipe = tiny("tiny-cpu", tiny_qwen3, rows, "train.steps=3", "train.lora=none", "train.learning_rate=1e-3")
    whole, _ = trained(recipe, tmp_path / "whole")
    logged, steps = Watcher.on_log, list[int]()

    def interrupted(self: Watcher, args: Any, state: Any, control: Any, **rest: Any) -> None:
        logged(self, args, state, control, **rest)
        if not steps:
            signal.raise_signal(signal.SIGINT)
        steps.append(state.global_step)

    with monkeypatch.context() as patched:
        patched.setattr(Watcher, "on_log", interrupted)
        stopped, told = trained(recipe, tmp_path / "run")
    assert stopped.model is None
    assert 1 <= stopped.steps < 3
    assert any(line.startswith("stopping: this step is finished and saved first") for line in told)

    with pytest.raises(InputError, match="holds a run already; go on with it with --resume"):
        trained(recipe, tmp_path / "run")
    with pytest.raises(StateError, match=r"train\.group_size: 2 → 4"):
        trained(tiny("tiny-cpu", tiny_qwen3, rows, "train.steps=3", "train.lora=none", "train.learning_rate=1e-3",
                     "train.group_size=4"), tmp_path / "run", resume=True)  # fmt: skip
    assert load_recipe(str(tmp_path / "run" / "recipe.toml")) == recipe  # what was refused changes nothing

    finished, told = trained(recipe, tmp_path / "run", resume=True)
    assert f"going on from step {stopped.steps}" in told
    assert finished.model is not None
    assert whole.model is not None
    mine, other = weights(finished.model), weights(whole.model)
    assert all((mine[name] == other[name]).all() for name in other)
    assert scored_steps(tmp_path / "run") == [1] * 4 + [2] * 4 + [3] * 4
    assert [step.step for step in read_steps(tmp_path / "run" / "metrics.jsonl")] == [1, 2, 3]


def test_cited_answers_are_improved_too_and_a_run_that_was_stopped_between_the_phases_goes_on(
    tiny_qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With rewards that differ, though what random weights write earns nothing."""
    asked = RefinerReward.__call__

    async def by_length(self: RefinerReward, *args: Any, **columns: Any) -> list[float | None]:
        await asked(self, *args, **columns)
        return [sum(ids) % 97 / 97 for ids in columns["completion_ids"]]

    monkeypatch.setattr(RefinerReward, "__call__", by_length)
    sets = ("phases=two", "train.steps=4", "train.lora=none", "train.learning_rate=1e-3", "train.mask_truncated=false")
    recipe = tiny("tiny-cpu", tiny_qwen3, cited_rows(tmp_path / "rows.jsonl"), *sets)
    whole, _ = trained(recipe, tmp_path / "whole")
    steps = read_steps(tmp_path / "whole" / "metrics.jsonl")
    assert ["transitions/claims_dropped" in step.values for step in steps] == [False, True, False, True]
    assert all(step.values["transitions/asked_anew"] == 0 for step in steps[1::2])

    logged = Watcher.on_log

    def interrupted(self: Watcher, args: Any, state: Any, control: Any, **rest: Any) -> None:
        logged(self, args, state, control, **rest)
        if state.global_step == 2:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(Watcher, "on_log", interrupted)
        stopped, _ = trained(recipe, tmp_path / "run")
    assert stopped == (3, 4, None)
    other_draw = tiny("tiny-cpu", tiny_qwen3, tmp_path / "rows.jsonl", *sets, "second.select=balanced")
    with pytest.raises(StateError, match=r"second\.select: 'uniform' → 'balanced'"):
        trained(other_draw, tmp_path / "run", resume=True)
    finished, told = trained(recipe, tmp_path / "run", resume=True)
    assert "going on from step 3" in told
    assert finished.model is not None
    assert whole.model is not None
    mine, other = weights(finished.model), weights(whole.model)
    assert all((mine[name] == other[name]).all() for name in other)


def test_imitation_that_was_stopped_goes_on_and_its_model_is_used_for_what_it_was_made_from(
    tiny_qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, run = cited_rows(tmp_path / "rows.jsonl"), tmp_path / "run"
    settings = (*IMITATION, "sft.steps=3", "train.lora=none")
    recipe = tiny("tiny-cpu", tiny_qwen3, rows, *settings)
    logged = Watcher.on_log

    def interrupted(self: Watcher, args: Any, state: Any, control: Any, **rest: Any) -> None:
        logged(self, args, state, control, **rest)
        if state.global_step == 1:
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patched:
        patched.setattr(Watcher, "on_log", interrupted)
        stopped, told = trained(recipe, run)
    assert stopped == (2, 3, None)
    assert any(line.startswith("stopping: ") for line in told)
    assert not (run / "transcripts.jsonl").exists()

    finished, _ = trained(recipe, run, resume=True)
    assert finished == (1, 1, run / "model")
    for changed, named in {"sft.steps=4": "sft.steps: 3 → 4", "data.prompt_tokens=1000": "prompts.prompt_"}.items():
        with pytest.raises(StateError, match=rf"sft/model was made from other things: {named}"):
            trained(tiny("tiny-cpu", tiny_qwen3, rows, *settings, changed), run, resume=True)
    assert load_recipe(str(run / "recipe.toml")) == recipe


def test_judges_that_fail_end_the_run_with_what_was_saved_and_it_goes_on_when_they_are_back(
    tiny_qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny("tiny-cpu", tiny_qwen3, cited_rows(tmp_path / "rows.jsonl"), "train.steps=2")
    asked = RefinerReward.__call__

    async def failing(self: RefinerReward, *args: Any, trainer_state: Any = None, **columns: Any) -> list[float | None]:
        rewards = await asked(self, *args, trainer_state=trainer_state, **columns)
        if trainer_state.global_step:
            raise JudgeOutage("no judge answers")
        return rewards

    with monkeypatch.context() as patched:
        patched.setattr(RefinerReward, "__call__", failing)
        patched.setattr(RefinerReward, "scoring", lambda *_: None)  # else answers are judged while others are sampled
        with pytest.raises(JudgeOutage, match="no judge answers"):
            trained(recipe, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run" / "checkpoints").glob("checkpoint-*")] == ["checkpoint-1"]
    finished, told = trained(recipe, tmp_path / "run", resume=True)
    assert "going on from step 1" in told
    assert finished.steps == 2
    assert scored_steps(tmp_path / "run") == [1] * 4 + [2] * 4


def test_other_folders_are_not_written_into(tiny_qwen3: Path, tmp_path: Path) -> None:
    recipe = tiny("tiny-cpu", tiny_qwen3, cited_rows(tmp_path / "rows.jsonl"))
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    for resume in (False, True):
        with pytest.raises(InputError, match="is not empty, and holds no run"):
            trained(recipe, mine, resume=resume)
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]


def test_what_cannot_be_run_here_is_told_before_a_model_is_loaded(tiny_qwen3: Path, tmp_path: Path) -> None:
    rows = cited_rows(tmp_path / "rows.jsonl")
    with pytest.raises(RecipeError, match=r"hardware.gpus is 1, and there is no GPU here; set hardware.gpus = 0"):
        trained(tiny("tiny-cpu", tiny_qwen3, rows, "hardware.gpus=1"), tmp_path / "gpu")
    with pytest.raises(RecipeError, match=r"the files of .* cannot be loaded: .*; name a folder"):
        trained(tiny("tiny-cpu", tmp_path / "nothing", rows), tmp_path / "none")


def test_servers_and_patience_may_change_while_a_run_goes_on() -> None:
    one = load_recipe("single-gpu-lora", ["reward.judge=openai:m@http://10.0.0.1:8000/v1", "reward.patience=60"])
    other = load_recipe("single-gpu-lora", ["reward.judge=openai:m@http://10.0.0.2:8000/v1", "data.train=moved.jsonl"])
    assert run_identity(one) == run_identity(other)
    assert run_identity(one) != run_identity(load_recipe("single-gpu-lora", ["reward.judge=openai:n@http://10.0.0.1/v1"]))
    assert run_identity(one) != run_identity(load_recipe("single-gpu-lora", ["reward.citation=0.5"]))
    assert run_identity(load_recipe("tiny-cpu", ["reward.least_valid=0.3"])) == run_identity(load_recipe("tiny-cpu"))


@pytest.mark.skipif("CITEREFINE_PROCESSES" not in os.environ, reason="half a minute; set CITEREFINE_PROCESSES=1")
def test_two_processes_train_one_model_and_the_first_one_speaks(tiny_qwen3: Path, tmp_path: Path) -> None:
    rows = cited_rows(tmp_path / "rows.jsonl")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sets = [*TINY, f"model.name={tiny_qwen3}", f"data.train={rows}", "hardware.engine=ddp", "train.lora=none"]
    torchrun = ["torchrun", "--nproc_per_node=2", "--master_addr=127.0.0.1", f"--master_port={port}", "--no-python"]
    train = ["citerefine", "train", "tiny-cpu", "--out", str(tmp_path / "run"), "--json"]
    programs = Path(sys.executable).parent
    done = subprocess.run(
        [programs / torchrun[0], *torchrun[1:], programs / train[0], *train[1:], *(f"--set={text}" for text in sets)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 1
    assert done.stderr.count("15 rows to train on") == 1
    assert len(read_steps(tmp_path / "run" / "metrics.jsonl")) == 1
    files = [tmp_path / "run" / name for name in ("transcripts.jsonl", "transcripts-1.jsonl")]
    assert [len(file.read_text().splitlines()) for file in files] == [2, 2]

"""`citerefine train` and `citerefine export` as people and scripts use them: the whole command line, real files."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
from tests.training.recipes.recipe_rows import RECIPES, TINY, cited_rows

from citerefine.app.cli import main
from citerefine.training.data.settings import DataSettings
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.watch.callback import Watcher

DOCS = Path(__file__).parents[2] / "docs"
CITEREFINE = str(Path(sys.executable).parent / "citerefine")


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def citerefine(*arguments: object, cwd: Path, **variables: str) -> Done:
    """Runs the command in this process, which is started up already."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.object(sys, "argv", ["citerefine", *map(str, arguments)]),
        patch.dict(os.environ, {"COLUMNS": "100", **variables}),
        chdir(cwd),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as exited,
    ):
        main()
    return Done(int(exited.value.code or 0), out.getvalue(), err.getvalue())


def scaled(model: Path, rows: Path) -> list[str]:
    return [f"--set={text}" for text in (*TINY, f"model.name={model}", f"data.train={rows}")]


def asking(data: DataSettings) -> str:
    """The command that asks a model of these lengths, none of which is the default."""
    lengths = f"--prompt-tokens {data.prompt_tokens} --answer-tokens {data.answer_tokens}"
    lengths += f" --total-tokens {data.total_tokens}"
    return f"citerefine ask QUESTION {lengths} --model openai:refiner@http://localhost:8000/v1"


def test_the_list_shows_each_recipe_on_a_line(tmp_path: Path) -> None:
    done = citerefine("train", "--list", cwd=tmp_path)
    assert [line.split()[0] for line in done.stdout.splitlines()] == [*RECIPES]


def test_a_recipe_is_shown_to_be_copied(tmp_path: Path) -> None:
    shown = citerefine("train", "tiny-cpu", "--show", cwd=tmp_path).stdout
    (tmp_path / "mine.toml").write_text(shown)
    cited_rows(tmp_path / "train.jsonl")
    done = citerefine("train", "mine.toml", "--dry-run", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_dry_run_prints_the_plan_and_writes_nothing(tmp_path: Path) -> None:
    rows = cited_rows(tmp_path / "rows.jsonl")
    done = citerefine("train", "single-gpu-lora", "--dry-run", f"--set=data.train={rows}", cwd=tmp_path)
    assert done.returncode == 0
    labels = [line.split()[0] for line in done.stdout.splitlines()]
    assert labels[:7] == ["model", "rows", "prompts", "step", "memory", "time", "judging"]
    assert "NOT MEASURED" in done.stdout
    start = f"start     citerefine train single-gpu-lora --out runs/single-gpu-lora --set=data.train={rows}"
    assert start in done.stdout.splitlines()
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_plan_can_be_read_by_programs(tmp_path: Path) -> None:
    rows = cited_rows(tmp_path / "rows.jsonl")
    done = citerefine(
        "train", "one-node", "--dry-run", "--json", f"--set=data.train={rows}", "--set=train.prompts_per_step=16",
        cwd=tmp_path, CITEREFINE_PRICES="0.1,0.4",
    )  # fmt: skip
    plan = json.loads(done.stdout)
    assert plan["tokens"]["answers"] == 128
    assert plan["memory"]["fits"] is True
    assert plan["judging"]["cost"] > 0
    assert plan["recipe"]["train"]["prompts_per_step"] == 16


def test_a_recipe_that_cannot_run_is_told_whole_and_ends_with_2(tmp_path: Path) -> None:
    wrong = ["--set=data.train=nowhere.jsonl", "--set=train.prompts_per_step=12", "--set=hardware.engine=single"]
    planned = citerefine("train", "one-node", "--dry-run", *wrong, cwd=tmp_path)
    refused = citerefine("train", "one-node", *wrong, cwd=tmp_path)
    for done, text in ((planned, planned.stdout), (refused, refused.stderr)):
        assert done.returncode == 2
        assert f"there is no file {tmp_path / 'nowhere.jsonl'}; set it with --set data.train=ROWS.jsonl" in text
    assert "12 prompts a step cannot be shared out" in planned.stdout
    assert "hardware.engine: `single` is one process, and there are 8" in planned.stdout


def test_too_few_rows_are_explained_by_those_that_cannot_be_used(tiny_qwen3: Path, tmp_path: Path) -> None:
    rows = cited_rows(tmp_path / "rows.jsonl", 2)
    with rows.open("a") as file:
        file.write('{"id": "q1"}\n')
    done = citerefine("train", "tiny-cpu", *scaled(tiny_qwen3, rows), cwd=tmp_path)
    assert done.returncode == 2
    _, why, few = done.stderr.splitlines()
    assert why.startswith("  data.train: 1 rows cannot be used (line 3: it has neither snippets")
    assert few.startswith("  data.train: a step takes 2 prompts, and there are 1 rows")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train"], "no recipe is named"),
        (["train", "tiny-gpu"], "did you mean tiny-cpu?"),
        (["train", "tiny-cpu", "--set", "steps"], "is not section.key=value"),
        (["train", "tiny-cpu", "--report-to", "paper"], "--set watch.report_to"),
        (["export", "nowhere", "--out", "x"], "is neither a run nor a model"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_to_do(arguments: list[str], told: str, tmp_path: Path) -> None:
    done = citerefine(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr


def test_cards_can_be_asked_for(tmp_path: Path) -> None:
    rows = cited_rows(tmp_path / "rows.jsonl", 32)
    asked = ["train", "single-gpu-lora", f"--set=data.train={rows}", "--dry-run"]
    assert citerefine(*asked, cwd=tmp_path).returncode == 0
    done = citerefine(*asked, "--require-card", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout.count("has no card; measure it with `citerefine calibrate LABELS.jsonl`") == 2


def test_a_judge_that_is_away_is_found_before_a_model_is_loaded(tiny_qwen3: Path, tmp_path: Path) -> None:
    sets = [*scaled(tiny_qwen3, cited_rows(tmp_path / "rows.jsonl")), "--set=reward.judge=openai:m@http://127.0.0.1:9/v1"]
    done = citerefine("train", "tiny-cpu", *sets, cwd=tmp_path)
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_what_is_missing_to_train_is_named(tiny_qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("citerefine.app.train._PACKAGES", ("torch", "no_such_package"))
    sets = scaled(tiny_qwen3, cited_rows(tmp_path / "rows.jsonl"))
    done = citerefine("train", "tiny-cpu", *sets, cwd=tmp_path)
    assert done.returncode == 2
    assert "training needs no_such_package, not installed here: pip install 'citerefine[train]'" in done.stderr


def test_a_run_ends_with_a_model_that_is_exported(tiny_qwen3: Path, tmp_path: Path) -> None:
    sets = scaled(tiny_qwen3, cited_rows(tmp_path / "rows.jsonl"))
    done = citerefine("train", "tiny-cpu", *sets, "--report-to", "none", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "reward.judge: with people on LLMBar natural" in done.stderr
    assert "warning: reward.judge: the lexical judge compares words" in done.stderr
    assert "1 steps; the model is in" in done.stderr
    assert not (tmp_path / "runs" / "tiny-cpu" / "tensorboard").exists()
    again = citerefine("train", "tiny-cpu", *sets, cwd=tmp_path)
    assert again.returncode == 2
    assert again.stderr.splitlines() == [
        "citerefine: runs/tiny-cpu holds a run already; go on with it with --resume, or name another folder with --out"
    ]
    other = citerefine("train", "tiny-cpu", *sets, "--set=train.group_size=4", "--resume", cwd=tmp_path)
    assert other.returncode == 1
    (refused,) = other.stderr.splitlines()  # and nothing of judges before it
    assert "checkpoints/checkpoint-1 is of another run: train.group_size: 2 → 4" in refused
    resumed = citerefine("train", "tiny-cpu", *sets, "--report-to", "none", "--resume", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stderr.splitlines()[0] == (
        "judges: reward.judge, reward.support measured with people (--dry-run shows how well)"
    )
    assert "LLMBar" not in resumed.stderr
    exported = citerefine("export", "runs/tiny-cpu", "--out", "refiner", cwd=tmp_path)
    assert exported.returncode == 0, exported.stderr
    serve, ask, here = exported.stdout.splitlines()
    data = load_recipe("tiny-cpu", TINY).data
    assert serve == f"vllm serve refiner --served-model-name refiner --max-model-len {data.total_tokens}"
    assert ask == asking(data)
    assert here.endswith("--model hf:refiner")
    assert (tmp_path / "refiner" / "config.json").is_file()


def test_the_docs_ask_a_model_as_it_was_trained() -> None:
    assert asking(load_recipe("tiny-cpu").data) in (DOCS / "training.md").read_text("utf-8")


def test_a_start_that_fails_leaves_nothing_that_is_in_the_way(tiny_qwen3: Path, tmp_path: Path) -> None:
    sets = scaled(tiny_qwen3, cited_rows(tmp_path / "rows.jsonl"))
    (tmp_path / "no-model").mkdir()
    (tmp_path / "no-model" / "config.json").write_text("{}")
    failed = citerefine("train", "tiny-cpu", *sets, "--set=model.name=./no-model", "--out", "run", cwd=tmp_path)
    assert failed.returncode == 2
    assert "no-model cannot be loaded" in failed.stderr
    assert not (tmp_path / "run").exists()
    resumed = citerefine("train", "tiny-cpu", *sets, "--out", "run", "--resume", "--report-to", "none", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stderr.splitlines()[0] == "run holds nothing to go on with: a run begins"


def test_a_stop_at_the_last_step_of_imitation_says_what_comes_next(tiny_qwen3: Path, tmp_path: Path) -> None:
    sets = [*scaled(tiny_qwen3, cited_rows(tmp_path / "rows.jsonl")), "--set=sft.steps=2", "--set=sft.rows_per_step=2"]
    logged = Watcher.on_log

    def interrupted(self: Watcher, args: Any, state: Any, control: Any, **rest: Any) -> None:
        logged(self, args, state, control, **rest)
        if state.global_step == 1:  # heard when the next one is done
            signal.raise_signal(signal.SIGINT)

    with patch.object(Watcher, "on_log", interrupted):
        stopped = citerefine("train", "tiny-cpu", *sets, "--out", "run", cwd=tmp_path)
    assert stopped.returncode == 130
    assert (
        "stopped after step 2 of 2; run keeps what training on given answers made; the same command with --resume goes "
        "on with rewards"
    ) in stopped.stderr.splitlines()


def test_ctrl_c_saves_the_step_and_says_how_to_go_on(tiny_qwen3: Path, tmp_path: Path) -> None:
    sets = [*scaled(tiny_qwen3, cited_rows(tmp_path / "rows.jsonl")), "--set=train.steps=500"]
    command = [CITEREFINE, "train", "tiny-cpu", "--out", "run", *sets]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            until = time.monotonic() + 180
            while not (tmp_path / "run" / "metrics.jsonl").is_file() and time.monotonic() < until:
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=180)
        finally:
            process.kill()
    assert process.returncode == 130, told
    assert "stopping: this step is finished and saved first" in told
    assert re.search(r"^stopped after step (\d+) of 500; run keeps step \1; the same command with --resume", told, re.M)
    assert "Traceback" not in told
    assert len(list((tmp_path / "run" / "checkpoints").glob("checkpoint-*"))) == 1

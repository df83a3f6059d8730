"""`citerefine train --ablate` as people and scripts use it: the whole command line, real files."""

import json
from pathlib import Path

import pytest
from tests.app.test_train import citerefine
from tests.training.ablating.pretended_runs import command, pretended
from tests.training.recipes.recipe_rows import TINY, cited_rows

from citerefine.app.ablate import _COMMAND
from citerefine.training.ablating.grid import plan_runs
from citerefine.training.ablating.outcome import read_outcome
from citerefine.training.ablating.running import run_all

ROOT = Path(__file__).parents[2]
BETAS = """
about = "Betas"
recipe = "tiny-cpu"
seeds = [1, 2, 3]
[axes]
train.beta = [0, {second}]
"""


@pytest.fixture
def pretence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with rows, in which training is pretended."""
    monkeypatch.setattr("citerefine.app.ablate._COMMAND", command(tmp_path))
    cited_rows(tmp_path / "train.jsonl", 48)
    return tmp_path


def ablate(folder: Path, second: float, *options: str) -> tuple[int, str, str]:
    (folder / "betas.toml").write_text(BETAS.format(second=second), "utf-8")
    return citerefine("train", "--ablate", "betas.toml", "--set", "data.train=train.jsonl", *options, cwd=folder)


def test_the_table_is_printed_and_kept(pretence: Path) -> None:
    code, out, err = ablate(pretence, 1)
    assert code == 0
    kept = pretence / "runs" / "betas"
    assert (kept / "ablation.md").read_text("utf-8") == out
    report = json.loads((kept / "ablation.json").read_text("utf-8"))
    assert [variant["name"] for variant in report["variants"]] == ["beta=0", "beta=1"]
    assert "| beta=1 | +1.000 [+1.000, +1.000] |" in out
    assert "run 6 of 6: beta=1, seed 3: f1 1.300" in err
    assert "the lexical judge compares words" in err


def test_a_failed_run_ends_with_1_and_can_be_tried_again(pretence: Path) -> None:
    code, out, err = ablate(pretence, 9, "--out", "out")
    assert code == 1
    assert "3 runs failed; the same command with --resume tries again" in err
    assert "- beta=9, seed 2: exit code 1: the judge is gone; start it again" in out
    assert ablate(pretence, 9, "--out", "out")[0] == 2  # there are runs
    (pretence / "out" / "beta=9" / "mended").touch()
    code, out, err = ablate(pretence, 9, "--out", "out", "--resume")
    assert code == 0
    assert "run 1 of 6: beta=0, seed 1: done before" in err
    assert "Failed" not in out


def test_a_stopped_run_ends_with_130_and_the_table_says_what_is_missing(pretence: Path) -> None:
    script = pretence / "pretend.py"
    script.write_text("import sys; sys.exit(130)\n", "utf-8")
    code, out, err = ablate(pretence, 1)
    assert code == 130
    assert "**Not all runs are done.**" in out
    assert "the same command with --resume goes on from there" in err


def test_programs_read_the_report(pretence: Path) -> None:
    code, out, _ = ablate(pretence, 1, "--json")
    assert code == 0
    variants = json.loads(out)["variants"]
    assert variants[1]["differences"]["f1"]["n"] == 3


def test_a_dry_run_lists_runs_with_samples_and_cost_and_writes_nothing(pretence: Path) -> None:
    before = sorted(pretence.iterdir())
    code, out, _ = ablate(pretence, 1, "--dry-run")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "2 variants × 3 seeds: 6 runs, one after another; Student's t over seeds, 95 %"
    assert lines[2] == "  beta=1, seed 1: 160 answers, runs/betas/beta=1/seed-1"
    assert "all runs: 960 answers, 0.00 dollars for judges" in lines
    assert sorted(pretence.iterdir()) == sorted([*before, pretence / "betas.toml"])


def test_calls_of_judges_have_their_price(pretence: Path) -> None:
    (pretence / "betas.toml").write_text(BETAS.format(second=1), "utf-8")
    arguments = ["train", "--ablate", "betas.toml", "--dry-run", "--json", "--set=data.train=train.jsonl"]
    arguments += ["--set=reward.judge=openai:judge@http://127.0.0.1:9/v1"]
    priced = citerefine(*arguments, cwd=pretence, CITEREFINE_PRICES="0.1,0.4")
    assert priced.returncode == 0
    first, *_ = runs = json.loads(priced.stdout)
    assert [run["seed"] for run in runs] == [1, 1, 2, 2, 3, 3]
    assert (first["samples"], first["judge_calls"]) == (160, 160)
    assert first["cost"] > 0
    unknown = json.loads(citerefine(*arguments, cwd=pretence).stdout)
    assert {run["cost"] for run in unknown} == {None}


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_variants_that_cannot_be_run_are_told_before_any_is(options: tuple[str, ...], pretence: Path) -> None:
    code, _, err = ablate(pretence, 1, "--set", "train.prompts_per_step=100", *options)
    assert code == 2
    assert "beta=0: " in err
    assert err.count("cannot be run") == 1
    assert not (pretence / "runs").exists()


def test_the_recipe_is_named_in_the_file_alone(pretence: Path) -> None:
    done = citerefine("train", "tiny-cpu", "--ablate", "betas.toml", cwd=pretence)
    assert done.returncode == 2
    assert "--ablate names its recipe in betas.toml, and tiny-cpu is named too" in done.stderr


def test_the_command_of_the_docs_compares_what_it_says_at_equal_samples(tmp_path: Path) -> None:
    cited_rows(tmp_path / "rows.jsonl", 48)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    page = (ROOT / "docs" / "ablations.md").read_text("utf-8")
    (line,) = [line for line in page.splitlines() if line.startswith("citerefine train --ablate ")]
    done = citerefine(*line.split()[1:], "--json", cwd=tmp_path)
    assert done.returncode == 0
    runs = json.loads(done.stdout)
    assert {run["seed"] for run in runs} == {1, 2, 3}
    assert {run["samples"] for run in runs} == {800}
    assert [run["sets"][-1] for run in runs[1:5]] == [
        'phases="two"',
        "train.claim_credit=0.2",
        'train.advantage="grpo"',
        "reward.citation=0.8",
    ]


def test_a_run_trains_in_a_process_of_its_own(tiny_qwen3: Path, tmp_path: Path) -> None:
    """The real thing, once."""
    rows = cited_rows(tmp_path / "rows.jsonl")
    sets = [*TINY, f"model.name={tiny_qwen3}", f"data.train={rows}", "data.eval_share=0.2", "watch.heldout_rows=2"]
    ablation, _ = pretended(0, 0.5, out=tmp_path / "out")
    real = plan_runs(ablation, tmp_path / "out", [*sets, "watch.report_to=[]"])[1]
    assert run_all([real], _COMMAND, resume=False, tell=lambda line: None)
    outcome = read_outcome(real)
    assert (outcome.status, outcome.reason) == ("done", "")
    assert outcome.figures["f1"] == 0
    assert outcome.figures["reward"] == 0
    assert (real.folder / "model" / "adapter_model.safetensors").is_file()

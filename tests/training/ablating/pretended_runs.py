"""Runs that end at once: what stands in for training where the grid, its table and its signals are tested."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from citerefine.training.ablating.ablation import Ablation, Variant
from citerefine.training.ablating.grid import PlannedRun, plan_runs

SCRIPT: Final = '''
import json, pathlib, signal, sys, time, tomllib
file, _, out, resume = sys.argv[1:]
assert resume == "--resume"
recipe, folder = tomllib.loads(pathlib.Path(file).read_text()), pathlib.Path(out)
folder.mkdir(exist_ok=True)
with open(folder / "starts", "a") as starts:
    starts.write("start\\n")
beta, seed = recipe["train"]["beta"], recipe["train"]["seed"]
if beta == 9 and not (folder.parent / "mended").exists():
    print("step 1", file=sys.stderr)
    print("citerefine: the judge is gone; start it again", file=sys.stderr)
    sys.exit(1)
if beta == 8 and len((folder / "starts").read_text().split()) == 1:
    heard = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: heard.append(number))
    print("waiting", file=sys.stderr, flush=True)
    while not heard:
        time.sleep(0.01)
    time.sleep(0.2)
    (folder / "heard").write_text(str(len(heard)))
    sys.exit(130)
if beta == 7:
    print("beta is seven", file=sys.stderr, flush=True)
    import os
    os.kill(os.getpid(), signal.SIGKILL)
steps = recipe["train"]["steps"]
rows = [{"step": step, "time": 0, "phase": "train", "values": {"reward/total": step}} for step in range(1, steps + 1)]
for step, f1 in ((0, 0.0), (steps, beta + seed / 10)):
    values = {"heldout/f1": f1, "heldout/accuracy": None, "heldout/n": 5, "heldout/unscored": 0}
    rows.append({"step": step, "time": 0, "phase": "heldout", "values": values})
(folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\\n" for row in rows))
(folder / "model").mkdir()
'''
"""A run whose held-out F1 is `train.beta` + seed / 10. With beta 9 it fails until there is a file `mended` beside it,
with 8 it waits for a signal the first time, with 7 it is killed."""


def pretended(*betas: float, out: Path, seeds: tuple[int, ...] = (1, 2, 3)) -> tuple[Ablation, tuple[PlannedRun, ...]]:
    """An ablation of a variant for each beta, and its runs."""
    variants = tuple(Variant(name=f"beta {beta:g}", sets=(f"train.beta={beta:g}",)) for beta in betas)
    ablation = Ablation(
        about="Betas",
        recipe="tiny-cpu",
        seeds=seeds,
        few_seeds=len(seeds) < 3,
        equal_samples=True,
        variants=variants,
    )
    return ablation, plan_runs(ablation, out, ["data.train=rows.jsonl"])


def command(folder: Path) -> tuple[str, ...]:
    """What trains, of pretence."""
    script = folder / "pretend.py"
    script.write_text(SCRIPT, "utf-8")
    return (sys.executable, "-I", str(script))


def starts(run: PlannedRun) -> int:
    """How often a run was started."""
    file = run.folder / "starts"
    return len(file.read_text("utf-8").split()) if file.is_file() else 0


def write_metrics(run: PlannedRun, heldout: Mapping[str, float | None], step: int | None = None) -> None:
    """A run that is done, with one line of held-out figures."""
    (run.folder / "model").mkdir(parents=True)
    at = run.recipe.train.steps if step is None else step
    row = {"step": at, "time": 0, "phase": "heldout", "values": {f"heldout/{name}": x for name, x in heldout.items()}}
    (run.folder / "metrics.jsonl").write_text(json.dumps(row) + "\n", "utf-8")

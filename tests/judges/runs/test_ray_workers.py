"""Chunks scored on a Ray cluster, or a clear word on why not."""

import importlib.util
import sys
from pathlib import Path

import pytest
from tests.judges.runs.run_files import run_row, write_run

from citerefine.judges.runs.score_chunk import ScoreSettings
from citerefine.judges.runs.score_file import Power, score_file
from citerefine.judges.runs.workers import WorkerError
from citerefine.refiner.errors import InputError

HAS_RAY = importlib.util.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not HAS_RAY, reason="Ray is not installed: pip install 'citerefine[ray]'")
pytestmark = pytest.mark.filterwarnings("default")  # Ray's own


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run.jsonl", [*map(run_row, range(200)), b"{bad", run_row(3)])


@needs_ray
def test_ray_writes_what_one_process_writes_byte_for_byte(run: Path, tmp_path: Path) -> None:
    settings = ScoreSettings(formulas=("citerefine", "trec"))
    one = score_file(run, settings, out=tmp_path / "one.jsonl")
    ray = score_file(run, settings, out=tmp_path / "ray.jsonl", power=Power(ray="local"))
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "ray.jsonl").read_bytes()
    assert one == ray


@needs_ray
def test_a_cluster_that_is_not_there_is_named_with_what_to_do(run: Path) -> None:
    with pytest.raises(WorkerError, match="no Ray cluster at 'auto'"):
        score_file(run, power=Power(ray="auto"))


def test_without_ray_the_error_says_how_to_install_it(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'citerefine\[ray\]'"):
        score_file(run, power=Power(ray="local"))

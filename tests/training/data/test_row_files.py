"""Where training rows are read from, and that one bad row costs no other."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pytest
from pyarrow import parquet
from tests.training.data.sources import lake_values, write_rows

from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Mode
from citerefine.training.data.row_files import read_rows


def test_bad_lines_are_told_and_the_rest_is_read(tmp_path: Path) -> None:
    lines = [lake_values(0), "{broken", lake_values(1, positive_rubrics=3), lake_values(2)]
    read = read_rows(str(write_rows(tmp_path / "rows.jsonl", lines)))
    assert [row.id for row in read.rows] == ["q0", "q2"]
    assert [(row.line, row.code) for row in read.refused] == [(2, "invalid_json"), (3, "bad_rubric")]


def test_rows_behind_the_most_are_not_looked_at(tmp_path: Path) -> None:
    read = read_rows(str(write_rows(tmp_path / "rows.jsonl", [lake_values(0), lake_values(1), "{broken"])), max_rows=2)
    assert ([row.id for row in read.rows], read.refused) == (["q0", "q1"], ())


def test_rows_take_the_mode_of_the_run_unless_they_name_one(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", [lake_values(0), lake_values(1, mode="answer_only")])
    assert [row.mode for row in read_rows(str(source), mode=Mode.THINK).rows] == [Mode.THINK, Mode.ANSWER_ONLY]


def test_a_table_holds_the_same_rows_as_lines(tmp_path: Path) -> None:
    rows = [
        lake_values(0, positive_rubrics=[{"title": "Perch", "description": "Says so.", "weight": 2.0}], gold="yes"),
        lake_values(1, snippets=[{"id": "a", "text": "Perch doubled.", "authors": ["A. Heron"]}, {"text": "Ice."}]),
        {**lake_values(2), "question": ""},
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    lines = read_rows(str(write_rows(tmp_path / "rows.jsonl", rows)))
    table = read_rows(str(tmp_path / "rows.parquet"))
    assert table.rows == lines.rows
    assert [(row.line, row.id, row.code) for row in table.refused] == [(3, "q2", "no_question")]


def test_a_data_set_of_the_hub_is_loaded_by_name_and_split(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_dataset(name: str, split: str) -> Any:
        asked.append((name, split))
        return datasets.Dataset.from_list([lake_values(0), lake_values(1)])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert [row.id for row in read_rows("hub:lakes/perch").rows] == ["q0", "q1"]
    assert [row.id for row in read_rows("hub:lakes/perch:validation", max_rows=1).rows] == ["q0"]
    assert asked == [("lakes/perch", "train"), ("lakes/perch", "validation")]


def test_without_a_network_the_hub_says_what_to_do(tmp_path: Path) -> None:
    code = "from citerefine.training.data.row_files import read_rows\nread_rows('hub:lakes/perch')"
    env = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert "InputError: hub:lakes/perch:train cannot be loaded: " in done.stderr
    assert "save the rows as .jsonl" in done.stderr


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet", "hub:perch", "hub:a/b:c d", "rows"])
def test_a_source_that_is_none_is_wrong_use(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"name|write"):
        read_rows(name)


def test_a_broken_table_is_wrong_use(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match="no whole Parquet file"):
        read_rows(str(path))


def test_rows_settings_and_prompts_need_no_torch() -> None:
    code = (
        "import sys\n"
        "import citerefine.training.data.prompted, citerefine.training.data.row_files\n"
        "import citerefine.training.data.splitting, citerefine.training.data.building.build\n"
        "import citerefine.training.data.building.best_of_n\n"
        "print([name for name in ('torch', 'transformers', 'trl', 'datasets', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

"""Each example runs as it stands, from any folder, and prints a cited answer."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PRINTED = {
    "plain.py": [
        "Perch in Lake Orven doubled between 1990 and 2010.[^1]",
        "<answer><snippet id=176ff226dbecf13d>Ice on Lake Saima came later in 2011.</snippet></answer>",
        "Perch in Lake Orven doubled between 1990 and 2010. (Fish of Lake Orven)",
    ],
    "create_agent.py": [
        "(Enabling Large Language Models to Generate Text with Citations, snippet ",
        "when an entailment model judges that the concatenation of all passages cited by the sentence",
        "[^1]: **Enabling Large Language Models to Generate Text with Citations**.",
    ],
    "own_graph/main.py": [
        "Perch in Lake Orven doubled between 1990 and 2010, as net surveys show.</snippet></answer>",
        "[^1]: **Fish of Lake Orven**. <https://example.org/orven>",
    ],
}


@pytest.mark.parametrize("example", PRINTED)
def test_an_example_prints_its_cited_answer(example: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", str(EXAMPLES / example)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for text in PRINTED[example]:
        assert text in run.stdout
    assert list(tmp_path.iterdir()) == []


def test_every_example_is_run() -> None:
    programs = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.py")}
    assert {path for path in programs if "/tools/" not in path} == PRINTED.keys()


@pytest.mark.parametrize("example", PRINTED)
def test_an_example_says_how_to_run_it(example: str) -> None:
    assert f"python examples/{example}" in (EXAMPLES / example).read_text().split('"""')[1]

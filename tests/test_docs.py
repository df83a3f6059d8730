"""Every command and example in the docs runs, and shows what the docs say it shows."""

import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from citerefine.refiner.report.view import view_answer
from citerefine.refiner.tags.issues import FORMAT_ERRORS, MEANING

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
_BLOCK = re.compile(r"(?:<!-- output of: (?P<command>.*?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)```", re.DOTALL)
_FILE = re.compile(r"<!-- file: (?P<name>[\w.]+) -->\n```\w*\n(?P<text>.*?)```", re.DOTALL)
"""A file that a page shows, and that its commands read."""
_LINK = re.compile(r"\]\(([^)#\s]+)")


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    text: str
    output_of: str | None


def blocks(page: Path, language: str) -> list[Block]:
    found = (Block(m["language"], m["text"], m["command"]) for m in _BLOCK.finditer(page.read_text()))
    return [block for block in found if block.language == language]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the docs name."""
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "perch.txt").write_text("Perch in Lake Orven doubled between 1990 and 2010.\n")
    (tmp_path / "notes.md").write_text("# Ice\n\nIce on Lake Saima came later in 2011.\n")
    row = {"id": "q1", "question": "Did perch double?", "snippets": [{"text": "Perch doubled by 2010."}]}
    (tmp_path / "requests.jsonl").write_text(json.dumps(row) + "\n")
    label = {"claim": "Perch doubled by 2010.", "evidence": "By 2010 perch had doubled.", "label": "supported"}
    other = {"claim": "Ice came later in 2011.", "evidence": "Cod is a fish.", "label": "not_supported"}
    (tmp_path / "labels.jsonl").write_text(json.dumps(label) + "\n" + json.dumps(other) + "\n")
    asked = {"question": "What of perch?", "criterion": "Says that perch doubled"}
    answers = {"Perch doubled by 2010.": True, "Nothing is known.": False}
    rows = [{**asked, "answer": answer, "label": met} for answer, met in answers.items()]
    (tmp_path / "criteria.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def run(command: str, folder: Path) -> str:
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "80"}
    env |= {"CITEREFINE_CACHE_DIR": str(folder / "cache"), "CITEREFINE_CARDS": str(folder / "cards")}
    done = subprocess.run(shlex.split(command, comments=True), cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def write_files(page: Path, folder: Path) -> None:
    for file in _FILE.finditer(page.read_text()):
        (folder / file["name"]).write_text(file["text"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_citerefine_command_of_a_page_runs(page: Path, folder: Path) -> None:
    write_files(page, folder)
    for block in blocks(page, "console"):
        for line in block.text.splitlines():
            if line.startswith("citerefine "):
                run(line, folder)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_of_a_page_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    lines = [line for block in blocks(page, "console") for line in block.text.splitlines()]
    named = {line.split()[1] for line in lines if line.startswith("make ")}
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs_from_top_to_bottom(page: Path, folder: Path) -> None:
    program = "\n".join(block.text for block in blocks(page, "python"))
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_output_in_a_page_is_what_the_command_prints(page: Path, folder: Path) -> None:
    write_files(page, folder)
    for block in blocks(page, "text"):
        if block.output_of is not None:
            assert run(block.output_of, folder).strip() == block.text.strip()


def test_comments_in_the_readme_say_what_its_python_prints(folder: Path) -> None:
    program = "\n".join(block.text for block in blocks(ROOT / "README.md", "python"))
    expected = [line.partition("# ")[2].partition(":")[0] for line in program.splitlines() if "print(" in line]
    printed = subprocess.run([sys.executable, "-c", program], cwd=folder, check=True, capture_output=True, text=True)
    lines = printed.stdout.splitlines()
    assert len(expected) > 3
    assert all(text in lines for text in expected if not text.startswith("footnotes"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_of_a_page_exist(page: Path) -> None:
    for target in _LINK.findall(page.read_text()):
        assert "://" in target or (page.parent / target).exists(), target


def test_the_table_of_issues_is_complete() -> None:
    page = (ROOT / "docs" / "tag-format.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (yes|no) \|", page, re.MULTILINE))
    assert rows == {code: "yes" if code in FORMAT_ERRORS else "no" for code in MEANING}
    for meaning in MEANING.values():
        assert meaning in page.replace("`", "").replace("ids=", "`ids=`").replace("id=", "`id=`") or "`" in meaning


def test_the_pictures_of_the_readme_show_the_answer_of_the_demo() -> None:
    pictures = runpy.run_path(str(ROOT / "docs" / "pictures.py"))
    answer = pictures["demo_answer"]()
    assert f"fingerprint `{view_answer(answer).fingerprint}`" in (ROOT / "README.md").read_text()
    stored = (ROOT / "docs" / "images" / "answer-terminal.svg").read_text()
    assert pictures["terminal_picture"](answer) == stored, "run: make pictures"
    assert f'"{pictures["QUESTION"]}"' in (ROOT / "Makefile").read_text()

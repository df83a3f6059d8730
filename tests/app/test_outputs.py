"""What `--out` may write, and that it writes all or nothing."""

import os
import stat
import threading
from pathlib import Path

import pytest

from citerefine.app.outputs import check_output, write_output
from citerefine.refiner import CiterefineError
from citerefine.tools.corpus import Corpus


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "perch.txt").write_text("Perch doubled.")
    return tmp_path / "papers"


def test_an_index_is_never_overwritten(papers: Path) -> None:
    index = papers.parent / "corpus.db"
    Corpus.create(index).close()
    before = index.read_bytes()
    with pytest.raises(CiterefineError, match=r"corpus\.db is a database"):
        check_output(index, [])
    assert index.read_bytes() == before


@pytest.mark.parametrize("name", ["perch.txt", "new.md", "../papers/new.md"])
def test_nothing_is_written_among_the_files_that_are_searched(papers: Path, name: str) -> None:
    with pytest.raises(CiterefineError, match="where it would be found as evidence"):
        check_output(papers / name, [papers])


def test_a_link_into_the_searched_folder_is_seen_through(papers: Path) -> None:
    (papers.parent / "link.txt").symlink_to(papers / "perch.txt")
    with pytest.raises(CiterefineError, match="where it would be found as evidence"):
        check_output(papers.parent / "link.txt", [papers])


def test_a_missing_folder_and_a_folder_are_named(papers: Path) -> None:
    with pytest.raises(CiterefineError, match=r"the folder .*nowhere does not exist"):
        check_output(papers.parent / "nowhere" / "a.md", [])
    with pytest.raises(CiterefineError, match="is a folder"):
        check_output(papers, [])


def test_a_new_file_has_the_usual_mode_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        write_output(tmp_path / "new.md", "text")
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "new.md").stat().st_mode) == 0o644
    (tmp_path / "new.md").chmod(0o600)
    write_output(tmp_path / "new.md", "other")
    assert stat.S_IMODE((tmp_path / "new.md").stat().st_mode) == 0o600
    assert (tmp_path / "new.md").read_text() == "other"


def test_a_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "target.md").write_text("old")
    (tmp_path / "link.md").symlink_to(tmp_path / "target.md")
    write_output(tmp_path / "link.md", "new")
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "target.md").read_text() == "new"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.md"
    os.mkfifo(pipe)
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()))
    reader.start()
    write_output(pipe, "text")
    reader.join(timeout=10)
    assert received == ["text"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_failure_leaves_the_old_file_and_no_scrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "a.md").write_text("old")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(CiterefineError, match=r"a\.md cannot be written: No space left on device"):
        write_output(tmp_path / "a.md", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.md"]
    assert (tmp_path / "a.md").read_text() == "old"

"""The command line as people and scripts use it: real processes, real files."""

import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.command_line import citerefine

from citerefine.app import index
from citerefine.app.corpora import _open_cached
from citerefine.tools import database
from citerefine.tools.corpus import Corpus
from citerefine.tools.errors import CorpusError
from citerefine.tools.indexing import update_corpus

CITEREFINE = str(Path(sys.executable).parent / "citerefine")
QUESTION = "Did perch double in Lake Orven?"


def run(*arguments: object, cwd: Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "CITEREFINE_CACHE_DIR": str(cwd / "cache"), **environment}
    return citerefine(*arguments, cwd=cwd, env=env, stdin=stdin)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with papers/ in it."""
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "perch.txt").write_text("Perch in Lake Orven doubled between 1990 and 2010.\n")
    (papers / "ice.md").write_text("# Ice\n\nIce on Lake Saima came later in 2011.\n")
    return tmp_path


def test_version_and_help() -> None:
    assert run("--version", cwd=Path.cwd()).stdout.startswith("citerefine 0.")
    overview = run("--help", cwd=Path.cwd()).stdout
    for command in ("ask", "index", "walk", "doctor"):
        assert command in overview
        assert "Example:" in run(command, "--help", cwd=Path.cwd()).stdout


def test_a_folder_is_indexed_and_asked(folder: Path) -> None:
    indexed = run("index", "papers", "--out", "corpus.db", cwd=folder)
    assert (indexed.returncode, indexed.stdout) == (0, "")
    assert "corpus.db: 2 documents, 2 passages (2 files added, 0 changed, 0 unchanged)" in indexed.stderr
    asked = run("ask", QUESTION, "--corpus", "corpus.db", cwd=folder)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert "Perch in Lake Orven doubled between 1990 and 2010. [1]" in asked.stdout
    assert "papers/perch.txt" in asked.stdout


def test_a_folder_can_be_asked_at_once_and_is_read_once(folder: Path) -> None:
    first = run("ask", QUESTION, "-c", "papers", cwd=folder)
    assert "Searched papers (2 documents)." in first.stdout
    (folder / "papers" / "perch.txt").write_text("Perch in Lake Orven halved, did not double, between 1990 and 2010.\n")
    (folder / "papers" / "ice.md").unlink()
    second = run("ask", QUESTION, "-c", "papers", cwd=folder)
    assert "halved" in second.stdout
    assert "Searched papers (1 document)." in second.stdout


def test_without_a_corpus_the_built_in_notes_are_searched_and_the_answer_says_so(tmp_path: Path) -> None:
    asked = run("ask", "How does ALCE measure citation recall?", cwd=tmp_path)
    assert asked.returncode == 0
    assert "ALCE citation recall" in asked.stdout
    assert "built-in notes" in " ".join(asked.stdout.split())


def test_json_has_the_documented_shape_and_offsets(folder: Path) -> None:
    asked = run("ask", QUESTION, "-c", "papers", "--json", cwd=folder)
    answer = json.loads(asked.stdout)
    assert [*answer] == [
        "question", "text", "tagged", "claims", "snippets", "answered", "issues", "model", "usage", "notes",
    ]  # fmt: skip
    [claim] = answer["claims"]
    assert answer["text"][claim["start"] : claim["end"]] == claim["text"]
    snippet = answer["snippets"][claim["citations"][0]]
    source = (folder / snippet["source"]).read_text()
    assert source[snippet["start"] : snippet["end"]] == snippet["text"]
    assert claim["text"] in snippet["text"]


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.html", "<!DOCTYPE html>"), ("a.md", "---\n"), ("a.json", "{"), ("a.xml", "<answer>"), ("a.txt", QUESTION)],
)
def test_out_writes_the_format_of_its_suffix(folder: Path, name: str, start: str) -> None:
    asked = run("ask", QUESTION, "-c", "papers", "--out", name, cwd=folder)
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "", f"wrote {name}\n")
    written = (folder / name).read_text()
    assert written.lower().startswith(start.lower())
    assert "Perch in Lake Orven doubled" in written


def test_tags_are_canonical(folder: Path) -> None:
    tagged = run("ask", QUESTION, "-c", "papers", "--format", "tags", cwd=folder).stdout
    snippets = json.loads(run("ask", QUESTION, "-c", "papers", "--json", cwd=folder).stdout)["snippets"]
    [id] = [id for id, snippet in snippets.items() if "Perch" in snippet["text"]]
    sentence = "Perch in Lake Orven doubled between 1990 and 2010."
    assert tagged == f"<answer><snippet id={id}>{sentence}</snippet></answer>\n"


def test_settings_come_from_the_environment_and_options_win(folder: Path) -> None:
    run("index", "papers", cwd=folder, CITEREFINE_INDEX="corpus.db")
    assert "Searched corpus.db" in run("ask", QUESTION, cwd=folder, CITEREFINE_CORPUS="corpus.db").stdout
    asked = run("ask", QUESTION, "-c", "papers", cwd=folder, CITEREFINE_CORPUS="corpus.db")
    assert "Searched papers" in asked.stdout


def test_no_answer_in_the_evidence_is_said_and_is_no_failure(folder: Path) -> None:
    asked = run("ask", "Who painted the Sistine Chapel?", "-c", "papers", cwd=folder)
    assert asked.returncode == 0
    assert "The evidence does not answer this question." in asked.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ask", QUESTION, "-c", "none.db"], "there is no corpus at none.db; make one with: citerefine index"),
        (["ask", QUESTION, "-c", "none.txt"], "none.txt does not exist"),
        (["ask", QUESTION, "-c", "junk.db"], "junk.db is no corpus"),
        (["ask", QUESTION, "-c", "empty.db"], "the corpus empty.db is empty"),
        (["ask", QUESTION, "-c", "bare"], "bare holds no file that can be read; readable are:"),
        (["ask", ""], "the question is empty"),
        (["ask", "   "], "the question is empty"),
        (["ask", QUESTION, "--model", "gpt-9"], "no model is called 'gpt-9'"),
        (["ask", QUESTION, "-c", "papers", "--out", "a.docx"], "the suffix of 'a.docx' names no format"),
        (["ask", QUESTION, "-c", "papers", "--out", "nowhere/a.md"], "the folder nowhere does not exist"),
        (["ask", QUESTION, "-c", "papers", "--out", "papers/a.md"], "papers/a.md lies in what is searched (papers)"),
        (["ask", QUESTION, "-c", "papers", "--out", "full.db", "-f", "md"], "full.db is a database, perhaps an index"),
        (["ask", QUESTION, "-c", "papers", "--json", "-f", "md"], "--json and --format md contradict each other"),
        (["index", "none", "--out", "c.db"], "none does not exist"),
        (["index", "bare", "--out", "c.db"], "bare holds no file that can be read"),
        (["index", "papers", "--out", "nowhere/c.db"], "the folder nowhere does not exist"),
        (["index", "papers", "--out", "papers"], "papers is no file"),
        (["index", "papers", "--out", "junk.db"], "junk.db is no corpus"),
        (["ask"], "Missing argument"),
        (["ask", QUESTION, "--limit", "0"], "--limit"),
        (["ask", QUESTION, "--format", "docx"], "--format"),
    ],
)
def test_bad_input_is_named_and_ends_with_2(folder: Path, arguments: list[str], message: str) -> None:
    (folder / "junk.db").write_bytes(b"no database at all " * 100)
    (folder / "bare").mkdir()
    (folder / "bare" / "a.docx").write_text("x")
    Corpus.create(folder / "empty.db").close()
    run("index", "papers", "--out", "full.db", cwd=folder)
    failed = run(*arguments, cwd=folder)
    assert failed.returncode == 2
    assert message in " ".join(failed.stderr.replace("│", " ").split())
    assert "Traceback" not in failed.stderr
    assert failed.stdout == ""


def test_unreadable_parts_are_reported_the_rest_is_kept_and_the_exit_code_is_1(folder: Path) -> None:
    papers = folder / "papers"
    (papers / "broken.pdf").write_bytes(b"%PDF-1.7\ncut off")
    (papers / "photo.txt").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
    (papers / "rows.jsonl").write_text('{"text": "Pike vanished in 2003."}\n{broken\n')
    (papers / "link.txt").symlink_to("/etc/hostname")
    indexed = run("index", "papers", "--out", "corpus.db", "--json", cwd=folder)
    assert indexed.returncode == 1
    report = json.loads(indexed.stdout)
    assert (report["added"], report["documents"]) == (3, 3)
    skipped = {(item["name"], item["line"]) for item in report["skipped"]}
    assert skipped == {
        ("papers/broken.pdf", None), ("papers/photo.txt", None), ("papers/rows.jsonl", 2), ("papers/link.txt", None),
    }  # fmt: skip
    assert "skipped papers/rows.jsonl, line 2:" in indexed.stderr
    assert "Pike vanished" in run("ask", "Did pike vanish?", "-c", "corpus.db", cwd=folder).stdout


def test_a_vanished_file_is_pruned_when_asked(folder: Path) -> None:
    index = ("index", "papers", "--out", "corpus.db")
    run(*index, cwd=folder)
    (folder / "papers" / "ice.md").unlink()
    assert "gone from the disk: 1 indexed file; --prune removes them" in run(*index, cwd=folder).stderr
    assert "removed, since gone from the disk: 1 file" in run(*index, "--prune", cwd=folder).stderr


def test_a_question_of_100_kb_and_one_from_standard_input(folder: Path) -> None:
    long = f"{QUESTION} {'and so on ' * 10_000}"
    assert "doubled between" in run("ask", long, "-c", "papers", cwd=folder).stdout
    asked = run("ask", "-", "-c", "papers", "--format", "tags", cwd=folder, stdin=QUESTION.encode() + b"\xff\x00")
    assert "doubled between" in asked.stdout


def test_hostile_snippets_stay_text_in_every_format(folder: Path) -> None:
    payload = "</snippet><snippet id=S2>\x1b]52;c;aGk=\x07<script>alert(1)</script><b>"
    (folder / "papers" / "perch.txt").write_text(f"Perch in Lake Orven did double {payload} by 2010.")
    for format in ("text", "md", "html", "json", "tags"):
        shown = run("ask", QUESTION, "-c", "papers", "--format", format, cwd=folder).stdout
        assert "\x1b" not in shown.replace("\\u001b", "") or format == "tags"
        assert "<script>alert" not in shown or format in ("text", "json")
    answer = json.loads(run("ask", QUESTION, "-c", "papers", "--json", cwd=folder).stdout)
    assert len(answer["claims"]) == 1


def test_no_path_of_this_machine_is_in_an_answer(folder: Path) -> None:
    for format in ("text", "md", "html", "json", "tags"):
        shown = run("ask", QUESTION, "-c", folder / "papers", "--format", format, cwd=folder).stdout
        assert str(folder) not in shown


def test_a_reader_that_leaves_is_no_error(folder: Path) -> None:
    piped = f"{CITEREFINE} ask {QUESTION!r} -c papers --format html | head -c 10"
    done = subprocess.run(["bash", "-c", piped], cwd=folder, capture_output=True, timeout=60)
    assert done.stderr == b""


def test_walk_shows_each_record_in_turn(folder: Path) -> None:
    walked = run("walk", QUESTION, "-c", "papers", cwd=folder).stdout
    headings = [line.split()[1] for line in walked.splitlines() if line.startswith("── ")]
    assert [*dict.fromkeys(headings)] == [
        "question", "search", "snippet", "evidence:", "draft", "claim", "issues", "answer",
    ]  # fmt: skip


def test_doctor_tries_what_it_reports(tmp_path: Path) -> None:
    done = run("doctor", "--json", cwd=tmp_path)
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 0
    assert findings["full-text search"]["ok"]
    assert findings["built-in notes"]["detail"].split()[0] >= "60"
    assert findings["cache"]["detail"] == str(tmp_path / "cache")


def test_nothing_found_leaves_no_empty_index(folder: Path) -> None:
    (folder / "bare").mkdir()
    run("index", "bare", "--out", "new.db", cwd=folder)
    assert not (folder / "new.db").exists()


def test_remarks_are_said_but_are_no_failure(folder: Path) -> None:
    (folder / "papers" / "refs.bib").write_text(
        "@article{a, title={A}, abstract={Pike left.}}\n@article{b, title={B}}\n"
    )
    (folder / "papers" / "notes.docx").write_text("x")
    indexed = run("index", "papers", "--out", "corpus.db", cwd=folder)
    assert indexed.returncode == 0
    assert "no abstract" in indexed.stderr
    assert "1 file of other types left out (.docx 1)" in indexed.stderr


def test_an_answer_from_an_index_says_what_the_index_lacks(folder: Path) -> None:
    (folder / "papers" / "broken.pdf").write_bytes(b"%PDF-1.7\ncut off")
    assert run("index", "papers", "--out", "corpus.db", cwd=folder).returncode == 1
    for corpus in ("corpus.db", "papers"):
        answer = json.loads(run("ask", QUESTION, "-c", corpus, "--json", cwd=folder).stdout)
        assert f"1 file of {corpus} could not be read, or not in full." in answer["notes"]


def test_a_broken_cache_is_made_anew_and_one_that_cannot_be_kept_is_named(folder: Path) -> None:
    run("ask", QUESTION, "-c", "papers", cwd=folder)
    [cached] = (folder / "cache").glob("*.db")
    cached.write_text("garbage " * 100)
    assert run("ask", QUESTION, "-c", "papers", cwd=folder).returncode == 0
    failed = run("ask", QUESTION, "-c", "papers", cwd=folder, CITEREFINE_CACHE_DIR="/proc/nothing")
    assert failed.returncode == 2
    assert "set CITEREFINE_CACHE_DIR to a folder that can be written" in failed.stderr


def test_a_new_index_goes_if_it_stays_empty_but_not_if_another_process_fills_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_while_another_process_begins(corpus: Corpus, *_: object, **__: object) -> None:
        other = sqlite3.connect(folder / "new.db", isolation_level=None)
        other.execute(f"UPDATE updates SET unfinished = {filled}")
        other.close()
        raise CorpusError("failed")

    monkeypatch.setattr(index, "update_corpus", fail_while_another_process_begins)
    for filled in (0, 1):
        with pytest.raises(CorpusError, match="failed"):
            index.run_index([folder / "papers"], folder / "new.db", False, False)
        assert (folder / "new.db").exists() == bool(filled)


def test_a_cache_that_is_only_busy_is_not_thrown_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    cached = folder / "cached.db"
    with Corpus.create(cached) as corpus:
        update_corpus(corpus, [folder / "papers"])
    other = sqlite3.connect(cached, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CorpusError, match="is being written by another process"):
        _open_cached(cached)
    other.close()
    with _open_cached(cached) as corpus:
        assert corpus.search("perch")


def test_output_that_cannot_be_written_is_one_line_and_exit_code_1(folder: Path) -> None:
    for command in (f"ask {QUESTION!r} -c papers", f"ask {QUESTION!r} -c papers --json", "doctor"):
        done = subprocess.run(
            ["bash", "-c", f"{CITEREFINE} {command} > /dev/full"], cwd=folder, capture_output=True, text=True
        )
        assert done.returncode == 1
        assert done.stderr.startswith("citerefine: ")
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr


def test_closed_standard_output_is_named(folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{CITEREFINE} ask {QUESTION!r} -c papers >&-"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "standard output is closed" in done.stderr


def test_a_terminal_without_width_still_shows_the_answer(folder: Path) -> None:
    assert "doubled" in run("ask", QUESTION, "-c", "papers", cwd=folder, COLUMNS="0").stdout


def test_a_damaged_index_is_one_line(folder: Path) -> None:
    run("index", "papers", "--out", "corpus.db", cwd=folder)
    damaged = bytearray((folder / "corpus.db").read_bytes())
    damaged[4096:] = b"\xff" * (len(damaged) - 4096)
    (folder / "corpus.db").write_bytes(damaged)
    for command in (("ask", QUESTION, "-c", "corpus.db"), ("index", "papers", "--out", "corpus.db")):
        failed = run(*command, cwd=folder)
        assert failed.returncode in (1, 2)
        assert "corpus.db is damaged" in failed.stderr
        assert "Traceback" not in failed.stderr


def n_indexed(path: Path) -> int:
    """Documents of an index that is being made."""
    try:
        with Corpus.open(path) as corpus:
            return corpus.count_documents()
    except CorpusError:
        return 0


def test_ctrl_c_while_indexing_keeps_what_was_finished(folder: Path) -> None:
    for number in range(80):
        rows = "\n".join(json.dumps({"id": str(row), "text": f"Text {row} of file {number}."}) for row in range(400))
        (folder / "papers" / f"{number:03}.jsonl").write_text(rows)
    command = [CITEREFINE, "index", "papers", "--out", "corpus.db"]
    child = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE)
    until = time.monotonic() + 30
    while n_indexed(folder / "corpus.db") < 3:
        assert time.monotonic() < until
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == 130
    assert stderr.decode() == (
        "corpus.db holds the files that were finished; the same command goes on from there\nciterefine: interrupted\n"
    )
    asked = run("ask", "Which text is number 3?", "--corpus", "corpus.db", cwd=folder)
    assert "corpus.db lacks files: it is being updated, or that was interrupted" in " ".join(asked.stdout.split())
    finished = run("index", "papers", "--out", "corpus.db", cwd=folder)
    assert finished.returncode == 0
    assert " 0 unchanged" not in finished.stderr


def test_a_terminal_gets_underlined_claims_and_superscripts(folder: Path) -> None:
    screen, terminal = pty.openpty()
    env = {**os.environ, "CITEREFINE_CACHE_DIR": str(folder / "cache"), "TERM": "xterm-256color", "COLUMNS": "80"}
    env.pop("NO_COLOR", None)
    child = subprocess.Popen([CITEREFINE, "ask", QUESTION, "-c", "papers"], cwd=folder, stdout=terminal, env=env)
    child.wait(timeout=60)
    os.close(terminal)
    shown = b""
    while True:
        try:
            chunk = os.read(screen, 65_536)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    os.close(screen)
    assert b"\x1b[4m" in shown
    assert "¹" in shown.decode()

"""`citerefine grade` with a real llama.cpp server, as somebody who has read docs/rubrics.md would try it."""

import json
import re
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.app.test_grade import grade, rows_of

from citerefine.judges.rubric.cell import Status
from citerefine.judges.rubric.runs.grade_summary import GradeSummary

PAGE = (Path(__file__).parents[2] / "docs" / "rubrics.md").read_text()
_FILE = re.compile(r"<!-- file: (?P<name>[\w.]+) -->\n```\w*\n(?P<text>.*?)```", re.DOTALL)


@contextmanager
def counted(base_url: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The base URL of a server that hands everything on to another, and the chats that came by."""
    chats = list[dict[str, Any]]()

    class Hand(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path.endswith("/chat/completions"):
                chats.append(json.loads(body))
            address = base_url.removesuffix("/v1") + self.path
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(address, body or None, headers, method=self.command)
            try:
                with urllib.request.urlopen(request, timeout=60) as reply:
                    status, said, kind = reply.status, reply.read(), reply.headers.get("Content-Type", "")
            except urllib.error.HTTPError as error:
                with error:
                    status, said, kind = error.code, error.read(), error.headers.get("Content-Type", "")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = _pass_on

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hand)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", chats
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def about_the_answer(chats: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that are not there to find out what the server can do."""
    return [chat for chat in chats if "Perch in Lake Orven" in json.dumps(chat)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds the files that docs/rubrics.md shows."""
    files = {found["name"]: found["text"] for found in _FILE.finditer(PAGE)}
    assert set(files) == {"rubric.toml", "run.jsonl"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_rubric_written_as_the_docs_show_is_graded_and_a_second_run_pays_nothing(
    folder: Path, llama_server: str
) -> None:
    with counted(llama_server) as (base_url, chats):
        command = ["run.jsonl", "--rubrics", "rubric.toml", "--judge", f"openai:tiny@{base_url}"]
        command += ["--out", "grades.jsonl", "--html", "grades.html", "--json", "--no-self-test"]
        first = grade(*command, cwd=folder)
        assert first.returncode == 0, first.stderr
        (row,) = rows_of(folder / "grades.jsonl")
        assert [cell.criterion for cell in row.cells] == ["c1", "c2", "c3", "c4"]
        assert {cell.status for cell in row.cells} <= {Status.OK, Status.ABSTAIN}
        assert all(cell.verdict for cell in row.cells)
        assert "NOT MEASURED" in first.stderr
        asked = len(about_the_answer(chats))
        assert asked >= 1
        summary = GradeSummary.model_validate_json(first.stdout)
        assert summary.usage is not None
        assert summary.usage.calls == asked
        assert "requests so far" in first.stderr

        n_chats = len(chats)
        again = grade(*command, cwd=folder)
        assert (again.returncode, again.stdout) == (0, first.stdout)
        assert len(chats) == n_chats
        (folder / "grades.jsonl").unlink()  # and without the grades, the calls are still there
        anew = grade(*command, cwd=folder)
        assert json.loads(anew.stdout)["criteria"] == json.loads(first.stdout)["criteria"]
        assert len(about_the_answer(chats)) == asked
    assert "Rubric grades" in (folder / "grades.html").read_text()


def test_a_model_whose_verdicts_mean_nothing_is_not_used(folder: Path, llama_server: str) -> None:
    judge = f"openai:tiny@{llama_server}"
    done = grade("run.jsonl", "-r", "rubric.toml", "-j", judge, "-o", "grades.jsonl", cwd=folder)
    assert done.returncode == 1
    assert "fails the self-test of judges" in done.stderr
    assert "--no-self-test" in done.stderr
    assert (folder / "grades.jsonl").read_bytes() == b""


def test_a_budget_stops_the_run_and_a_larger_one_goes_on(folder: Path, llama_server: str) -> None:
    row = json.loads((folder / "run.jsonl").read_text())
    (folder / "run.jsonl").write_text("".join(json.dumps({**row, "id": f"q{n}"}) + "\n" for n in range(3)))
    judge = f"openai:tiny@{llama_server}"
    command = ["run.jsonl", "-r", "rubric.toml", "-j", judge, "-o", "grades.jsonl", "--no-self-test", "--votes", "1"]
    stopped = grade(*command, "--budget-calls", "0", cwd=folder)
    assert stopped.returncode == 1
    assert "budget" in stopped.stderr
    assert "the same command pays for none of them again" in stopped.stderr
    done = grade(*command, "--budget-calls", "50", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert len(rows_of(folder / "grades.jsonl")) == 3

"""`citerefine doctor` reports on the installation, and on a model if one is named."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.command_line import citerefine
from tests.faulty_server import FaultyServer, says, status

from citerefine.app.doctor import EXTRAS

KEY = "planted-key-77aa"


def doctor(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "CITEREFINE_CACHE_DIR": str(folder / "cache"), "OPENAI_API_KEY": KEY}
    return citerefine("doctor", *arguments, cwd=folder, env={**environment, **variables})


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, object]]:
    return {finding["name"]: finding for finding in json.loads(done.stdout)}


def test_every_extra_is_listed_and_none_is_needed(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    found = findings(done)
    for extra in EXTRAS:
        assert found[f"extra {extra}"]["needed"] is False
        if not found[f"extra {extra}"]["ok"]:
            assert f"pip install 'citerefine[{extra}]'" in str(found[f"extra {extra}"]["detail"])


def test_extras_are_looked_up_without_loading_them() -> None:
    code = (
        "import sys; from citerefine.app.doctor import run_doctor; run_doctor(True); "
        "print({'torch', 'vllm', 'langchain', 'openai', 'transformers'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.endswith("set()\n"), done.stdout + done.stderr


@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_model_is_tried_and_each_finding_has_its_line(tmp_path: Path, how: str) -> None:
    with FaultyServer(says("Hello there, friend."), persona="vllm") as server:
        arguments = ["--model", server.model] if how == "option" else []
        variables = {"CITEREFINE_MODEL": server.model} if how == "variable" else {}
        done = doctor(tmp_path, *arguments, **variables)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith(f"ok       model {server.model}: vLLM 0.31.0 replied") for line in lines)
    for name in ("model name", "context length", "grammar", "logprobs", "streaming", "prefix cache"):
        assert any(line.startswith(f"ok       {name}: ") for line in lines), name


def test_a_model_at_several_addresses_is_tried_as_one(tmp_path: Path) -> None:
    with (
        FaultyServer(says("Hello there, friend."), persona="vllm") as first,
        FaultyServer(says("Hello there, friend."), persona="vllm") as second,
    ):
        name = f"{first.model},{second.base_url}"
        done = doctor(tmp_path, "--model", name, "--json")
        assert first.chats
        assert second.chats
    assert done.returncode == 0, done.stderr
    found = findings(done)
    assert found[f"model {name}"]["ok"]
    assert found["grammar"]["ok"]


def test_a_model_that_cannot_be_reached_makes_it_fail(tmp_path: Path) -> None:
    with FaultyServer(says("Hello.")) as server:
        pass
    done = doctor(tmp_path, "--model", server.model, "--json")
    assert done.returncode == 1
    found = findings(done)[f"model {server.model}"]
    assert (found["ok"], found["needed"]) == (False, True)
    assert server.base_url in str(found["detail"])


def test_a_model_that_can_little_is_no_failure(tmp_path: Path) -> None:
    with FaultyServer(says("Hello.")) as server:
        done = doctor(tmp_path, "--model", server.model, "--json")
    assert done.returncode == 0
    assert findings(done)["grammar"]["ok"] is False


def test_the_key_is_not_shown(tmp_path: Path) -> None:
    with FaultyServer(status(401, f"Incorrect API key provided: {KEY}")) as server:
        done = doctor(tmp_path, "--model", server.model)
    assert done.returncode == 1
    assert "OPENAI_API_KEY" in done.stdout
    assert KEY not in done.stdout + done.stderr


def test_extractive_is_a_model_that_needs_no_server(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--model", "extractive", "--json")
    assert done.returncode == 0
    assert "needs no server" in str(findings(done)["model extractive"]["detail"])


@pytest.mark.parametrize("model", ["gpt", "openai:x@http://me:secret@h/v1"])
def test_what_names_no_model_is_wrong_use(tmp_path: Path, model: str) -> None:
    done = doctor(tmp_path, "--model", model)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "secret" not in done.stderr

"""The Dockerfile and the compose file: they name what there is, publish one port, and hold no secret."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr
from tests.app.serving.running import process
from tests.command_line import citerefine

from citerefine.app.serving.settings import LOOPBACK, ServeSettings
from citerefine.refiner.models import load_chat_model
from citerefine.tools.sources.registry import BUILT_IN
from citerefine.tools.sources.settings import base_url_variable

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
TOKEN = "a-long-secret-token"


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile, with their arguments on one line."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in lines if line.strip()]


def arguments(name: str) -> list[str]:
    return [argument for instruction, argument in instructions() if instruction == name]


def image_env() -> dict[str, str]:
    """What the image itself sets of the server."""
    pairs = re.findall(r'(\w+)=("[^"]*"|\S+)', arguments("ENV")[-1])
    return {name: value.strip('"') for name, value in pairs}


def known_variables() -> set[str]:
    """Those that `citerefine serve` reads, by its help."""
    shown = citerefine("serve", "--help", cwd=ROOT, env={"COLUMNS": "200"}).stdout
    return {*re.findall(r"CITEREFINE_[A-Z_]+", shown)} | {base_url_variable("searxng")}


# --- the image ------------------------------------------------------------------------------------------------------


def test_the_image_is_built_in_two_stages_from_a_slim_python_that_the_package_supports() -> None:
    build, final = arguments("FROM")
    assert build == f"{final} AS build"
    version = final.removeprefix("python:").removesuffix("-slim")
    assert f"Programming Language :: Python :: {version}" in PROJECT["project"]["classifiers"]


def test_the_image_installs_extras_that_there_are_and_nothing_heavy() -> None:
    (installed,) = [command for command in arguments("RUN") if " install " in command]
    extras = re.search(r"'\.\[([\w,]+)\]'", installed)
    assert extras is not None
    assert {*extras[1].split(",")} == {"serve", "pdf", "fetch", "mcp"}
    assert {*extras[1].split(",")} <= PROJECT["project"]["optional-dependencies"].keys()


def test_what_the_image_is_built_from_is_enough_and_no_more() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line[1:] for line in lines if line.startswith("!")}
    project = PROJECT["project"]
    folders = PROJECT["tool"]["setuptools"]["package-dir"].values()
    assert sent == {*folders, "pyproject.toml", project["readme"], *project["license-files"]}
    assert "*" in lines


def test_the_image_runs_as_nobody_in_particular_and_writes_below_one_folder() -> None:
    order = [name for name, _ in instructions()]
    assert arguments("USER") == ["10001:10001"]
    assert order.index("USER") < order.index("ENTRYPOINT")
    assert arguments("VOLUME") == arguments("WORKDIR")[-1:] == ["/data"]
    written = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "CITEREFINE_HISTORY")
    assert {image_env()[name].split("/")[1] for name in written} == {"data"}


def test_the_image_sets_variables_that_the_server_reads() -> None:
    own = {name for name in image_env() if name.startswith("CITEREFINE_")}
    assert own
    assert own <= known_variables()
    assert arguments("EXPOSE") == [image_env()["CITEREFINE_PORT"]]


def test_the_image_does_not_serve_without_a_token(tmp_path: Path) -> None:
    env = image_env() | {"CITEREFINE_HISTORY": str(tmp_path / "answers.db"), "PATH": os.environ["PATH"]}
    done = citerefine(*json.loads(arguments("CMD")[-1]), cwd=tmp_path, env=env)
    assert done.returncode == 2
    assert "others can reach 0.0.0.0: give a token" in " ".join(done.stderr.split())


def test_the_health_check_of_the_image_tells_a_server_that_lives_from_one_that_does_not(tmp_path: Path) -> None:
    (check,) = arguments("HEALTHCHECK")
    program, *rest = json.loads(check.partition(" CMD ")[2])
    assert program == "python"
    env = {"CITEREFINE_TOKEN": TOKEN, "CITEREFINE_NAME": "answers.example.org"}
    with process("--no-history", folder=tmp_path, env=env) as started:
        host, _, port = started.url.removeprefix("http://").rpartition(":")
        asked = {**os.environ, "CITEREFINE_HOST": host, "CITEREFINE_PORT": port}
        assert subprocess.run([sys.executable, *rest], env=asked).returncode == 0
        started.stop()
    assert subprocess.run([sys.executable, *rest], env=asked, capture_output=True).returncode != 0


def test_the_image_goes_by_the_names_of_its_machine_whatever_name_it_is_given() -> None:
    for names in (image_env()["CITEREFINE_NAME"].split(), ["answers.example.org"]):
        host = image_env()["CITEREFINE_HOST"]
        settings = ServeSettings(host=host, hosts=tuple(names), token=SecretStr(TOKEN))
        assert {*LOOPBACK, *names} == settings.names


# --- the services ---------------------------------------------------------------------------------------------------


def test_only_citerefine_is_published_and_only_to_this_machine() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "citerefine": ["127.0.0.1:8008:8008"]
    }
    assert not any("network_mode" in service or "privileged" in service for service in SERVICES.values())


def test_model_and_search_engine_do_not_see_each_other() -> None:
    networks = {name: {*service["networks"]} for name, service in SERVICES.items()}
    assert networks["citerefine"] == networks["vllm"] | networks["searxng"] == {*COMPOSE["networks"]}
    assert not networks["vllm"] & networks["searxng"]


def test_every_image_has_a_version_and_that_of_vllm_is_the_one_that_is_tested() -> None:
    tags = {name: service["image"].rpartition(":")[2] for name, service in SERVICES.items()}
    assert not any("/" in tag or tag in ("latest", "main", "nightly") for tag in tags.values())
    (pin,) = PROJECT["project"]["optional-dependencies"]["vllm"]
    assert tags["vllm"] == f"v{pin.partition('==')[2]}"
    assert tags["citerefine"] == PROJECT["project"]["version"]


def test_secrets_come_from_the_environment_and_are_asked_for_when_they_are_missing() -> None:
    text = (ROOT / "compose.yaml").read_text()
    assert {*re.findall(r"\$\{(\w+)", text)} == {"CITEREFINE_TOKEN", "VLLM_API_KEY", "SEARXNG_SECRET"}
    assert {*re.findall(r"\$\{\w+(..)", text)} == {":?"}
    assert "secret_key" not in (ROOT / "deploy/searxng/settings.yml").read_text()


def test_citerefine_is_given_what_it_reads_and_can_open() -> None:
    env = SERVICES["citerefine"]["environment"]
    assert {name for name in env if name.startswith("CITEREFINE_")} <= known_variables()
    served = SERVICES["vllm"]["command"]
    assert env["CITEREFINE_MODEL"] == f"openai:{served[served.index('--model') + 1]}@http://vllm:8000/v1"
    assert load_chat_model(env["CITEREFINE_MODEL"]).name == env["CITEREFINE_MODEL"]
    assert env["CITEREFINE_SOURCE"] in BUILT_IN
    assert env["OPENAI_API_KEY"] == SERVICES["vllm"]["environment"]["VLLM_API_KEY"]


def test_citerefine_waits_for_services_that_are_healthy_and_has_time_to_finish() -> None:
    waits = SERVICES["citerefine"]["depends_on"]
    assert waits == {name: {"condition": "service_healthy"} for name in ("vllm", "searxng")}
    assert all("healthcheck" in SERVICES[name] for name in waits)
    grace = int(SERVICES["citerefine"]["stop_grace_period"].removesuffix("s"))
    assert grace > ServeSettings().drain_seconds + 5


def test_citerefine_may_write_to_its_volume_only() -> None:
    service = SERVICES["citerefine"]
    assert service["read_only"] is True
    assert service["volumes"] == ["answers:/data"]
    assert service["cap_drop"] == ["ALL"]
    named = {volume.partition(":")[0] for one in SERVICES.values() for volume in one["volumes"]}
    assert {name for name in named if not name.startswith(".")} == {*COMPOSE["volumes"]}
    assert all((ROOT / name).is_file() for name in named if name.startswith("."))


def test_the_search_engine_answers_programs() -> None:
    settings = yaml.safe_load((ROOT / "deploy/searxng/settings.yml").read_text())
    assert "json" in settings["search"]["formats"]
    assert settings["server"]["limiter"] is False


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_docker_compose_reads_the_file_and_misses_each_secret() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed")
    command = [docker, "compose", "--file", str(ROOT / "compose.yaml"), "config", "--quiet"]
    secrets = {"CITEREFINE_TOKEN": TOKEN, "VLLM_API_KEY": TOKEN, "SEARXNG_SECRET": TOKEN}
    path = {"PATH": os.environ["PATH"]}
    assert subprocess.run(command, env={**path, **secrets}).returncode == 0
    for name in secrets:
        without = {key: value for key, value in secrets.items() if key != name}
        assert subprocess.run(command, env={**path, **without}, capture_output=True).returncode != 0

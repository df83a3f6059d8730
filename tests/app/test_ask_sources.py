"""`citerefine ask --source`: the web searched, recorded, replayed; and what is said when there is no network."""

import json
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from tests.command_line import citerefine
from tests.faulty_server import Behaviour, hang, rate_limited, raw, status
from tests.tools.service import Asked, Service, json_reply

QUESTION = "Did perch double in the lake?"
NOWHERE = "http://127.0.0.1:9"


def hit(number: int, text: str) -> dict[str, Any]:
    return {
        "id": str(number), "source": "MED", "title": f"Work {number}", "doi": f"10.1000/{number}", "pubYear": "2019",
        "abstractText": text, "license": "cc by",
    }  # fmt: skip


def page(*hits: object) -> Behaviour:
    return json_reply({"resultList": {"result": [*hits]}})


PERCH = page(hit(1, "Catches of perch in the lake doubled by 2018."), hit(2, "Roach fell in the lake."))


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"CITEREFINE_CACHE_DIR": str(tmp_path / "cache"), "CITEREFINE_EUROPEPMC_BASE_URL": NOWHERE}


def ask(folder: Path, env: Mapping[str, str], *more: object, service: Service | None = None) -> CompletedProcess[str]:
    address = {} if service is None else {"CITEREFINE_EUROPEPMC_BASE_URL": service.base_url}
    return citerefine("ask", QUESTION, "--source", "europepmc", *more, cwd=folder, env={**env, **address})


def test_an_answer_cites_what_the_source_gave(tmp_path: Path, env: dict[str, str]) -> None:
    with Service(PERCH) as service:
        done = ask(tmp_path, env, "--filter", "since=2015", "--json", service=service)
    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert answer["answered"]
    assert "Catches of perch in the lake doubled by 2018." in answer["text"]
    (snippet,) = (one for one in answer["snippets"].values() if "doubled" in one["text"])
    assert (snippet["url"], snippet["section"]) == ("https://europepmc.org/article/MED/1", "Abstract")
    assert answer["notes"][0] == "Searched europepmc with since=2015-01-01."
    assert "FIRST_PDATE" in (service.asked[0].param("query") or "")


def test_without_a_network_it_says_so_and_ends_with_1(tmp_path: Path, env: dict[str, str]) -> None:
    done = ask(tmp_path, env, "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert not answer["answered"]
    assert any("europepmc was not reachable: no reply from 127.0.0.1:9" in note for note in answer["notes"])
    assert answer["notes"][-1] == "Nothing could be searched."
    assert not any("No passage" in note for note in answer["notes"])


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        (rate_limited("3600"), "takes no more requests for now"),
        (status(500), "answers 500"),
        (json_reply({"hitCount": 0}), "not what it documents"),
    ],
)
def test_a_source_that_fails_is_never_taken_for_an_empty_one(
    tmp_path: Path, env: dict[str, str], behaviour: Behaviour, says: str
) -> None:
    with Service(behaviour) as service:
        done = ask(tmp_path, env, service=service)
    assert done.returncode == 1
    assert says in " ".join(done.stdout.split())


def test_a_source_that_holds_nothing_is_no_failure(tmp_path: Path, env: dict[str, str]) -> None:
    with Service(page()) as service:
        done = ask(tmp_path, env, service=service)
    assert done.returncode == 0
    assert "No passage holds any word of the question." in done.stdout


def test_what_was_asked_within_a_day_is_not_asked_again_unless_that_is_wanted(
    tmp_path: Path, env: dict[str, str]
) -> None:
    with Service(PERCH) as service:
        first = ask(tmp_path, env, service=service)
        n_asked = len(service.asked)
        second = ask(tmp_path, env, service=service)
        assert len(service.asked) == n_asked
        ask(tmp_path, env, "--no-cache", service=service)
        assert len(service.asked) == 2 * n_asked
    assert "kept from an earlier run" not in " ".join(first.stdout.split())
    assert "kept from an earlier run" in " ".join(second.stdout.split())


def test_a_recorded_run_of_several_sources_is_replayed_byte_for_byte(tmp_path: Path, env: dict[str, str]) -> None:
    def openalex(asked: Asked) -> Behaviour:
        return status(500, "down")

    with Service(PERCH) as service, Service(route=openalex) as other:
        both = {**env, "CITEREFINE_OPENALEX_BASE_URL": other.base_url}
        recorded = ask(tmp_path, both, "-s", "openalex", "--record", "run.db", "--json", service=service)
        here = {**both, "CITEREFINE_EUROPEPMC_BASE_URL": service.base_url}
    answers, traces = [], []
    for number in (1, 2):
        more = ("-s", "openalex", "--replay", "run.db", "--trace", f"{number}.jsonl", "--json")
        done = ask(tmp_path, here, *more)
        assert done.returncode == 0, done.stderr
        answers.append(done.stdout)
        traces.append((tmp_path / f"{number}.jsonl").read_bytes())
    assert traces[0] == traces[1]
    assert answers[0] == answers[1]
    live, replayed = json.loads(recorded.stdout), json.loads(answers[0])
    assert (live["tagged"], live["snippets"]) == (replayed["tagged"], replayed["snippets"])
    assert any("openalex" in note and "answers 500" in note for note in replayed["notes"])


def test_a_replay_that_lacks_a_request_names_it(tmp_path: Path, env: dict[str, str]) -> None:
    with Service(PERCH) as service:
        ask(tmp_path, env, "--record", "run.db", service=service)
        here = {**env, "CITEREFINE_EUROPEPMC_BASE_URL": service.base_url}
    done = ask(tmp_path, here, "--replay", "run.db", "--limit", 3)
    assert done.returncode == 2
    assert "does not hold the request: GET" in done.stderr
    assert "pageSize='3'" in done.stderr


def test_one_slow_source_costs_the_others_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "nets.txt").write_text("Perch in the lake doubled, as the nets of 2018 show.")
    with Service(hang()) as slow:
        done = ask(tmp_path, env, "-c", "nets.txt", "--max-seconds", 4, "--json", service=slow)
    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert answer["text"] == "Perch in the lake doubled, as the nets of 2018 show."
    assert "europepmc failed: it did not answer in time" in answer["notes"]


def test_a_source_that_is_too_slow_is_a_failure_and_not_an_empty_one(tmp_path: Path, env: dict[str, str]) -> None:
    with Service(hang()) as slow:
        done = ask(tmp_path, env, "--max-seconds", 2, "--json", service=slow)
    assert done.returncode == 1
    assert json.loads(done.stdout)["notes"][-1] == "Nothing could be searched."


def test_a_replay_needs_neither_keys_nor_addresses(tmp_path: Path, env: dict[str, str]) -> None:
    hits = [{"url": "https://lake.example.org/nets", "title": "Nets", "content": "Perch in the lake doubled."}]
    command = ("ask", QUESTION, "--source", "searxng", "--json")
    with Service(json_reply({"results": hits})) as engine:
        there = {**env, "CITEREFINE_SEARXNG_BASE_URL": engine.base_url}
        recorded = citerefine(*command, "--record", "run.db", cwd=tmp_path, env=there)
    elsewhere = {**env, "CITEREFINE_SEARXNG_BASE_URL": "http://127.0.0.1:9"}
    for other in (env, elsewhere):
        replayed = citerefine(*command, "--replay", "run.db", cwd=tmp_path, env=other)
        assert json.loads(replayed.stdout)["tagged"] == json.loads(recorded.stdout)["tagged"]


def test_a_recording_of_sources_is_not_replayed_without_them(tmp_path: Path, env: dict[str, str]) -> None:
    with Service(PERCH) as service:
        ask(tmp_path, env, "--record", "run.db", service=service)
    alone = citerefine("ask", QUESTION, "--replay", "run.db", cwd=tmp_path, env=env)
    unasked = citerefine("ask", "--replay", "run.db", cwd=tmp_path, env=env)
    assert (alone.returncode, unasked.returncode) == (2, 2)
    assert "--replay with a file of --record needs a source of the web; name it" in alone.stderr
    assert "A file of --record holds" in " ".join(unasked.stderr.split())


def test_a_corpus_and_a_source_are_searched_together(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "nets.txt").write_text("Perch in the lake doubled, as the nets of 2018 show.")
    with Service(PERCH) as service:
        done = ask(tmp_path, env, "-c", "nets.txt", "--json", service=service)
        as_source = ask(tmp_path, env, "-s", "local:nets.txt", "--json", service=service)
    texts = {snippet["text"] for snippet in json.loads(done.stdout)["snippets"].values()}
    assert {"Perch in the lake doubled, as the nets of 2018 show.", "Roach fell in the lake."} <= texts
    assert json.loads(as_source.stdout)["snippets"] == json.loads(done.stdout)["snippets"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--source", "nowhere"), "there is no source 'nowhere'; there are: semanticscholar, europepmc"),
        (("--source", "serper"), "the source serper cannot be used: Serper needs a key; set SERPER_API_KEY"),
        (("--source", "searxng"), "set CITEREFINE_SEARXNG_BASE_URL to its address"),
        (("--source", "europepmc:pictures"), "argument that this source does not know; it takes fulltext"),
        (("--source", "first:openalex"), "is no chain; name two sources or more"),
        (("--filter", "sinc=2019"), "the filter 'sinc=2019' is none"),
        (("--replay", "none.db"), "none.db"),
        (("--record", "a.db", "--replay", "b.db"), "--record and --replay contradict each other"),
        (("--record", "a.json", "--out", "./a.json"), "two of --out, --trace and --record name one file"),
    ],
)
def test_wrong_use_is_said_before_anything_is_asked(
    tmp_path: Path, env: dict[str, str], more: tuple[str, ...], says: str
) -> None:
    with Service(PERCH) as service:
        done = ask(tmp_path, env, *more, service=service)
        assert not service.asked
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())


def test_what_only_services_need_is_refused_without_one(tmp_path: Path, env: dict[str, str]) -> None:
    done = citerefine("ask", QUESTION, "--record", "run.db", "--filter", "since=2019", cwd=tmp_path, env=env)
    assert done.returncode == 2
    assert "--filter, --record needs a source of the web; name it" in done.stderr
    assert not (tmp_path / "run.db").exists()


def test_pages_behind_hits_are_read_only_where_that_is_asked_for_and_allowed(
    tmp_path: Path, env: dict[str, str]
) -> None:
    text = b"<html><title>Nets</title><p>" + b"Perch in the lake doubled by 2018, say all nets. " * 5
    html = raw(text, headers={"Content-Type": "text/html"})

    def route(asked: Asked) -> Behaviour:
        if asked.path == "/search":
            return json_reply({"results": [{"url": f"{lake.base_url}/nets", "title": "Nets", "content": "Perch …"}]})
        return html if asked.path == "/nets" else status(404)

    with Service(route=route) as lake:
        own = {**env, "CITEREFINE_SEARXNG_BASE_URL": lake.base_url}
        command = ("ask", QUESTION, "--source", "searxng", "--no-cache", "--json")
        plain = citerefine(*command, cwd=tmp_path, env=own)
        refused = citerefine(*command, "--read-pages", 1, cwd=tmp_path, env=own)
        port = lake.host.partition(":")[2]
        read = citerefine(
            *command, "--read-pages", 1, cwd=tmp_path, env={**own, "CITEREFINE_READ_HOSTS": f"127.0.0.1:{port}"}
        )
    assert {asked.path for asked in lake.asked} == {"/search", "/robots.txt", "/nets"}
    assert all("say all nets" not in done.stdout for done in (plain, refused))
    notes = json.loads(refused.stdout)["notes"]
    assert any("127.0.0.1 is no address of the public internet" in note for note in notes)
    assert "Perch in the lake doubled by 2018, say all nets." in json.loads(read.stdout)["text"]

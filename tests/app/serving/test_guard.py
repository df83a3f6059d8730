"""What every request must pass, and how little a stranger can hold up."""

import json
import socket
import time
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr, ValidationError
from tests.app.serving.running import Running, server

from citerefine.app.serving import protocol
from citerefine.app.serving.settings import LOOPBACK, ServeSettings
from citerefine.app.serving.sign_in import cookie_name, pass_for

TOKEN = "a-long-secret-token"
ROW = {"question": "Did perch double?", "snippets": [{"text": "Perch doubled."}]}


def post(running: Running, **how: Any) -> httpx2.Response:
    return httpx2.post(f"{running.url}/v1/refine", **{"json": ROW, "timeout": 20, **how})


def refused(response: httpx2.Response) -> tuple[int, str]:
    error = response.json()["error"]
    assert error["message"]
    return response.status_code, error["code"]


def raw(running: Running, data: bytes, seconds: float = 10) -> bytes:
    """What comes back for these bytes until the server closes the connection."""
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        connection.sendall(data)
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
        return b"".join(parts)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "169.254.169.254", "", "[::1", "localhost.x"]
)
def test_a_name_that_is_not_its_own_is_refused_as_in_dns_rebinding(host: str) -> None:
    with server() as running:
        assert refused(post(running, headers={"Host": host})) == (421, "wrong_host")
        assert httpx2.get(f"{running.url}/healthz", headers={"Host": host}).json() == {"status": "ok"}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:80", "answers.example"])
def test_its_own_names_are_taken_with_any_port(host: str) -> None:
    with server(hosts=("answers.example",)) as running:
        assert post(running, headers={"Host": host}).status_code == 200


def test_two_hosts_are_none() -> None:
    with server() as running:
        reply = raw(running, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nConnection: close\r\n\r\n")
    assert b" 400 " in reply.splitlines()[0]


def test_pages_of_other_sites_may_not_ask() -> None:
    with server() as running:
        assert refused(post(running, headers={"Origin": "https://evil.example"})) == (403, "wrong_origin")
        assert refused(post(running, headers={"Origin": "null"})) == (403, "wrong_origin")
        assert post(running, headers={"Origin": running.url}).status_code == 200
        assert "access-control-allow-origin" not in post(running, headers={"Origin": running.url}).headers


def test_a_token_is_asked_for_everywhere_but_where_the_server_only_says_that_it_lives() -> None:
    with server(token=SecretStr(TOKEN)) as running:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN[:-1]}, {"Cookie": "a=b"}):
            assert refused(post(running, headers=headers)) == (401, "unauthorized")
        assert refused(httpx2.get(f"{running.url}/metrics")) == (401, "unauthorized")
        assert refused(httpx2.get(f"{running.url}/openapi.json")) == (401, "unauthorized")
        assert httpx2.get(f"{running.url}/healthz").json() == {"status": "ok"}
        assert httpx2.get(f"{running.url}/readyz").json() == {"status": "ready"}
        assert post(running, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        port = running.url.rpartition(":")[2]
        assert post(running, headers={"Cookie": f"citerefine_pass_{port}={pass_for(TOKEN)}"}).status_code == 200
        for cookie in (f"citerefine_pass_{port}={TOKEN}", f"citerefine_pass={pass_for(TOKEN)}"):
            assert post(running, headers={"Cookie": cookie}).status_code == 401


def test_a_cookie_tells_nothing_of_its_token_and_each_port_has_its_own() -> None:
    assert TOKEN not in pass_for(TOKEN)
    assert pass_for(TOKEN) != pass_for(TOKEN + "x")
    ports = {"localhost:8008": "_8008", "localhost:8009": "_8009", "x.example.org": "", "[::1]:80": "_80", "[::1]": ""}
    assert {host: cookie_name(host).removeprefix("citerefine_pass") for host in ports} == ports


def test_what_answers_get_answers_head_without_a_body() -> None:
    with server() as running:
        for path in ("/", "/healthz", "/v1/models"):
            head, whole = httpx2.head(f"{running.url}{path}"), httpx2.get(f"{running.url}{path}")
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-type"] == whole.headers["content-type"]
        assert httpx2.head(f"{running.url}/v1/refine").status_code == 405


def test_a_body_that_is_not_said_to_be_json_is_refused_with_what_to_say() -> None:
    with server() as running:
        for kind in ("application/x-www-form-urlencoded", "text/plain"):
            reply = httpx2.post(f"{running.url}/v1/refine", content=b"{}", headers={"Content-Type": kind})
            assert refused(reply) == (415, "no_json")
            assert "Content-Type: application/json" in reply.text


def test_nobody_listens_to_others_without_a_token() -> None:
    with pytest.raises(ValidationError, match="give a token that they must know"):
        ServeSettings(host="0.0.0.0")
    assert ServeSettings(host="0.0.0.0", token=SecretStr(TOKEN)).names == {*LOOPBACK}
    assert TOKEN not in repr(ServeSettings(token=SecretStr(TOKEN)))


def test_a_body_that_is_too_long_is_refused_whether_it_says_so_or_not() -> None:
    long = {**ROW, "reasoning": "x" * 20_000}
    with server(body_bytes=10_000) as running:
        assert refused(post(running, json=long)) == (413, "too_large")
        pieces = (b"x" * 1_000 for _ in range(100))
        with suppress(httpx2.WriteError):  # the connection may be closed while we still send
            assert refused(httpx2.post(f"{running.url}/v1/refine", content=pieces)) == (413, "too_large")
        assert post(running).status_code == 200


def test_a_body_that_comes_too_slowly_is_given_up() -> None:
    head = b"POST /v1/refine HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
    with server(body_seconds=0.3) as running:
        reply = raw(running, head)
    assert b" 408 " in reply.splitlines()[0]
    assert b'"code": "too_slow"' in reply


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: loc"], ids=["nothing", "half a head"])
def test_a_head_that_never_ends_is_given_up_and_others_are_served_meanwhile(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    with server() as running:
        host, port = running.url.removeprefix("http://").split(":")
        slow = [socket.create_connection((host, int(port)), timeout=10) for _ in range(50)]
        for connection in slow:
            connection.sendall(sent)
        assert post(running).status_code == 200
        assert [connection.recv(10) for connection in slow] == [b""] * 50
        for connection in slow:
            connection.close()


def test_a_byte_now_and_then_does_not_keep_a_head_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    with server() as running:
        host, port = running.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.settimeout(0.1)
            began = time.monotonic()
            while time.monotonic() - began < 10:
                try:
                    connection.sendall(b"G")
                    if connection.recv(10) == b"":
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
    assert time.monotonic() - began < 5


def test_a_connection_may_be_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    with server() as running, httpx2.Client() as client:
        assert client.get(f"{running.url}/healthz").status_code == 200
        time.sleep(0.8)  # it waits for a next request, not for a head
        assert client.get(f"{running.url}/healthz").status_code == 200


def test_pages_load_and_send_nothing_elsewhere() -> None:
    with server() as running:
        headers = httpx2.get(f"{running.url}/healthz").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff", b"[" * 100_000, b'{"question": NaN}'])
def test_a_body_that_is_no_row_is_the_askers_mistake(body: bytes) -> None:
    with server() as running:
        status, _ = refused(post(running, json=None, content=body, headers={"Content-Type": "application/json"}))
    assert status == 400


def test_what_is_not_there_is_404_in_the_same_form() -> None:
    with server() as running:
        assert refused(httpx2.get(f"{running.url}/v1/nothing")) == (404, "not_found")
        assert refused(httpx2.get(f"{running.url}/v1/refine"))[0] == 405


def test_scores_and_refusals_of_rows() -> None:
    answer = "<answer><snippet id=a>Perch doubled.</snippet> <snippet id=z>Pike left.</snippet></answer>"
    run = {"id": 7, "question": "Q?", "snippets": [{"id": "a", "text": "Perch doubled."}], "answer": answer}
    with server() as running:
        row = httpx2.post(f"{running.url}/v1/score", json=run).json()
        assert (row["id"], row["n_invalid"], row["units"][0]["support"]) == (7, 1, 1.0)
        assert refused(httpx2.post(f"{running.url}/v1/score", json={**run, "answer": None})) == (400, "no_answer")
        assert refused(httpx2.post(f"{running.url}/v1/score", json={"question": "Q?"})) == (400, "no_answer")
        assert refused(post(running, json={"question": "Q?"})) == (400, "bad_snippets")
        assert refused(post(running, json={"snippets": []})) == (400, "no_question")
        assert json.dumps(row)

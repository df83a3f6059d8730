"""What a journal answers was said by the same model to the same request; what was rejected is asked again."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.faulty_server import FaultyServer, says
from tests.refiner.chat.asking import SWIFT, call_of

from citerefine.refiner.chat.attempts import PAID
from citerefine.refiner.chat.budget import Budget, BudgetedModel
from citerefine.refiner.chat.identity import fingerprint, identity
from citerefine.refiner.chat.journal import JournaledModel
from citerefine.refiner.models import load_chat_model
from citerefine.refiner.protocols import Rejects

T = TypeVar("T")
GRAMMAR = 'root ::= "yes" | "no"'


def journaled(model: str, path: Path, work: Callable[[JournaledModel], Awaitable[T]]) -> T:
    async def run() -> T:
        found = JournaledModel(BudgetedModel(load_chat_model(model, SWIFT), Budget()), path)
        try:
            return await work(found)
        finally:
            await found.aclose()

    return asyncio.run(run())


def said(model: str, path: Path, **changes: Any) -> str:
    async def ask(found: JournaledModel) -> str:
        return (await found.complete(call_of(**changes))).text

    return journaled(model, path, ask)


def test_a_rejected_reply_is_asked_again_and_its_cost_stays(tmp_path: Path) -> None:
    async def work(model: JournaledModel) -> list[str]:
        assert isinstance(model, Rejects)
        first = await model.complete(call_of())
        model.reject(call_of())
        second, third = await model.complete(call_of()), await model.complete(call_of())
        assert third.usage == PAID
        totals = model.totals()
        assert (totals.requests, totals.ok, totals.known.calls) == (2, 2, 2)
        return [first.text, second.text, third.text]

    with FaultyServer([says("Hm."), says("Yes.")]) as server:
        assert journaled(server.model, tmp_path / "j.db", work) == ["Hm.", "Yes.", "Yes."]
        assert said(server.model, tmp_path / "j.db") == "Yes."


def test_a_rejected_reply_stays_rejected_in_a_later_run(tmp_path: Path) -> None:
    async def work(model: JournaledModel) -> None:
        await model.complete(call_of())
        model.reject(call_of())

    with FaultyServer([says("Hm."), says("Yes.")]) as server:
        journaled(server.model, tmp_path / "j.db", work)
        assert said(server.model, tmp_path / "j.db") == "Yes."


@pytest.mark.parametrize("persona", ["vllm", "llama.cpp"])
def test_another_model_under_the_same_name_is_asked_anew_and_a_moved_one_is_not(persona: Any, tmp_path: Path) -> None:
    replies = []
    for weights, text in (("/old", "Old."), ("/new", "New."), ("/old", "Moved.")):
        with FaultyServer(says(text), persona=persona, weights=weights) as server:
            replies.append(said(server.model, tmp_path / "j.db"))
    assert replies == ["Old.", "New.", "Old."]


def test_where_a_server_does_not_say_what_it_serves_its_address_counts(tmp_path: Path) -> None:
    with FaultyServer(says("One.")) as one, FaultyServer(says("Two.")) as two:
        assert [said(server.model, tmp_path / "j.db") for server in (one, two, one)] == ["One.", "Two.", "One."]
        assert len(one.chats) == len(two.chats) == 1
        assert said(f"{one.model},{two.base_url}", tmp_path / "j.db") in ("One.", "Two.")
        assert len(one.chats) + len(two.chats) == 2


def test_services_at_one_host_differ_by_port_and_path() -> None:
    names = [f"openai:m@https://gw.example.com{rest}" for rest in ("/a/v1", "/b/v1", ":81/a/v1")]
    assert len({identity(name) for name in names}) == 3


def test_a_folder_whose_files_changed_is_another_model(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"1234")
    (tmp_path / "notes.md").write_text("not the model")
    before = identity(f"hf:{tmp_path}")
    (tmp_path / "notes.md").write_text("still not")
    assert identity(f"hf:{tmp_path}") == before
    os.utime(weights, (1, 1))
    assert identity(f"hf:{tmp_path}") != before
    assert fingerprint(Path("Qwen/Qwen3-4B")) == ""


def test_a_call_whose_grammar_is_sent_is_another_than_one_whose_grammar_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer(says(lambda request: "yes" if request.grammar else "Perhaps."), persona="vllm") as server:
        monkeypatch.setenv("CITEREFINE_GRAMMAR", "off")
        assert said(server.model, tmp_path / "j.db", grammar=GRAMMAR) == "Perhaps."
        monkeypatch.setenv("CITEREFINE_GRAMMAR", "auto")
        assert said(server.model, tmp_path / "j.db", grammar=GRAMMAR) == "yes"
        before = len(server.requests)
        assert said(server.model, tmp_path / "j.db", grammar=GRAMMAR) == "yes"
        asked = [request.path for request in server.requests[before:]]
    assert "/v1/chat/completions" not in asked, "a grammar that was tried is not tried again"


def test_what_a_server_refuses_is_part_of_the_request_and_nothing_is_paid_twice(tmp_path: Path) -> None:
    with FaultyServer(says("Hello."), refuses=["temperature"]) as server:
        for _ in range(2):
            assert said(server.model, tmp_path / "j.db") == "Hello."
            assert len(server.chats) == 1


def test_a_server_that_is_gone_is_told(tmp_path: Path) -> None:
    with FaultyServer(says("Hello.")) as server:
        said(server.model, tmp_path / "j.db")
    with pytest.raises(Exception, match=r"no reply from|none of"):
        said(server.model, tmp_path / "j.db")

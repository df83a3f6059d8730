"""The store of replies: what a cache forgets, what a recording keeps, and what nobody else can read."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from citerefine.refiner.errors import InputError
from citerefine.tools.web.failures import WebFailure
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import WebRequest
from citerefine.tools.web.store import StoreMode, WebStore

NOW = datetime.now(UTC)
REQUEST = WebRequest(source="lake", url="http://lake/search", params=(("q", "perch"), ("n", "3")))


def reply(body: bytes = b"{}", age: timedelta = timedelta(0)) -> WebReply:
    return WebReply(body, "application/json", NOW - age)


def test_the_order_of_parameters_makes_no_other_request_and_anything_else_does() -> None:
    same = REQUEST.model_copy(update={"params": (("n", "3"), ("q", "perch"))})
    assert same.key == REQUEST.key
    others: list[dict[str, Any]] = [
        {"source": "pond"}, {"version": 2}, {"method": "POST"}, {"url": "http://lake/find"}, {"body": {"a": 1}},
        {"params": (("q", "perch"),)}, {"headers": (("Accept", "x/y"),)}, {"params": (("q", "3"), ("n", "perch"))},
    ]  # fmt: skip
    assert len({REQUEST.key, *(REQUEST.model_copy(update=other).key for other in others)}) == 9


def test_a_cache_gives_what_is_fresh_and_forgets_what_is_old(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    old = REQUEST.model_copy(update={"source": "old"})
    with WebStore(path, StoreMode.CACHE, max_age=timedelta(hours=1)) as store:
        store.keep(REQUEST, reply(b"fresh"))
        store.keep(old, reply(b"old", timedelta(hours=2)))
        found = store.find(REQUEST)
        assert found is not None
        assert found.reply == reply(b"fresh")
        assert store.find(old) is None
    with WebStore(path, StoreMode.CACHE, max_age=timedelta(hours=1)):
        pass
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT source FROM replies").fetchall() == [("lake",)]


def test_only_a_recording_keeps_failures_and_a_cache_never_gives_them(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    gone = WebFailure("lake answers 404", "not_found")
    with WebStore(path, StoreMode.CACHE) as store:
        store.keep_failure(REQUEST, gone)
        assert store.find(REQUEST) is None
    with WebStore(path, StoreMode.RECORD) as store:
        store.keep_failure(REQUEST, gone)
        assert store.find(REQUEST) is None
    with WebStore(path, StoreMode.CACHE) as store:
        assert store.find(REQUEST) is None
    with WebStore(path, StoreMode.REPLAY) as store:
        found = store.find(REQUEST)
    assert found is not None
    assert found.failure is not None
    assert (str(found.failure), found.failure.code) == (str(gone), gone.code)


def test_a_recording_is_one_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "run.db"
    with WebStore(path, StoreMode.RECORD) as store:
        store.keep(REQUEST, reply())
    assert [one.name for one in path.parent.iterdir()] == ["run.db"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_replay_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    with WebStore(path, StoreMode.RECORD) as store:
        store.keep(REQUEST, reply())
    before = path.read_bytes()
    with WebStore(path, StoreMode.REPLAY) as store:
        store.keep(REQUEST, reply(b"other"))
        store.keep_failure(REQUEST, WebFailure("lake answers 404", "not_found"))
        assert store.find(REQUEST) is not None
    assert path.read_bytes() == before


def test_another_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "corpus.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE passages (text)")
    before = path.read_bytes()
    for mode in StoreMode:
        with pytest.raises(InputError, match="holds no replies of services; name another file"):
            WebStore(path, mode)
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT name FROM sqlite_schema").fetchall() == [("passages",)]
    assert len(before) == path.stat().st_size


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    with WebStore(path, StoreMode.RECORD):
        pass
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(InputError, match="made by another version"):
        WebStore(path, StoreMode.REPLAY)


def test_two_processes_may_use_one_cache(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with WebStore(path, StoreMode.CACHE) as one, WebStore(path, StoreMode.CACHE) as other:
        one.keep(REQUEST, reply(b"one"))
        found = other.find(REQUEST)
        assert found is not None
        assert found.reply is not None
        other.keep(REQUEST, reply(b"other"))
        again = one.find(REQUEST)
    assert again is not None
    assert again.reply == reply(b"other")

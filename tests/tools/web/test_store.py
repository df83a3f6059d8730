"""The store of replies: what a cache forgets, what a recording keeps, and what nobody else can read."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from citerefine.refiner.errors import InputError, ReplayError
from citerefine.tools.web.failures import WebFailure
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import WebRequest
from citerefine.tools.web.store import StoreMode, WebStore

NOW = datetime.now(UTC)
REQUEST = WebRequest(source="lake", url="http://lake/search", params=(("q", "perch"), ("n", "3")))


def reply(body: bytes = b"{}", age: timedelta = timedelta(0)) -> WebReply:
    return WebReply(body, "application/json", NOW - age)


def body(path: Path, request: WebRequest) -> bytes:
    with WebStore(path, StoreMode.REPLAY) as store:
        found = store.find(request)
    assert found is not None
    assert found.reply is not None
    return found.reply.body


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


def test_in_a_recording_no_failure_takes_the_place_of_a_success_whatever_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    other = REQUEST.model_copy(update={"source": "other"})
    gone = WebFailure("lake answers 404", "not_found")
    with WebStore(path, StoreMode.RECORD) as store:
        store.keep(REQUEST, reply(b"first"))
        store.keep(REQUEST, reply(b"again"))
        store.keep_failure(REQUEST, gone)
        store.keep_failure(other, gone)
        store.keep(other, reply(b"late"))
    assert body(path, REQUEST) == b"again"
    assert body(path, other) == b"late"


def test_that_nobody_waited_is_kept_only_where_nothing_else_is_known(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    failed, unknown = (REQUEST.model_copy(update={"source": name}) for name in ("failed", "unknown"))
    with WebStore(path, StoreMode.RECORD) as store:
        store.keep(REQUEST, reply(b"first"))
        store.keep_failure(failed, WebFailure("failed answers 404", "not_found"))
        for request in (REQUEST, failed, unknown):
            store.note_unawaited(request)
    store.note_unawaited(REQUEST)
    assert body(path, REQUEST) == b"first"
    with WebStore(path, StoreMode.REPLAY) as store:
        found = [store.find(request) for request in (failed, unknown)]
    assert [one.failure.code for one in found if one and one.failure] == ["not_found", "deadline"]


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("mode", StoreMode)
def test_another_database_is_refused_and_left_as_it_is(mode: StoreMode, journal: str, tmp_path: Path) -> None:
    path = tmp_path / "corpus.db"
    with closing(sqlite3.connect(path)) as open_elsewhere:
        open_elsewhere.execute(f"PRAGMA journal_mode = {journal}").fetchall()
        open_elsewhere.execute("CREATE TABLE passages (text)")
        open_elsewhere.commit()
        for file in list(tmp_path.iterdir()):  # as a killed process leaves it
            shutil.copy(file, tmp_path / f"killed-{file.name}")
    killed = tmp_path / "killed-corpus.db"
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for one in (path, killed):
        with pytest.raises(InputError, match="holds no replies of services; name another file"):
            WebStore(one, mode)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.fixture
def of_another_version(tmp_path: Path) -> Path:
    path = tmp_path / "replies.db"
    with WebStore(path, StoreMode.CACHE):
        pass
    with closing(sqlite3.connect(path)) as database:
        database.executescript("DROP TABLE replies; CREATE TABLE replies (key); PRAGMA user_version = 99")
    return path


@pytest.mark.parametrize("mode", [StoreMode.RECORD, StoreMode.REPLAY])
def test_a_recording_of_another_version_is_refused(mode: StoreMode, of_another_version: Path) -> None:
    with pytest.raises(InputError, match="made by another version"):
        WebStore(of_another_version, mode)


def test_a_cache_of_another_version_is_made_anew(of_another_version: Path) -> None:
    with WebStore(of_another_version, StoreMode.CACHE) as store:
        assert store.find(REQUEST) is None
        store.keep(REQUEST, reply(b"new"))
    assert body(of_another_version, REQUEST) == b"new"


def test_a_recording_that_was_cut_off_is_known_and_replays_with_the_file_beside_it(tmp_path: Path) -> None:
    path, whole, part = tmp_path / "run.db", tmp_path / "whole.db", tmp_path / "part.db"
    with WebStore(path, StoreMode.RECORD) as store:
        store.keep(REQUEST, reply(b"kept"))
        for copy in (whole, part):
            shutil.copy(path, copy)
        shutil.copy(tmp_path / "run.db-wal", tmp_path / "whole.db-wal")
    assert body(whole, REQUEST) == b"kept"
    with WebStore(part, StoreMode.REPLAY) as store, pytest.raises(ReplayError) as caught:
        store.find(REQUEST)
    assert "if it was copied after a run that was cut off, copy part.db-wal along with it" in str(caught.value)
    with WebStore(path, StoreMode.REPLAY) as store, pytest.raises(ReplayError) as caught:
        store.find(REQUEST.model_copy(update={"source": "other"}))
    assert "cut off" not in str(caught.value)


def test_a_cache_that_cannot_be_read_or_written_is_done_without(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with WebStore(path, StoreMode.CACHE) as store:
        with closing(sqlite3.connect(path)) as database:
            database.execute("DROP TABLE replies")
        store.keep(REQUEST, reply())
        assert store.find(REQUEST) is None


def test_a_recording_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    with WebStore(path, StoreMode.RECORD) as store:
        with closing(sqlite3.connect(path)) as database:
            database.execute("DROP TABLE replies")
        with pytest.raises(InputError, match="cannot be used as a store of replies"):
            store.keep(REQUEST, reply())
        with pytest.raises(InputError, match="cannot be used as a store of replies"):
            asyncio.run(store.take(REQUEST, reply()))
    with pytest.raises(InputError, match="closed database"):
        asyncio.run(store.take(REQUEST, reply()))


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

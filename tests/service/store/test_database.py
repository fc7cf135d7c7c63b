"""The connection to the store: one, safe against power cuts, bound to one folder, and clear about what is wrong."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import OperationalError

from nfold.errors import DiskError, InputError, UsageError
from nfold_service.context import new_id
from nfold_service.problems import ServiceError
from nfold_service.store import Store, shelves
from nfold_service.store.database import bind_to_folder
from nfold_service.store.keyring import all_keys
from tests.service.conftest import ROOT


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store" / "nfold.db"


def value(store: Store, statement: str) -> Any:
    return store.run_now(lambda connection: connection.execute(text(statement)).scalar())


def test_commits_of_sqlite_survive_a_power_cut(file: Path) -> None:
    store = Store(f"sqlite:///{file}")
    assert value(store, "pragma journal_mode") == "wal"
    assert value(store, "pragma synchronous") == 2
    assert value(store, "pragma foreign_keys") == 1
    assert value(store, "pragma busy_timeout") == 5000
    store.close()


def test_there_is_one_connection(file: Path) -> None:
    """With one, the WAL-reset bug of SQLite 3.7.0 to 3.51.2 cannot happen."""
    store = Store(f"sqlite:///{file}")
    pool: Any = store._engine.pool
    assert (pool.size(), pool._max_overflow) == (1, 0)
    store.close()


HOLD = """
import sys, time
from nfold_service.store import Store
store = Store(sys.argv[1])
def hold(connection):
    print("held", flush=True)
    time.sleep(1.0)
store.run_now(hold)
"""


def test_two_processes_are_never_at_one_file_at_the_same_moment(file: Path) -> None:
    """`nfold keys` beside a running service: it waits for its turn, by an OS lock and not by SQLite's."""
    store = Store(f"sqlite:///{file}")
    with subprocess.Popen([sys.executable, "-c", HOLD, f"sqlite:///{file}"], stdout=subprocess.PIPE, cwd=ROOT) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        began = time.monotonic()
        store.run_now(all_keys)
        assert time.monotonic() - began > 0.5
    store.close()


def test_what_raises_leaves_no_trace(store: Store) -> None:
    def half(connection: Any) -> None:
        connection.execute(text("insert into about (name, value) values ('half', 'x')"))
        raise KeyError("half")

    with pytest.raises(KeyError):
        store.run_now(half)
    assert value(store, "select count(*) from about where name = 'half'") == 0


def test_it_is_opened_again_as_it_was(database: str) -> None:
    for _ in range(2):
        store = Store(database)
        assert value(store, "select value from about where name = 'version'") == "1"
        store.close()


@pytest.mark.parametrize(("version", "code"), [(99, "store.newer"), (0, "store.older")])
def test_a_store_of_another_version_is_refused_and_left_as_it_is(database: str, version: int, code: str) -> None:
    store = Store(database)
    store.run_now(lambda connection: connection.execute(text(f"update about set value = '{version}'")))
    store.run_now(lambda connection: connection.execute(text("drop table uploads")))
    store.close()
    with pytest.raises(InputError, match=f"version {version}") as caught:
        Store(database)
    assert caught.value.stable_code == code
    engine = create_engine(database)
    assert not inspect(engine).has_table("uploads")
    engine.dispose()


def test_a_store_belongs_to_one_folder(store: Store) -> None:
    store.run_now(bind_to_folder, "one")
    store.run_now(bind_to_folder, "one")
    with pytest.raises(InputError, match="another data folder") as caught:
        store.run_now(bind_to_folder, "two")
    assert caught.value.stable_code == "store.other_folder"


@pytest.mark.parametrize("words", ["database or disk is full", "disk I/O error"])
def test_a_full_disk_is_said_to_be_one(file: Path, words: str) -> None:
    store = Store(f"sqlite:///{file}")

    def refuse(connection: Any) -> None:
        raise OperationalError("insert", {}, sqlite3.OperationalError(words))

    with pytest.raises(DiskError) as caught:
        store.run_now(refuse)
    assert caught.value.stable_code == "disk.full"
    store.close()


def test_a_server_that_is_away_is_said_to_be_away_and_found_again(postgres: Any) -> None:
    store = Store(postgres.fresh())
    end = "select pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(ServiceError) as caught:
        value(store, end)
    assert (caught.value.status, caught.value.code) == (503, "store.unavailable")
    assert value(store, "select 1") == 1
    store.close()


def test_an_address_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(UsageError, match="no database address"):
        Store("nonsense")


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nfold.db").mkdir()
    with pytest.raises(InputError) as caught:
        Store(f"sqlite:///{tmp_path / 'nfold.db'}")
    assert caught.value.stable_code == "store.unusable"


def test_text_stays_text_in_a_database_without_an_encoding(postgres: Any) -> None:
    store = Store(postgres.fresh("SQL_ASCII"))
    identity = new_id("ds")
    try:
        store.run_now(shelves.add_dataset, identity=identity, owner="anna", name="k\u00e4fer \U0001f41e")
        row = store.run_now(shelves.dataset_of, identity, "anna")
        assert row is not None
        assert row.name == "k\u00e4fer \U0001f41e"
    finally:
        store.close()

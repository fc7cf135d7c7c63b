"""The one connection to the job store, in one thread: exactly one writer.

SQLite 3.7.0 to 3.51.2 may lose commits when two connections of one file write and checkpoint at the same moment (the
"WAL-reset bug"). The service has one connection, and an OS lock keeps any other process of ours (`nfold keys`) from being
at the same file at the same time, so that it cannot happen with any version.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from nfold.disk import make_folder
from nfold.errors import DiskError, InputError, MissingExtraError, UsageError
from nfold_service.problems import ServiceError
from nfold_service.store.schema import SCHEMA_VERSION, about, metadata

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")

SMALLEST_SQLITE = (3, 35, 0)


class Store:
    """Runs functions of a connection, one after the other, each in a transaction of its own."""

    def __init__(self, url: str, *, observe: Callable[[float], object] | None = None) -> None:
        """Open the store, and make its tables where there are none.

        Args:
            url: Address of the database.
            observe: Is told the seconds of each transaction, its wait included.

        Raises:
            UsageError: The address makes no sense.
            MissingExtraError: The driver of that database is not installed.
            InputError: The store cannot be opened, or is of another version.
        """
        self._engine = _engine(url)
        self._observe = observe
        self._turn = _turn_of(self._engine)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nfold-store")
        try:
            self._thread.submit(self._open).result()
        except BaseException:
            self.close()
            raise

    async def run(
        self,
        function: Callable[Concatenate[Connection, Parameters], Answer],
        *arguments: Parameters.args,
        **options: Parameters.kwargs,
    ) -> Answer:
        """What a function of a connection gives; committed when it returns, undone when it raises.

        Raises:
            DiskError: The disk is full, or refuses.
            ServiceError: 503, the database server cannot be reached.
        """
        loop = asyncio.get_running_loop()
        began = time.monotonic()
        try:
            return await loop.run_in_executor(self._thread, lambda: self.run_now(function, *arguments, **options))
        finally:
            if self._observe is not None:
                self._observe(time.monotonic() - began)

    def run_now(
        self,
        function: Callable[Concatenate[Connection, Parameters], Answer],
        *arguments: Parameters.args,
        **options: Parameters.kwargs,
    ) -> Answer:
        """The same without waiting; for commands, which have one thread."""
        try:
            with self._one_at_a_time(), self._engine.begin() as connection:
                return function(connection, *arguments, **options)
        except OperationalError as error:
            if any(words in str(error.orig) for words in ("disk is full", "disk I/O", "No space left")):
                raise DiskError(
                    "The disk of the job store is full.",
                    hint="Make room, or let old results expire; nothing that was accepted is lost.",
                    code="disk.full",
                ) from error
            if self._engine.dialect.name == "sqlite":
                raise
            raise ServiceError(
                503,
                "store.unavailable",
                "The job store cannot be reached.",
                hint="Try again in a moment; nothing that was accepted is lost.",
                headers={"Retry-After": "5"},
            ) from error

    def close(self) -> None:
        """Wait for what is going on, then let go."""
        self._thread.shutdown(wait=True)
        with self._one_at_a_time():  # the last one to close a database in WAL mode writes to it
            self._engine.dispose()
        if self._turn is not None:
            os.close(self._turn)
            self._turn = None

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        if self._turn is None:
            yield
            return
        fcntl.flock(self._turn, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._turn, fcntl.LOCK_UN)

    def _open(self) -> None:
        try:
            with self._one_at_a_time(), self._engine.begin() as connection:
                if inspect(connection).has_table(about.name):  # before anything in it is touched
                    _check_version(connection)
                metadata.create_all(connection)
                if _version(connection) is None:
                    connection.execute(insert(about).values(name="version", value=str(SCHEMA_VERSION)))
        except DBAPIError as error:
            raise InputError(
                f"The job store cannot be opened: {str(error.orig).strip()}",
                hint="Check NFOLD_DATABASE and the rights of the data folder.",
                code="store.unusable",
            ) from error


def _version(connection: Connection) -> str | None:
    found: str | None = connection.execute(select(about.c.value).where(about.c.name == "version")).scalar()
    return found


def _check_version(connection: Connection) -> None:
    version = _version(connection)
    if version is not None and int(version) > SCHEMA_VERSION:
        raise InputError(
            f"The job store is of version {version}, and this nfold knows version {SCHEMA_VERSION}.",
            hint="Use the nfold that made it, or a newer one, or another data folder.",
            code="store.newer",
        )
    if version is not None and int(version) < SCHEMA_VERSION:
        raise InputError(
            f"The job store is of version {version}, which this nfold cannot bring to version {SCHEMA_VERSION}.",
            hint="Use the nfold that made it to fetch what is in it, and begin with another data folder.",
            code="store.older",
        )


def bind_to_folder(connection: Connection, folder: str) -> None:
    """Have a store belong to one data folder, by the folder's id.

    Two services with different folders on one database would take each other's jobs, whose files they do not have.

    Raises:
        InputError: It belongs to another.
    """
    known = connection.execute(select(about.c.value).where(about.c.name == "folder")).scalar()
    if known is None:
        connection.execute(insert(about).values(name="folder", value=folder))
    elif known != folder:
        raise InputError(
            "The job store belongs to another data folder than the one of NFOLD_DATA.",
            hint="Give each data folder a database of its own in NFOLD_DATABASE, or the folder that it was made with.",
            code="store.other_folder",
        )


def now() -> float:
    """Seconds since 1970."""
    return time.time()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except Exception as error:
        raise UsageError(
            f"NFOLD_DATABASE is no database address: {error}.",
            hint="As in sqlite:///jobs.db or postgresql://user@host/name.",
        ) from error
    if parsed.get_backend_name() == "postgresql" and parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        make_folder(Path(parsed.database).parent)
    # A database of SQL_ASCII, which servers without a locale make, would give bytes for text.
    arguments = {"client_encoding": "utf8"} if parsed.get_backend_name() == "postgresql" else {}
    try:
        engine = create_engine(parsed, connect_args=arguments, pool_size=1, max_overflow=0, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise MissingExtraError.for_feature("A PostgreSQL job store", "postgres") from error
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _settle_sqlite)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("begin immediate"))
    return engine


def _turn_of(engine: Engine) -> int | None:
    """The open lock file beside a database file; None where there is no file."""
    path = engine.url.database
    if engine.dialect.name != "sqlite" or not path or path == ":memory:":
        return None
    return os.open(f"{path}-turn", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)


def _settle_sqlite(connection: Any, record: object) -> None:
    del record
    connection.isolation_level = None  # transactions begin when we say so
    for pragma in ("journal_mode=wal", "synchronous=full", "busy_timeout=5000", "foreign_keys=on"):
        connection.execute(f"pragma {pragma}")

"""The one connection to the job store, in one thread: exactly one writer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from nfold.errors import DiskError, InputError, MissingExtraError, UsageError
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
            InputError: The store cannot be opened, or is of a newer version.
        """
        self._engine = _engine(url)
        self._observe = observe
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nfold-store")
        self._thread.submit(self._open).result()

    async def run(
        self,
        function: Callable[Concatenate[Connection, Parameters], Answer],
        *arguments: Parameters.args,
        **options: Parameters.kwargs,
    ) -> Answer:
        """What a function of a connection gives; committed when it returns, undone when it raises.

        Raises:
            DiskError: The disk is full, or refuses.
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
            with self._engine.begin() as connection:
                return function(connection, *arguments, **options)
        except OperationalError as error:
            if any(words in str(error.orig) for words in ("disk is full", "disk I/O", "No space left")):
                raise DiskError(
                    "The disk of the job store is full.",
                    hint="Make room, or let old results expire; nothing that was accepted is lost.",
                    code="disk.full",
                ) from error
            raise

    def close(self) -> None:
        """Wait for what is going on, then let go."""
        self._thread.shutdown(wait=True)
        self._engine.dispose()

    def _open(self) -> None:
        try:
            metadata.create_all(self._engine)
            with self._engine.begin() as connection:
                version = connection.execute(select(about.c.value).where(about.c.name == "version")).scalar()
                if version is None:
                    connection.execute(insert(about).values(name="version", value=str(SCHEMA_VERSION)))
                    version = str(SCHEMA_VERSION)
        except DBAPIError as error:
            raise InputError(
                f"The job store cannot be opened: {str(error.orig).strip()}",
                hint="Check NFOLD_DATABASE and the rights of the data folder.",
                code="store.unusable",
            ) from error
        if int(version) > SCHEMA_VERSION:
            raise InputError(
                f"The job store is of version {version}, and this nfold knows version {SCHEMA_VERSION}.",
                hint="Use the nfold that made it, or a newer one, or another data folder.",
                code="store.newer",
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
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    try:
        engine = create_engine(parsed, pool_size=1, max_overflow=0, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise MissingExtraError.for_feature("A PostgreSQL job store", "postgres") from error
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _settle_sqlite)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("begin immediate"))
    return engine


def _settle_sqlite(connection: Any, record: object) -> None:
    del record
    connection.isolation_level = None  # transactions begin when we say so
    for pragma in ("journal_mode=wal", "synchronous=full", "busy_timeout=5000", "foreign_keys=on"):
        connection.execute(f"pragma {pragma}")

"""Data sets and their uploads in the store."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from nfold_service.store.database import now
from nfold_service.store.order import newest_first
from nfold_service.store.rows import FINAL, DatasetRow, UploadRow
from nfold_service.store.schema import datasets, jobs, uploads


def add_dataset(connection: Connection, *, identity: str, owner: str, name: str) -> DatasetRow:
    """A new data set without files; or the one of that id, when a request comes again whose answer got lost."""
    found = dataset_of(connection, identity, owner)
    if found is not None:
        return found
    at = now()
    connection.execute(
        insert(datasets).values(id=identity, owner=owner, name=name, state="empty", created_at=at, used_at=at)
    )
    row = dataset_of(connection, identity, owner)
    assert row is not None
    return row


def dataset_of(connection: Connection, identity: str, owner: str | None) -> DatasetRow | None:
    """A data set, if it is that owner's; None as owner sees all."""
    query = select(datasets).where(datasets.c.id == identity)
    if owner is not None:
        query = query.where(datasets.c.owner == owner)
    row = connection.execute(query).mappings().first()
    return None if row is None else DatasetRow(**row)


def datasets_of(
    connection: Connection, owner: str, *, most: int, after: tuple[float, str] | None = None
) -> list[DatasetRow]:
    """An owner's data sets, the newest first; `after` is (created_at, id) of the last one of the page before."""
    query = select(datasets).where(datasets.c.owner == owner)
    return [DatasetRow(**row) for row in connection.execute(newest_first(query, datasets, most, after)).mappings()]


def change_dataset(
    connection: Connection, identity: str, values: dict[str, Any], *, only_from: tuple[str, ...] = ()
) -> bool:
    """Change a data set; False when it is not there, or in none of these states."""
    query = update(datasets).where(datasets.c.id == identity).values(used_at=now(), **values)
    if only_from:
        query = query.where(datasets.c.state.in_(only_from))
    return connection.execute(query).rowcount == 1


def remove_dataset(connection: Connection, identity: str) -> None:
    """Forget a data set and its uploads."""
    connection.execute(delete(uploads).where(uploads.c.dataset == identity))
    connection.execute(delete(datasets).where(datasets.c.id == identity))


def remove_idle_dataset(connection: Connection, identity: str) -> bool:
    """Forget a data set, unless a job of it waits or runs."""
    query = select(jobs.c.id).where(jobs.c.dataset == identity, jobs.c.state.not_in(FINAL)).limit(1)
    if connection.execute(query).first() is not None:
        return False
    remove_dataset(connection, identity)
    return True


def datasets_in(connection: Connection, *states: str) -> list[DatasetRow]:
    """Data sets in one of these states; all of them when none is given."""
    query = select(datasets).where(datasets.c.state.in_(states)) if states else select(datasets)
    return [DatasetRow(**row) for row in connection.execute(query).mappings()]


def add_upload(
    connection: Connection, *, identity: str, owner: str, dataset: str, name: str, length: int, details: dict[str, Any]
) -> UploadRow:
    """A new resumable upload, nothing received yet; or the one of that id, when a request comes again."""
    found = upload_of(connection, identity, owner)
    if found is not None:
        return found
    at = now()
    connection.execute(
        insert(uploads).values(
            id=identity,
            owner=owner,
            dataset=dataset,
            name=name,
            length=length,
            state="open",
            details=details,
            created_at=at,
            used_at=at,
        )
    )
    row = upload_of(connection, identity, owner)
    assert row is not None
    return row


def upload_of(connection: Connection, identity: str, owner: str) -> UploadRow | None:
    """An upload, if it is that owner's."""
    row = (
        connection.execute(select(uploads).where(uploads.c.id == identity, uploads.c.owner == owner)).mappings().first()
    )
    return None if row is None else UploadRow(**row)


def change_upload(connection: Connection, identity: str, values: dict[str, Any]) -> None:
    """Change an upload."""
    connection.execute(update(uploads).where(uploads.c.id == identity).values(used_at=now(), **values))


def finish_upload(connection: Connection, upload: UploadRow) -> bool:
    """An upload is whole and its data set goes on to unpacking; False when that one is not waiting for it any more."""
    if not change_dataset(connection, upload.dataset, {"state": "unpacking"}, only_from=("receiving",)):
        return False
    change_upload(connection, upload.id, {"state": "finished", "received": upload.length})
    return True


def stale_uploads(connection: Connection, before: float) -> list[UploadRow]:
    """Uploads that nobody has gone on with since."""
    query = select(uploads).where(uploads.c.used_at < before)
    return [UploadRow(**row) for row in connection.execute(query).mappings()]


def remove_upload(connection: Connection, identity: str) -> None:
    """Forget an upload."""
    connection.execute(delete(uploads).where(uploads.c.id == identity))


def uploads_of(connection: Connection, dataset: str) -> list[UploadRow]:
    """The uploads of a data set, the oldest first."""
    query = select(uploads).where(uploads.c.dataset == dataset).order_by(uploads.c.created_at)
    return [UploadRow(**row) for row in connection.execute(query).mappings()]

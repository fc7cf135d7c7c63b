"""Lists in pages: nothing twice, nothing left out, whatever came at the same moment."""

from __future__ import annotations

from sqlalchemy import insert

from nfold_service.store import Store, shelves
from nfold_service.store.schema import datasets


def test_pages_hold_each_row_once_the_newest_first_on_every_database(store: Store) -> None:
    times = [3.0, 1.0, 3.0, 2.0, 3.0, 1.0, 2.0]
    rows = [
        {"id": f"ds_{number}", "owner": "me", "name": "", "state": "empty", "created_at": at, "used_at": at}
        for number, at in enumerate(times)
    ]
    store.run_now(lambda connection: connection.execute(insert(datasets), rows))
    seen: list[tuple[float, str]] = []
    while page := store.run_now(shelves.datasets_of, "me", most=2, after=seen[-1] if seen else None):
        assert len(page) <= 2
        seen += [(row.created_at, row.id) for row in page]
    assert seen == sorted(((row["created_at"], row["id"]) for row in rows), reverse=True)

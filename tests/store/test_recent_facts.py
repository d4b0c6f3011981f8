"""The newest facts are found at once, however many heartbeats came after them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlmodel import col

from app import store
from app.domain.events import EventKind
from app.store.db import Database, Tx
from app.store.tables import EventRow

AFTERWARDS = 20_000


def bury(tx: Tx) -> None:
    """A few facts of a project, and a day of heartbeats of another on top of them."""
    now = {"at": tx.now, "data": {}}
    facts = [{"kind": EventKind.RUN_STATUS_CHANGED, "project_id": "ours", **now}] * 5
    beats = [{"kind": EventKind.HEARTBEAT_RECEIVED, "project_id": "ours", **now}] * AFTERWARDS
    store.bulk.insert(tx, EventRow, facts + beats, {})


@contextmanager
def steps(tx: Tx) -> Iterator[list[None]]:
    """How often SQLite's machine has done a hundred steps meanwhile."""
    driver = tx.session.connection().connection.driver_connection
    assert driver is not None
    counted: list[None] = []
    driver.set_progress_handler(lambda: counted.append(None), 100)
    try:
        yield counted
    finally:
        driver.set_progress_handler(None, 0)


def cost(tx: Tx, project_id: str | None) -> int:
    with steps(tx) as counted:
        assert len(store.dashboard.recent(tx, project_id, 10)) == 5
    return len(counted)


@pytest.mark.parametrize("project_id", [None, "ours"])
async def test_heartbeats_are_not_read_past(sqlite_db: Database, project_id: str | None) -> None:
    await sqlite_db.write(bury)
    assert await sqlite_db.read(cost, project_id) < 10


@pytest.mark.parametrize("project_id", [None, "ours"])
async def test_without_the_words_of_the_index_they_are(
    sqlite_db: Database, project_id: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.events, "TOLD", col(EventRow.kind).not_in([EventKind.HEARTBEAT_RECEIVED, ""]))
    await sqlite_db.write(bury)
    assert await sqlite_db.read(cost, project_id) > AFTERWARDS / 100


async def test_both_databases_find_the_same(db: Database) -> None:
    await db.write(bury)
    assert len(await db.read(store.dashboard.recent, "ours", 10)) == 5
    assert await db.read(store.dashboard.recent, "theirs", 10) == []

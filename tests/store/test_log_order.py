"""Whoever reads the log by position misses nothing, however slow some commits are."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text

from app import store
from app.domain.errors import AppError
from app.store.db import Database, Fact, Tx
from tests.store.writes import add_project, note, refuse

WRITERS, EACH = 8, 250


class Tail:
    """Reads on from the last position it has seen, as the server's does."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.position = 0
        self.seen: list[str] = []

    async def read(self) -> None:
        while page := await self._db.read(store.events.after, self.position, limit=100):
            assert [row.seq for row in page] == sorted({row.seq or 0 for row in page})
            assert (page[0].seq or 0) > self.position
            self.position = page[-1].seq or 0
            self.seen += [row.data["reason"] for row in page]


@contextmanager
def late_commit(db: Database) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Holds the first commit back: (it has come so far, it may go on)."""
    reached, released = threading.Event(), threading.Event()
    first = threading.Lock()

    def hold(_connection: object) -> None:
        if first.acquire(blocking=False):
            reached.set()
            assert released.wait(20)

    event.listen(db.engine, "commit", hold)
    try:
        yield reached, released
    finally:
        released.set()
        event.remove(db.engine, "commit", hold)


def without_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flawed variant: the statement that takes the lock on the log does nothing."""
    monkeypatch.setattr("app.store.db.text", lambda _: text("SELECT CAST(:key AS bigint)"))


async def overtaken(db: Database) -> list[str]:
    """What a reader sees when a second transaction commits while the first, which has its number, has not."""
    tail = Tail(db)
    with late_commit(db) as (reached, released):
        first = asyncio.ensure_future(db.write(note, "first"))
        assert await asyncio.to_thread(reached.wait, 10)
        second = asyncio.ensure_future(db.write(note, "second"))
        async with asyncio.timeout(10):
            while not second.done() and not await asyncio.to_thread(_somebody_waits_for_the_log, db):
                pass
        await tail.read()
        released.set()
        await asyncio.gather(first, second)
    await tail.read()
    return tail.seen


def _somebody_waits_for_the_log(db: Database) -> bool:
    with psycopg.connect(db.url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone()
    return found is not None and found[0] > 0


@pytest.mark.postgres
async def test_a_slow_commit_is_not_overtaken_in_the_log(postgresql_db: Database) -> None:
    assert await overtaken(postgresql_db) == ["first", "second"]


@pytest.mark.postgres
async def test_without_the_lock_on_the_log_a_reader_loses_an_event(
    postgresql_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_lock(monkeypatch)
    assert await overtaken(postgresql_db) == ["second"]


def busy(tx: Tx, name: str, loops: int) -> None:
    """A transaction that has its fact early and commits late."""
    note(tx, name)
    if loops and tx.session.get_bind().dialect.name == "postgresql":
        tx.session.connection().exec_driver_sql(f"SELECT count(*) FROM generate_series(1, {loops})")


async def test_many_writers_and_a_reader_agree_on_everything(db: Database) -> None:
    """Eight writers, 250 transactions each, some refused, some slow; one reader that never looks back."""
    tail = Tail(db)
    committed: set[str] = set()
    writing = True

    async def write(writer: int) -> None:
        random = Random(writer)
        for number in range(EACH):
            name = f"{writer}.{number}"
            if random.random() < 0.05:
                with pytest.raises(AppError):
                    await db.write(refuse, name)
            else:
                await db.write(busy, name, random.choice((0, 0, 0, 5_000)))
                committed.add(name)

    async def follow() -> None:
        while writing:
            await tail.read()

    following = asyncio.ensure_future(follow())
    await asyncio.gather(*(write(writer) for writer in range(WRITERS)))
    writing = False
    await following
    await tail.read()
    assert len(tail.seen) == len(set(tail.seen))
    assert set(tail.seen) == committed
    for writer in range(WRITERS):
        own = [int(name.partition(".")[2]) for name in tail.seen if name.startswith(f"{writer}.")]
        assert own == sorted(own)


async def test_numbers_are_never_given_twice_even_where_rows_are_gone(db: Database) -> None:
    def forget(tx: Tx) -> None:
        for row in store.events.after(tx, 0, limit=10):
            tx.session.delete(row)

    await db.write(add_project, "one", facts=3)
    head = await db.read(store.events.head)
    await db.write(forget)
    await db.write(add_project, "two")
    rows = await db.read(store.events.after, 0, limit=10)
    assert [row.data["reason"] for row in rows] == ["two.0"]
    assert (rows[0].seq or 0) > head


async def test_the_head_is_the_newest_position(db: Database) -> None:
    assert await db.read(store.events.head) == 0
    await db.write(add_project, "one", facts=3)
    rows = await db.read(store.events.after, 0, limit=10)
    assert await db.read(store.events.head) == rows[-1].seq
    assert [row.data for row in await db.read(store.events.after, rows[1].seq or 0, limit=1)] == [
        rows[2].data
    ]


FILTERS: list[dict[str, Any]] = [
    {},
    {"project_id": "proj_1"},
    {"run_ids": frozenset({"run_1", "run_2"})},
    {"run_ids": frozenset()},
    {"task_ids": frozenset({"task_1"})},
    {"worker_ids": frozenset({"wrk_1"}), "kinds": frozenset({"WorkerStatusChanged"})},
    {"kinds": frozenset({"TaskStatusChanged", "nothing"})},
    {"run_statuses": frozenset({"ACTIVE"}), "project_id": "proj_2"},
    {"run_statuses": frozenset()},
]


@pytest.mark.parametrize("wanted", FILTERS, ids=lambda wanted: "-".join(wanted) or "everything")
async def test_a_filter_means_the_same_in_the_store_and_in_memory(
    db: Database, wanted: dict[str, Any]
) -> None:
    random = Random(1)

    def some(prefix: str) -> str | None:
        return random.choice((None, f"{prefix}_1", f"{prefix}_2"))

    def fill(tx: Tx) -> None:
        for _ in range(200):
            tx.facts.append(
                Fact(
                    actor=None,
                    kind=random.choice(("TaskStatusChanged", "WorkerStatusChanged", "PhaseChanged")),
                    at=tx.now,
                    project_id=some("proj"),
                    run_id=some("run"),
                    task_id=some("task"),
                    worker_id=some("wrk"),
                    run_status=random.choice((None, "ACTIVE", "PAUSED")),
                    data={},
                )
            )

    await db.write(fill)
    everything = await db.read(store.events.after, 0, limit=1_000)
    only = store.events.Filter(**wanted)
    found = await db.read(store.events.after, 0, limit=1_000, only=only)
    assert [row.seq for row in found] == [row.seq for row in everything if only.matches(row)]
    assert len(everything) == 200

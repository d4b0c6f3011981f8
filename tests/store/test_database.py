"""What a transaction is, on either database."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import InternalError, OperationalError

from app import store
from app.domain.access import Role
from app.domain.errors import AppError
from app.store import migrations
from app.store.db import Database, Tx
from app.store.tables import ProjectRow
from tests.conftest import Clock
from tests.store.writes import add_project, names, note, noted, refuse


async def test_an_answer_is_given_once_the_change_is_there_for_everyone(db: Database) -> None:
    assert await db.write(add_project, "one") == "one"
    assert await db.read(names) == ["one"]


def modes_in(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}


async def test_a_file_of_sqlite_is_for_its_owner_alone(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'new.db'}")
    try:
        migrations.upgrade(db)
        await db.write(add_project, "one")
        modes = await asyncio.to_thread(modes_in, tmp_path)
    finally:
        db.close()
    assert modes.pop("new.db") == 0o600
    assert set(modes.values()) == {0o600}, modes


async def test_a_refusal_changes_nothing(db: Database) -> None:
    with pytest.raises(AppError, match="not one"):
        await db.write(refuse, "one")
    assert await db.read(names) == []
    assert await db.read(noted) == []


async def test_a_rehearsal_answers_like_the_real_thing_and_changes_nothing(db: Database) -> None:
    woken: list[int] = []
    db.on_commit = lambda: woken.append(1)
    assert await db.rehearse(add_project, "one") == "one"
    assert await db.read(names) == []
    assert await db.read(noted) == []
    assert woken == []
    with pytest.raises(AppError, match="not one"):
        await db.rehearse(refuse, "one")


async def test_only_a_commit_with_facts_wakes_those_who_wait(db: Database) -> None:
    woken: list[list[str]] = []
    db.on_commit = lambda: woken.append([])
    await db.write(lambda tx: add_project(tx, "silent", facts=0))
    assert woken == []
    await db.write(add_project, "told")
    assert woken == [[]]
    with pytest.raises(AppError):
        await db.write(refuse, "refused")
    assert woken == [[]]


async def test_who_cannot_be_woken_does_not_make_a_commit_a_failure(db: Database) -> None:
    def broken() -> None:
        raise RuntimeError("the loop is closed")

    db.on_commit = broken
    async with asyncio.timeout(10):
        assert await db.write(add_project, "one") == "one"
        assert await db.write(add_project, "two") == "two"
    assert await db.read(names) == ["one", "two"]


async def test_facts_are_written_last_and_in_their_order(db: Database) -> None:
    statements: list[str] = []

    def write(tx: Tx) -> None:
        note(tx, "first")
        tx.session.add(ProjectRow(id="proj_1", name="one", root="/", created_at=tx.now))
        note(tx, "second")
        tx.session.flush()
        tx.session.add(ProjectRow(id="proj_2", name="two", root="/", created_at=tx.now))
        for number in range(30):
            note(tx, f"further {number}")

    def record(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(" ".join(statement.split()[:3]))

    event.listen(db.engine, "before_cursor_execute", record)
    try:
        await db.write(write)
    finally:
        event.remove(db.engine, "before_cursor_execute", record)
    changes = [one for one in statements if not one.startswith(("SAVEPOINT", "RELEASE", "BEGIN"))]
    expected = ["INSERT INTO project", "INSERT INTO project", "INSERT INTO event"]
    if not db.is_sqlite:
        expected.insert(2, "SELECT pg_advisory_xact_lock(%(key)s)")
    assert [
        one for position, one in enumerate(changes) if one != changes[position - 1] or position < 2
    ] == expected
    assert await db.read(noted) == ["first", "second", *(f"further {number}" for number in range(30))]


async def test_a_transaction_has_one_clock_reading(db: Database, clock: Clock) -> None:
    def write(tx: Tx) -> tuple[datetime, datetime]:
        before = tx.now
        clock.advance(hours=1)
        return before, tx.now

    started = clock.now
    assert await db.write(write) == (started, started)
    assert await db.read(lambda tx: tx.now) == clock.now


async def test_what_was_read_can_be_used_after_the_transaction(db: Database) -> None:
    await db.write(add_project, "one")
    row = await db.read(lambda tx: tx.session.exec(store.projects.select_all(tx)).one())
    written = await db.write(lambda tx: store.projects.add(tx, name="two", root="/"))
    assert (row.name, written.name) == ("one", "two")


async def test_a_read_sees_one_moment_however_long_it_takes(db: Database) -> None:
    """Otherwise a page and its count, or a run and its tasks, would be of different moments."""
    first_look, written = threading.Event(), threading.Event()

    def look_twice(tx: Tx) -> tuple[list[str], list[str]]:
        before = names(tx)
        first_look.set()
        assert written.wait(10)
        tx.session.expunge_all()
        return before, names(tx)

    looking = asyncio.ensure_future(db.read(look_twice))
    assert await asyncio.to_thread(first_look.wait, 10)
    await db.write(add_project, "meanwhile")
    written.set()
    assert await looking == ([], [])
    assert await db.read(names) == ["meanwhile"]


async def test_a_read_changes_nothing(db: Database) -> None:
    def write(tx: Tx) -> None:
        add_project(tx, "one")
        tx.session.flush()
        tx.session.commit()

    with suppress(InternalError):  # PostgreSQL refuses it, SQLite rolls it back
        await db.read(write)
    assert await db.read(names) == []
    await db.write(add_project, "two")


async def test_writes_from_other_threads_and_loops_are_answered_there(db: Database) -> None:
    def elsewhere(name: str) -> str:
        return asyncio.run(db.write(add_project, name))

    wanted = [f"p{number}" for number in range(6)]
    assert await asyncio.gather(*(asyncio.to_thread(elsewhere, name) for name in wanted)) == wanted
    assert await db.read(names) == wanted


async def test_a_closed_database_refuses_at_once(
    database_url: str, open_database: Callable[[str], Database]
) -> None:
    db = open_database(database_url)
    await db.write(add_project, "one")
    db.close()
    db.close()
    async with asyncio.timeout(10):
        with pytest.raises(RuntimeError):
            await db.write(add_project, "two")
        with pytest.raises(RuntimeError):
            await db.read(names)


async def test_what_is_queued_when_a_database_closes_is_still_done(
    database_url: str, open_database: Callable[[str], Database]
) -> None:
    db = open_database(database_url)
    wanted = [f"p{number:02}" for number in range(40)]
    tasks = [asyncio.ensure_future(db.write(add_project, name)) for name in wanted]
    await asyncio.sleep(0)
    await asyncio.to_thread(db.close)
    assert await asyncio.gather(*tasks) == wanted
    assert await open_database(database_url).read(names) == wanted


@pytest.mark.postgres
@pytest.mark.parametrize(("sqlstate", "tries"), [("40P01", 2), ("40001", 2), ("55P03", 1)])
async def test_a_lost_race_is_run_again_and_nothing_else_is(
    postgresql_db: Database, sqlstate: str, tries: int
) -> None:
    tried: list[int] = []

    def race(tx: Tx) -> str:
        add_project(tx, "one")
        tx.session.flush()
        tried.append(1)
        if len(tried) == 1:
            tx.session.connection().execute(
                text(f"DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '{sqlstate}'; END $$")
            )
        return "won"

    if tries == 2:
        assert await postgresql_db.write(race) == "won"
        assert await postgresql_db.read(names) == ["one"]
        assert await postgresql_db.read(noted) == ["one.0"]
    else:
        with pytest.raises(OperationalError):
            await postgresql_db.write(race)
    assert len(tried) == tries


@pytest.mark.postgres
async def test_two_first_users_of_a_row_that_is_made_on_demand_do_not_collide(
    postgresql_db: Database,
) -> None:
    together = threading.Barrier(2)

    def first(tx: Tx) -> None:
        together.wait(10)
        store.pipeline.lock(tx).paused = True

    def key(tx: Tx) -> bytes:
        together.wait(10)
        return store.tokens.signing_key(tx)

    await asyncio.gather(postgresql_db.write(first), postgresql_db.write(first))
    assert (await postgresql_db.read(store.pipeline.get)).paused
    one, other = await asyncio.gather(postgresql_db.write(key), postgresql_db.write(key))
    assert one == other == await postgresql_db.write(store.tokens.signing_key)


@pytest.mark.postgres
async def test_who_waited_for_a_lock_sees_what_was_written_meanwhile(postgresql_db: Database) -> None:
    """A run that was looked at before it is locked must be read anew, or counters are lost."""
    project = await postgresql_db.write(lambda tx: store.projects.add(tx, name="p", root="/").id)
    run_id = await postgresql_db.write(_a_run, project)
    looked, changed = threading.Event(), threading.Event()

    def count(tx: Tx) -> int:
        held = store.runs.get(tx, run_id)  # while somebody holds the row, the session keeps what it was
        looked.set()
        assert changed.wait(10)
        run = store.runs.lock(tx, run_id)
        run.live_workers += 1
        assert run is held
        return store.runs.lock(tx, run_id).live_workers

    def count_meanwhile(tx: Tx) -> None:
        store.runs.lock(tx, run_id).live_workers += 1

    slow = asyncio.ensure_future(postgresql_db.write(count))
    assert await asyncio.to_thread(looked.wait, 10)
    await postgresql_db.write(count_meanwhile)
    changed.set()
    assert await slow == 2
    assert (await postgresql_db.read(store.runs.get, run_id)).live_workers == 2


def _a_run(tx: Tx, project_id: str) -> str:
    run = store.tables.RunRow(
        id=store.ids.new("run"),
        project_id=project_id,
        name="r",
        status="ACTIVE",
        created_at=tx.now,
        last_activity_at=tx.now,
    )
    tx.session.add(run)
    return run.id


async def test_the_first_token_is_made_once(db: Database) -> None:
    for _ in range(2):
        await db.write(store.tokens.ensure, name="first", role=Role.ADMIN, secret="trk_secret")
    actor = await db.read(store.tokens.actor_of, "trk_secret")
    assert actor is not None
    assert (actor.name, actor.role, actor.project_id) == ("first", Role.ADMIN, None)

"""Many transactions in one commit on SQLite: each for itself, and never told of what did not happen."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError, OperationalError

from app import store
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.store.db import Database, Tx
from app.store.tables import ProjectRow
from tests.store.writes import add_project, names, noted, refuse


class Gate:
    """Holds the writer back, so that everything queued meanwhile becomes one batch."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._inside = threading.Event()
        self._open = threading.Event()
        self._holder: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Gate":
        self._holder = asyncio.create_task(self.db.write(self._hold))
        assert await asyncio.to_thread(self._inside.wait, 10)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0)  # what was begun inside is queued by now
        self._open.set()
        assert self._holder is not None
        await self._holder

    def _hold(self, tx: Tx) -> None:
        self._inside.set()
        assert self._open.wait(10)


async def together(db: Database, *writes: Callable[[], Awaitable[Any]]) -> list[Any]:
    """The answers or errors of writes that share one batch."""
    async with Gate(db):
        tasks = [asyncio.ensure_future(write()) for write in writes]
    return await asyncio.gather(*tasks, return_exceptions=True)


def commits(db: Database) -> list[datetime]:
    seen: list[datetime] = []
    event.listen(db.engine, "commit", lambda _: seen.append(datetime.now(UTC)))
    return seen


async def test_what_is_queued_together_is_committed_once(own_sqlite_db: Database) -> None:
    seen = commits(own_sqlite_db)
    await together(own_sqlite_db, *(lambda n=n: own_sqlite_db.write(add_project, f"p{n}") for n in range(50)))
    assert len(seen) == 2  # the gate's own and the batch's
    assert await own_sqlite_db.read(names) == sorted(f"p{n}" for n in range(50))


async def test_a_refusal_leaves_its_neighbours_and_the_order_of_their_facts_alone(
    own_sqlite_db: Database,
) -> None:
    def write(n: int) -> Callable[[], Awaitable[Any]]:
        return lambda: own_sqlite_db.write(refuse if n % 3 == 0 else add_project, f"p{n}", facts=2)

    answers = await together(own_sqlite_db, *(write(n) for n in range(10)))
    for n, answer in enumerate(answers):
        if n % 3 == 0:
            assert isinstance(answer, AppError)
            assert answer.message == f"not p{n}"
        else:
            assert answer == f"p{n}"
    done = [f"p{n}" for n in range(10) if n % 3]
    assert await own_sqlite_db.read(names) == done
    assert await own_sqlite_db.read(noted) == [f"{name}.{fact}" for name in done for fact in range(2)]


async def test_a_bug_in_one_function_is_told_to_its_caller_alone(own_sqlite_db: Database) -> None:
    def broken(tx: Tx) -> None:
        add_project(tx, "lost")
        tx.session.flush()
        raise ZeroDivisionError

    def contradicts(tx: Tx) -> None:
        tx.session.add(ProjectRow(id="twice", name="a", root="/", created_at=tx.now))
        tx.session.flush()
        tx.session.expunge_all()
        tx.session.add(ProjectRow(id="twice", name="b", root="/", created_at=tx.now))

    answers = await together(
        own_sqlite_db,
        lambda: own_sqlite_db.write(add_project, "before"),
        lambda: own_sqlite_db.write(broken),
        lambda: own_sqlite_db.write(contradicts),
        lambda: own_sqlite_db.write(add_project, "after"),
    )
    assert isinstance(answers[1], ZeroDivisionError)
    assert isinstance(answers[2], IntegrityError)
    assert await own_sqlite_db.read(names) == ["after", "before"]


async def test_a_rehearsal_in_a_batch_changes_nothing(own_sqlite_db: Database) -> None:
    answers = await together(
        own_sqlite_db,
        lambda: own_sqlite_db.write(add_project, "before"),
        lambda: own_sqlite_db.rehearse(add_project, "rehearsed"),
        lambda: own_sqlite_db.write(add_project, "after"),
    )
    assert answers == ["before", "rehearsed", "after"]
    assert await own_sqlite_db.read(names) == ["after", "before"]
    assert await own_sqlite_db.read(noted) == ["before.0", "after.0"]


async def test_a_commit_that_fails_is_told_to_all_and_leaves_nothing(own_sqlite_db: Database) -> None:
    def dangling(tx: Tx) -> None:
        """A foreign key that is looked at only by the commit."""
        connection = tx.session.connection()
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        connection.exec_driver_sql(
            "INSERT INTO phase (id, run_id, ordinal, key, title, status, unfinished)"
            " VALUES ('phase_1', 'run_none', 1, 'k', 't', 'PENDING', 0)"
        )

    woken: list[int] = []
    own_sqlite_db.on_commit = lambda: woken.append(1)
    answers = await together(
        own_sqlite_db,
        lambda: own_sqlite_db.write(add_project, "one"),
        lambda: own_sqlite_db.write(dangling),
        lambda: own_sqlite_db.write(add_project, "two"),
    )
    assert [type(answer) for answer in answers] == [IntegrityError] * 3
    assert woken == []
    assert await own_sqlite_db.read(names) == []
    assert await own_sqlite_db.read(noted) == []
    await own_sqlite_db.write(add_project, "three")
    assert await own_sqlite_db.read(names) == ["three"]


async def test_a_full_disk_is_told_to_everyone_whose_work_it_undid(own_sqlite_db: Database) -> None:
    """SQLite gives up the whole transaction then, not the one statement: success may not be told to the others."""

    def fill(tx: Tx) -> None:
        connection = tx.session.connection()
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 4}")
        add_project(tx, "x" * 1_000_000)
        tx.session.flush()

    answers = await together(
        own_sqlite_db,
        lambda: own_sqlite_db.write(add_project, "before"),
        lambda: own_sqlite_db.write(fill),
        lambda: own_sqlite_db.write(add_project, "after"),
    )
    assert isinstance(answers[1], OperationalError)
    told = {answer for answer in answers if isinstance(answer, str)}
    assert told == set(await own_sqlite_db.read(names))
    assert {text.removesuffix(".0") for text in await own_sqlite_db.read(noted)} == told


async def test_a_waiter_that_gave_up_disturbs_nobody(own_sqlite_db: Database) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with Gate(own_sqlite_db):
        given_up = asyncio.ensure_future(own_sqlite_db.write(add_project, "given-up"))
        refused = asyncio.ensure_future(own_sqlite_db.write(refuse, "refused"))
        waiting = asyncio.ensure_future(own_sqlite_db.write(add_project, "waiting"))
        await asyncio.sleep(0)
        given_up.cancel()
        refused.cancel()
    assert await waiting == "waiting"
    with suppress(asyncio.CancelledError):
        await given_up
    assert await own_sqlite_db.read(names) == ["given-up", "waiting"]
    assert complaints == []


async def test_closing_finishes_what_is_queued(own_sqlite_db: Database) -> None:
    async with Gate(own_sqlite_db):
        tasks = [asyncio.ensure_future(own_sqlite_db.write(add_project, f"p{n}")) for n in range(5)]
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(asyncio.to_thread(own_sqlite_db.close))
    assert await asyncio.gather(*tasks) == [f"p{n}" for n in range(5)]
    await closing


async def test_who_waits_in_an_event_loop_that_is_gone_keeps_nobody_from_his_answer(
    own_sqlite_db: Database,
) -> None:
    def elsewhere() -> None:
        async def leave() -> None:
            asyncio.ensure_future(own_sqlite_db.write(add_project, "elsewhere"))  # noqa: RUF006
            await asyncio.sleep(0)

        asyncio.run(leave())

    async with Gate(own_sqlite_db):
        await asyncio.to_thread(elsewhere)
        here = asyncio.ensure_future(own_sqlite_db.write(add_project, "here"))
    assert await here == "here"
    assert await own_sqlite_db.read(names) == ["elsewhere", "here"]


class Abandoned(BaseException):
    """Not an Exception: as when a thread is asked to end."""


async def test_nothing_that_a_function_raises_ends_the_writer(own_sqlite_db: Database) -> None:
    def abandon(tx: Tx) -> None:
        raise Abandoned

    async with asyncio.timeout(10):
        with pytest.raises(Abandoned):
            await own_sqlite_db.write(abandon)
        assert await own_sqlite_db.write(add_project, "still-there") == "still-there"


async def test_a_rehearsal_passes_a_refusal_on(own_sqlite_db: Database) -> None:
    with pytest.raises(AppError) as refused:
        await own_sqlite_db.rehearse(refuse, "x")
    assert refused.value.code is ErrorCode.INVALID_INPUT


async def test_numbers_of_facts_grow_across_refusals(own_sqlite_db: Database) -> None:
    await together(
        own_sqlite_db,
        lambda: own_sqlite_db.write(add_project, "a"),
        lambda: own_sqlite_db.write(refuse, "b", facts=5),
        lambda: own_sqlite_db.write(add_project, "c"),
    )
    facts = await own_sqlite_db.read(store.events.after, 0, limit=10)
    assert [fact.kind for fact in facts] == [EventKind.PIPELINE_CHANGED] * 2
    assert [fact.seq for fact in facts] == sorted({fact.seq or 0 for fact in facts})

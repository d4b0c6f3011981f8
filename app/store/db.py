"""The one place where transactions begin, commit and announce themselves.

The edge says `await db.write(commands.runs.pause, …)`: one hop to a thread per transaction, nothing can be awaited
inside, and the functions are plain. On SQLite one writer thread drains a queue, gives each function a savepoint and
commits the batch once (group commit); on PostgreSQL each transaction has a connection of its own.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, event as sa_event, insert, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, SQLModel

from app.domain.observation import NOBODY, Access, Observer
from app.store import engines
from app.store.deadlines import in_time
from app.store.tables import EventRow

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

BATCH: Final = 256
READERS: Final = 4
WRITERS: Final = 8
LOG_LOCK: Final = 7_236_817_403
"""Number of the advisory lock that makes events visible in the order of their numbers on PostgreSQL."""


@dataclass(slots=True)
class Fact:
    """An event that has no position yet: it gets one when its transaction has done everything else."""

    kind: str
    at: datetime
    actor: str | None
    project_id: str | None
    run_id: str | None
    task_id: str | None
    worker_id: str | None
    run_status: str | None
    data: dict[str, Any]


@dataclass(slots=True)
class Tx:
    """An open transaction: its session, its one clock reading, who acts, what it may see, the facts it will append.

    `scope` is the project that everything is looked up in, or None for all of them; `command_id` names the command
    that is being carried out, where there is one, `supervisor_id` the supervisor whose agent acts. `exclusive` is true where nobody else can write meanwhile (SQLite), so
    that what was read needs no lock and cannot be out of date.
    """

    session: Session
    now: datetime
    actor: str = "trackside"
    scope: str | None = None
    command_id: str | None = None
    supervisor_id: str | None = None
    exclusive: bool = False
    facts: list[Fact] = field(default_factory=list)


Row = TypeVar("Row", bound=SQLModel)


def load_for_change(tx: Tx, kind: type[Row], id: str, options: Sequence[Any] = ()) -> Row | None:
    """Load a row that no other transaction may change before this one ends."""
    if tx.exclusive:
        return tx.session.get(kind, id, options=options)
    # populate_existing: a row that was looked at before the lock may be out of date by now
    return tx.session.get(kind, id, options=options, with_for_update=True, populate_existing=True)


def reread(tx: Tx, row: SQLModel) -> None:
    """What was read before a lock was held may be out of date by now."""
    if not tx.exclusive:
        tx.session.refresh(row)


class _WriteSession(Session):
    """Holds on to what it has loaded: the usual session forgets a row that nobody refers to and reads it again."""


@sa_event.listens_for(_WriteSession, "loaded_as_persistent")
def _hold(session: Session, row: object) -> None:
    session.info.setdefault("held", []).append(row)


class _Rehearsed(Exception):
    """Carries the answer of a rehearsal past the rollback."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer


@dataclass(slots=True)
class _Job:
    run: Callable[[Tx], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    asked: float = field(default_factory=time.perf_counter)

    def resolve(self, answer: Any, error: BaseException | None) -> None:
        if self.future.cancelled():
            return
        if error is None:
            self.future.set_result(answer)
        else:
            self.future.set_exception(error)


class Database:
    """Runs functions on a `Tx` in transactions. Callable from any event loop; closes once.

    `on_commit` is called, in a database thread, after every commit that appended events: it must not block or fail.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_commit: Callable[[], None] = lambda: None,
        observer: Observer = NOBODY,
    ) -> None:
        self.url = url
        self.clock = clock
        self.on_commit = on_commit
        self.observer = observer
        self.is_sqlite = url.startswith("sqlite")
        self._engine = engines.sqlite(url) if self.is_sqlite else engines.postgresql(url, READERS + WRITERS)
        self._snapshots = self._engine if self.is_sqlite else engines.snapshots(self._engine)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="db-read")
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="db-write")
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._writer: threading.Thread | None = None
        if self.is_sqlite:
            self._writer = threading.Thread(target=self._drain, name="db-writer", daemon=True)
            self._writer.start()

    @property
    def engine(self) -> Engine:
        return self._engine

    async def write(
        self,
        function: Callable[Concatenate[Tx, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `function(tx, …)` in a transaction and return its answer once it is committed and durable."""
        return await self._submit(lambda tx: function(tx, *args, **kwargs))

    async def rehearse(
        self,
        function: Callable[Concatenate[Tx, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `function` as `write` would and return its answer, but roll everything back."""

        def rehearsal(tx: Tx) -> None:
            raise _Rehearsed(function(tx, *args, **kwargs))

        try:
            await self._submit(rehearsal)
        except _Rehearsed as rehearsed:
            answer: T = rehearsed.answer
            return answer
        raise AssertionError("a rehearsal always ends by rolling back")

    async def read(
        self,
        function: Callable[Concatenate[Tx, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `function(tx, …)` on a snapshot that sees every commit made before the call."""
        return await self._in_thread(self._readers, "read", lambda: self._read(function, *args, **kwargs))

    def close(self) -> None:
        """Finish what is queued, then let go of every thread and connection."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        if self._writer is not None:
            self._writer.join()
        self._writers.shutdown()
        self._readers.shutdown()
        self._engine.dispose()

    # ------------------------------------------------------------------ threads

    def _read(self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self._snapshots.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            with Session(bind=connection, expire_on_commit=False, autoflush=False) as session:
                answer = function(Tx(session, self.clock()), *args, **kwargs)
                session.expunge_all()
                return answer

    async def _submit(self, run: Callable[[Tx], T]) -> T:
        loop, run = asyncio.get_running_loop(), in_time(run)
        if not self.is_sqlite:
            return await self._in_thread(self._writers, "write", lambda: self._write_alone(run))
        future: asyncio.Future[T] = loop.create_future()
        with self._closing:
            if self._closed:  # the writer has seen its last job: this one would wait for ever
                raise RuntimeError("this database is closed")
            self._jobs.put(_Job(run, future, loop))
        return await future

    async def _in_thread(self, pool: ThreadPoolExecutor, access: Access, run: Callable[[], T]) -> T:
        asked = time.perf_counter()

        def timed() -> T:
            try:
                return run()
            finally:
                self.observer.transaction(access, time.perf_counter() - asked)

        return await asyncio.get_running_loop().run_in_executor(pool, timed)

    def _write_alone(self, run: Callable[[Tx], T]) -> T:
        """One transaction on PostgreSQL. A deadlock or a lost serialisation is tried again: nothing had happened."""
        for attempt in range(5):
            try:
                with self._engine.connect() as connection:
                    answer, facts = self._perform(connection, run)
                    connection.commit()
                self._announce(facts)
                return answer
            except OperationalError as error:
                if attempt == 4 or getattr(error.orig, "sqlstate", None) not in ("40001", "40P01"):
                    raise
        raise AssertionError("unreachable")

    def _drain(self) -> None:
        """The writer thread of SQLite: a batch, a transaction; a function, a savepoint."""
        while (job := self._jobs.get()) is not None:
            jobs = [job]
            closing = False
            while len(jobs) < BATCH:
                try:
                    more = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    closing = True
                    break
                jobs.append(more)
            self._write_batch(jobs)
            if closing:
                return

    def _write_batch(self, jobs: list[_Job]) -> None:
        outcomes: list[tuple[_Job, Any, BaseException | None]] = []
        facts: list[Fact] = []
        try:
            with self._engine.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    for job in jobs:
                        answer, appended, error = self._perform_apart(connection, job)
                        facts += appended
                        outcomes.append((job, answer, error))
                    connection.commit()
                except BaseException:
                    connection.rollback()  # closing alone would leave a commit that failed open
                    raise
        except BaseException as error:
            # the whole transaction failed (a full disk): nothing of the batch has happened
            outcomes = [(job, None, error) for job in jobs]
            facts = []
        else:
            self.observer.batch(len(jobs))
        self._announce(facts)
        ended = time.perf_counter()
        for job in jobs:
            self.observer.transaction("write", ended - job.asked)
        self._answer(outcomes)

    def _perform_apart(
        self, connection: Connection, job: _Job
    ) -> tuple[Any, Sequence[Fact], BaseException | None]:
        """Run one function of a batch in a savepoint: what it raises is its caller's alone.

        Unless SQLite has given up the transaction, as it does on a full disk: then everything before it is undone too.
        """
        try:
            answer, appended = self._perform(connection, job.run)
        except BaseException as error:
            if not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
                raise
            return None, (), error
        return answer, appended, None

    def _announce(self, facts: Sequence[Fact]) -> None:
        if not facts:
            return
        self.observer.appended([(fact.kind, fact.data) for fact in facts])
        try:
            self.on_commit()
        except Exception:
            log.exception("nobody was woken after a commit")

    def _answer(self, outcomes: list[tuple[_Job, Any, BaseException | None]]) -> None:
        def resolve(loop: asyncio.AbstractEventLoop) -> None:
            for job, answer, error in outcomes:
                if job.loop is loop:
                    job.resolve(answer, error)

        for loop in {job.loop for job, _, _ in outcomes}:
            try:
                loop.call_soon_threadsafe(resolve, loop)
            except RuntimeError:
                log.debug("nobody waits any more: the event loop of these writers is closed")

    def _perform(self, connection: Connection, run: Callable[[Tx], T]) -> tuple[T, Sequence[Fact]]:
        """Run one function in a savepoint and append its facts last: on PostgreSQL the log is locked only briefly."""
        with _WriteSession(
            bind=connection, join_transaction_mode="create_savepoint", expire_on_commit=False
        ) as session:
            tx = Tx(session, self.clock(), exclusive=self.is_sqlite)
            answer = run(tx)
            if tx.facts:
                session.flush()
                if not self.is_sqlite:
                    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOG_LOCK})
                columns = Fact.__slots__
                session.connection().execute(
                    insert(EventRow), [{name: getattr(fact, name) for name in columns} for fact in tx.facts]
                )
            session.commit()
            session.expunge_all()
            return answer, tx.facts

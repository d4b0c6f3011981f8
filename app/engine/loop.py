"""Runs the duties: on every change of the log, on time, and in spite of failures."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from app import store
from app.dispatch.local import LocalDispatch
from app.domain.events import EventKind
from app.domain.runs import STALE_AFTER, Patience
from app.engine import (
    attention,
    heartbeats,
    indexing,
    plan_files,
    pruning,
    restoration,
    scheduling,
    skills,
    staleness,
    supervision,
    usage,
)
from app.engine.presence import Place, Presence
from app.live.log import Closed, Tail
from app.live.requests import Requests
from app.logs import from_here_on
from app.store.db import Database, Tx
from app.store.events import Filter
from app.store.leases import LeaseLost

log = logging.getLogger(__name__)

MOVES_TASKS: Final = Filter(
    kinds=frozenset(
        {
            EventKind.RUN_STATUS_CHANGED,
            EventKind.RUN_CONFIGURED,
            EventKind.TASK_STATUS_CHANGED,
            EventKind.WORKER_STATUS_CHANGED,
            EventKind.DAG_MUTATED,
            EventKind.PIPELINE_CHANGED,
            EventKind.HOST_CHANGED,
            EventKind.ATTENTION_CLOSED,
            EventKind.SUPERVISOR_STATE_CHANGED,
        }
    )
)
"""After one of these there may be something to start."""

LONGEST_REST: Final = 5.0
FAILURE_REST: Final = 1.0
CLEAR_UP_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Terms:
    """`host` is where this server runs workers; a worker unheard for `heartbeat_timeout` is lost.

    `configuration` is the user's directory that holds skills for every project. A run is stale after `stale_after`
    without activity, which is looked for every `stale_check`. An agent that looks after a run is given up when it was not
    heard for `supervisor_timeout`. `local` is where servers of `trackside run` leave their directories, which are kept for
    `keep_local`.
    """

    host: Place
    heartbeat_timeout: timedelta
    configuration: str = ""
    stale_after: timedelta = STALE_AFTER
    stale_check: timedelta = timedelta(minutes=1)
    supervisor_timeout: timedelta = timedelta(minutes=2)
    local: Path | None = None
    keep_local: timedelta = timedelta()


def _next_due(tx: Tx) -> datetime | None:
    """When the next task has rested long enough, or the next agent that looks after a run is to be started again."""
    moments = (store.tasks.next_rested(tx), store.supervisors.next_start(tx))
    return min((moment for moment in moments if moment is not None), default=None)


class Engine:
    """Runs as an async context manager. Leaves workers alone when it ends: they go on without it."""

    def __init__(
        self,
        db: Database,
        tail: Tail,
        dispatch: LocalDispatch,
        terms: Terms,
        index_requests: Requests | None = None,
    ) -> None:
        self._db = db
        self._index_requests = index_requests or Requests()
        self._tail = tail
        self._dispatch = dispatch
        self._terms = terms
        self._presence = Presence(db, terms.host)
        self._tasks: list[asyncio.Task[None]] = []
        self._key = b""

    @property
    def leads(self) -> bool:
        """Whether this is the server that starts tasks for all hosts, and does what only one has to do."""
        return self._presence.leads

    @property
    def running(self) -> bool:
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    async def __aenter__(self) -> Self:
        """Take up what an earlier server left behind, then begin. Call it once runners can reach this server."""
        self._key = await self._db.write(store.tokens.signing_key)
        await self._dispatch.start()
        await self._presence.arrive(await asyncio.to_thread(self._dispatch.known))
        found = await restoration.run_once(self._db, self._dispatch, self._key, host_id=self._terms.host.id)
        if found:
            log.info("taking up %d workers that were left running", found)
        self._tasks = [
            asyncio.create_task(self._presence.keep(self._turn), name="engine-presence"),
            asyncio.create_task(self._schedule(), name="engine-scheduling"),
            asyncio.create_task(self._every(1.0, self._attend), name="engine-attention"),
            asyncio.create_task(self._every(self._look_after, self._beats), name="engine-heartbeats"),
            asyncio.create_task(self._every(60.0, self._prune), name="engine-pruning"),
            asyncio.create_task(self._every(CLEAR_UP_SECONDS, self._clear_up), name="engine-leftovers"),
            asyncio.create_task(self._every(1.0, self._index), name="engine-indexing"),
            asyncio.create_task(
                self._every(self._terms.stale_check.total_seconds(), self._announce_stale),
                name="engine-staleness",
            ),
            asyncio.create_task(
                self._every(max(0.2, self._terms.supervisor_timeout.total_seconds() / 12), self._supervise),
                name="engine-supervision",
            ),
            asyncio.create_task(self._every(1.0, self._tell_usage), name="engine-usage"),
            asyncio.create_task(self._every(5.0, self._take_up_skills), name="engine-skills"),
            asyncio.create_task(self._watch_plans(), name="engine-plan-files"),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
            await self._presence.leave()
        self._tasks = []
        await self._dispatch.stop()

    @property
    def _look_after(self) -> float:
        return max(0.2, self._terms.heartbeat_timeout.total_seconds() / 12)

    # ------------------------------------------------------------------ duties

    async def _schedule(self) -> None:
        """Start what can be started, then rest until something has changed or a task has rested long enough."""
        from_here_on(duty="schedule")
        while True:
            seen = self._tail.head  # before the look: what changes during it wakes at once
            try:
                await self._turn()
                rest = await self._rest()
                with suppress(TimeoutError):
                    async with asyncio.timeout(rest):
                        await self._tail.changed(MOVES_TASKS, seen)
            except Closed:
                return
            except Exception:
                log.exception("scheduling failed; it is tried again")
                await asyncio.sleep(FAILURE_REST)

    async def _turn(self) -> None:
        try:
            await scheduling.run_once(
                self._db,
                self._dispatch,
                self._key,
                host_id=self._terms.host.id,
                lease=self._presence.standing,
            )
        except LeaseLost:
            self._presence.lost()

    async def _rest(self) -> float:
        due = await self._db.read(_next_due)
        if due is None:
            return LONGEST_REST
        return min(LONGEST_REST, max(0.0, (due - self._db.clock()).total_seconds()) + 0.001)

    async def _attend(self) -> None:
        if self.leads:
            await attention.run_once(self._db)

    async def _beats(self) -> None:
        patience = self._terms.heartbeat_timeout
        await heartbeats.run_once(
            self._db,
            self._dispatch,
            self._key,
            host_id=self._terms.host.id,
            ready_since=self._presence.heard_since,
            patience=patience,
        )
        if self.leads:
            await heartbeats.run_elsewhere(self._db, led_since=self._presence.led_since, patience=patience)

    async def _prune(self) -> None:
        await pruning.run_once(self._db, self._dispatch)
        await indexing.prune(self._db)
        if self.leads:
            await supervision.prune(self._db)

    async def _clear_up(self) -> None:
        await pruning.clear_up(self._db, self._terms.local, self._terms.keep_local)

    async def _announce_stale(self) -> None:
        if self.leads:
            await staleness.run_once(self._db, Patience(self._terms.stale_after))

    async def _supervise(self) -> None:
        if self.leads:
            await supervision.run_once(
                self._db, led_since=self._presence.led_since, patience=self._terms.supervisor_timeout
            )

    async def _take_up_skills(self) -> None:
        if self.leads:
            await skills.run_once(self._db, self._terms.configuration)

    async def _tell_usage(self) -> None:
        if self.leads:
            await usage.run_once(self._db)

    async def _index(self) -> None:
        await indexing.note(self._db, self._index_requests)
        if self.leads:
            await indexing.run_once(self._db, self._tail.nudge)

    async def _watch_plans(self) -> None:
        from_here_on(duty="plan_files")
        await plan_files.follow(self._db, self._tail, lambda: self.leads)

    async def _every(self, seconds: float, duty: Callable[[], Awaitable[None]]) -> None:
        """Do a duty again and again. Its failures are logged and never end it."""
        from_here_on(duty=duty.__name__.strip("_"))
        while True:
            try:
                await duty()
            except Exception:
                log.exception("a duty failed; it is tried again in %g s", seconds)
            await asyncio.sleep(seconds)

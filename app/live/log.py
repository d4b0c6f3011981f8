"""One reader of the log in each process, and any number of followers that read what it has read."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from app.domain.errors import AppError, ErrorCode
from app.live.hub import Hub
from app.live.nudges import Nudges
from app.live.ring import Ring, seq_of
from app.live.waiters import Waiters
from app.store import events
from app.store.db import Database, Tx
from app.store.events import EVERYTHING, Filter
from app.store.tables import EventRow

log = logging.getLogger(__name__)

PAGE: Final = 1000
"""Events the tail reads at once."""
PAST_PAGE: Final = 200
"""Events a follower takes from the store at once: all it ever holds by itself."""
BREATH: Final = 100
"""Events a follower handles in one go before others have their turn."""


class Closed(AppError):
    """The tail has ended, because the server is going away."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.UNAVAILABLE,
            "The server is going away.",
            suggestion="Connect again and go on from the last cursor.",
        )


class Tail:
    """Reads the log once per wake-up, and at least every `poll` seconds; lost wake-ups cost latency only.

    Runs as an async context manager inside its hub. Events are shared by all followers and must not be changed.
    """

    def __init__(self, db: Database, hub: Hub, *, ring: int = 10_000, poll: float = 1.0) -> None:
        self._db = db
        self._hub = hub
        self._poll = poll
        self._ring_size = ring
        self._ring = Ring(ring, 0)
        self._waiters = Waiters()
        self._nudges = Nudges()
        self._reader: asyncio.Task[None] | None = None
        self._closed = False
        self._last_read = 0.0
        self._behind: dict[object, int] = {}
        self.followers = 0

    # ------------------------------------------------------------------ what it knows

    @property
    def head(self) -> int:
        """Position of the newest event this process has read."""
        return self._ring.head

    @property
    def ring_size(self) -> int:
        return len(self._ring)

    @property
    def lag(self) -> float:
        """Seconds since the log was last read successfully."""
        return asyncio.get_running_loop().time() - self._last_read

    @property
    def queued(self) -> int:
        """Events that followers have yet to look at, all followers together."""
        return sum(max(0, self.head - cursor) for cursor in self._behind.values())

    @property
    def running(self) -> bool:
        return self._reader is not None and not self._reader.done() and not self._closed

    # ------------------------------------------------------------------ reading

    def follow(self, *, after: int | None = None, only: Filter = EVERYTHING) -> AsyncIterator[EventRow]:
        """Every event past `after` that `only` matches, in order, none lost, none twice, until the tail closes.

        None means from now: the position is taken here, not when the first event is asked for.
        """
        return self._stream(self.head if after is None else after, only, trusted=after is None)

    async def changed(self, only: Filter, after: int) -> int:
        """Wait until an event past `after` matches; the answer is the position to go on from, many events at once."""
        cursor = after
        while True:
            self._ensure_open()
            if cursor < self._ring.floor:
                rows, head = await self._db.read(_page, cursor, limit=1, only=only)
                if rows:
                    return max(head, seq_of(rows[0]))
                cursor = max(cursor, head)
                continue
            place = self._ring.place_after(cursor)
            while (event := self._ring.at(place)) is not None:
                if only.matches(event):
                    return self.head
                place += 1
            _, seq = await self._waiters.wait(only, max(cursor, self.head))
            return max(self.head, seq)

    async def grown(self, after: int) -> int:
        """Wait until the log has grown past `after`, by anything."""
        return await self.changed(EVERYTHING, after)

    # ------------------------------------------------------------------ bulk beside the log

    def nudge(self, worker_id: str) -> None:
        """Say that this worker's log lines grew. Callable from any thread."""
        self._nudges.nudge(worker_id)

    def nudges(self, worker_id: str) -> int:
        """Ask before reading a worker's lines, and hand it to `nudged`: a nudge in between is then not lost."""
        return self._nudges.latest(worker_id)

    async def nudged(self, worker_id: str, timeout: float = 1.0, *, seen: int | None = None) -> int:
        """Wait for the next nudge, at most `timeout` seconds: workers written by other processes give none."""
        self._ensure_open()
        answer = await self._nudges.nudged(worker_id, timeout=timeout, seen=seen)
        self._ensure_open()
        return answer

    # ------------------------------------------------------------------ life

    async def __aenter__(self) -> Self:
        head = await self._db.read(events.head)
        self._ring = Ring(self._ring_size, head)
        self._last_read = asyncio.get_running_loop().time()
        self._closed = False
        self._nudges.open()
        self._reader = asyncio.create_task(self._read_on(), name="tail")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait({self._reader})
        self._waiters.fail(Closed)
        self._nudges.close()

    def _ensure_open(self) -> None:
        if self._closed or self._reader is None:
            raise Closed

    async def _read_on(self) -> None:
        failing = False
        with self._hub.bell() as bell:
            while True:
                bell.clear()  # before the read: what is committed during it rings again
                try:
                    await self._catch_up()
                except Exception:
                    log.log(
                        logging.DEBUG if failing else logging.ERROR, "the log cannot be read", exc_info=True
                    )
                    failing = True
                    await asyncio.sleep(self._poll)
                else:
                    failing = False
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._poll):
                            await bell.wait()

    async def _catch_up(self) -> None:
        while True:
            rows = await self._db.read(events.after, self._ring.head, limit=PAGE)
            self._last_read = asyncio.get_running_loop().time()
            if rows:
                place = self._ring.end
                self._ring.extend(rows)
                self._waiters.announce(rows, place)
            if len(rows) < PAGE:
                return

    async def _stream(self, cursor: int, only: Filter, *, trusted: bool) -> AsyncIterator[EventRow]:
        self._ensure_open()
        if not trusted:
            await self._check(cursor)
        self.followers += 1
        me = object()
        try:
            while True:
                self._ensure_open()
                self._behind[me] = cursor
                if cursor < self._ring.floor:
                    rows, head = await self._db.read(_page, cursor, limit=PAST_PAGE, only=only)
                    for event in rows:
                        cursor = self._behind[me] = seq_of(event)
                        yield event
                    if len(rows) < PAST_PAGE:
                        cursor = max(cursor, head)
                    await asyncio.sleep(0)
                    continue
                place, handled = self._ring.place_after(cursor), 0
                while handled < BREATH and (event_here := self._ring.at(place)) is not None:
                    place, handled = place + 1, handled + 1
                    cursor = self._behind[me] = seq_of(event_here)
                    if only.matches(event_here):
                        yield event_here
                if handled == BREATH:
                    await asyncio.sleep(0)
                elif cursor >= self._ring.floor:
                    # nothing that is wanted lies between here and the event that wakes us
                    del self._behind[me]
                    _, seq = await self._waiters.wait(only, max(cursor, self._ring.head))
                    cursor = seq - 1
        finally:
            self._behind.pop(me, None)
            self.followers -= 1

    async def _check(self, after: int) -> None:
        """Refuse positions that no event ever had. Another process may have read further than this one."""
        if 0 <= after <= self.head:
            return
        if after < 0 or after > await self._db.read(events.head):
            raise AppError(
                ErrorCode.INVALID_INPUT,
                f"There is no position {after} in the log.",
                path=["after"],
                suggestion="Give a cursor that an event carried, or leave it out to start from now.",
            )


def _page(tx: Tx, after: int, *, limit: int, only: Filter) -> tuple[Sequence[EventRow], int]:
    """A page, and a position up to which it is complete if it is not full.

    The head is read first: on PostgreSQL each statement has a snapshot of its own, and an event that appears between
    the two is then delivered with the page or after it, never skipped.
    """
    head = events.head(tx)
    return events.after(tx, after, limit=limit, only=only), head

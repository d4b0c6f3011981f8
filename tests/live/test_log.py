import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest

from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.live.hub import Hub
from app.live.log import PAST_PAGE, Closed, Tail, _page
from app.live.ring import seq_of
from app.store import events
from app.store.db import Database, Tx
from app.store.events import EVERYTHING, Filter
from app.store.tables import EventRow
from tests.live.waiting import take, until

NEVER = 3600.0


def happen(tx: Tx, count: int = 1, worker_id: str | None = None) -> None:
    for _ in range(count):
        events.append(tx, EventKind.WORKER_REPORTED, worker_id=worker_id)


def end(tx: Tx, worker_id: str) -> None:
    events.append(tx, EventKind.WORKER_REPORTED, worker_id=worker_id, project_id="end")


def numbers(rows: list[EventRow]) -> list[int]:
    return [seq_of(row) for row in rows]


async def everything(db: Database, only: Filter = EVERYTHING) -> list[int]:
    rows = await db.read(events.after, 0, limit=1_000_000, only=only)
    return [seq_of(row) for row in rows]


async def test_the_past_then_the_present(db: Database, hub: Hub) -> None:
    await db.write(happen, 3)
    async with Tail(db, hub, poll=NEVER) as tail:
        stream = tail.follow(after=0)
        assert len(await take(stream, 3)) == 3
        await db.write(happen, 2)
        await take(stream, 2)
        assert tail.head == (await everything(db))[-1]


async def test_from_now_is_fixed_at_the_call(db: Database, hub: Hub) -> None:
    await db.write(happen, 3)
    async with Tail(db, hub, poll=NEVER) as tail:
        stream = tail.follow(after=None)
        await db.write(happen)
        assert numbers(await take(stream, 1)) == (await everything(db))[3:]


async def test_a_filter_holds_for_the_past_the_ring_and_the_present(db: Database, hub: Hub) -> None:
    await db.write(happen, 5, "w1")
    async with Tail(db, hub, poll=NEVER) as tail:
        await db.write(happen, 5, "w2")
        await db.write(happen, 5, "w1")
        only = Filter(worker_ids=frozenset({"w2"}))
        stream = tail.follow(after=0, only=only)
        assert {row.worker_id for row in await take(stream, 5)} == {"w2"}
        await db.write(happen, 1, "w1")
        await db.write(happen, 1, "w2")
        assert numbers(await take(stream, 1)) == (await everything(db))[16:]


@pytest.mark.parametrize("beyond", [None, 1, 2**63, 2**200])
async def test_positions_that_never_were_are_refused(db: Database, hub: Hub, beyond: int | None) -> None:
    await db.write(happen, 3)
    async with Tail(db, hub) as tail:
        with pytest.raises(AppError) as refusal:
            await anext(tail.follow(after=-1 if beyond is None else tail.head + beyond))
        assert refusal.value.code is ErrorCode.INVALID_INPUT
        assert tail.followers == 0


async def test_a_position_another_process_has_read_is_taken(db: Database) -> None:
    async with Hub() as deaf, Tail(db, deaf, poll=NEVER) as tail:
        await db.write(happen, 3)  # nobody says so
        _, second, third = await everything(db)
        task = asyncio.ensure_future(take(tail.follow(after=second), 1))
        await asyncio.sleep(0)
        deaf.wake()
        assert numbers(await task) == [third]


class ClearsTooLate(Tail):
    """The flaw: the bell is cleared after the read, so what is committed during it is lost until the next commit."""

    async def _read_on(self) -> None:
        with self._hub.bell() as bell:
            while True:
                await self._catch_up()
                bell.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._poll):
                        await bell.wait()


class HeldUp:
    """A database whose reads of the log come back late: after their snapshot, before their answer."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.hold = False
        self.held = asyncio.Event()
        self.release = asyncio.Event()

    async def read(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        answer = await self._db.read(function, *args, **kwargs)
        if self.hold and function is events.after:
            self.hold = False
            self.held.set()
            await self.release.wait()
        return answer


async def sees_a_commit_made_during_its_read(db: Database, hub: Hub, kind: type[Tail]) -> None:
    held_up: Any = HeldUp(db)
    async with kind(held_up, hub, poll=NEVER) as tail:
        stream = tail.follow(after=0)
        await db.write(happen)
        await take(stream, 1)
        held_up.hold = True
        hub.wake()  # a read that will find nothing
        await held_up.held.wait()
        rung = hub.bell()
        with rung as bell:
            await db.write(happen)
            await bell.wait()
        held_up.release.set()
        await take(stream, 1, seconds=1)


async def test_a_wake_up_during_the_read_is_not_lost(db: Database, hub: Hub) -> None:
    await sees_a_commit_made_during_its_read(db, hub, Tail)


async def test_the_flaw_of_clearing_too_late_is_caught(db: Database, hub: Hub) -> None:
    with pytest.raises(TimeoutError):
        await sees_a_commit_made_during_its_read(db, hub, ClearsTooLate)


async def test_a_lost_wake_up_costs_one_poll(db: Database) -> None:
    async with Hub() as deaf, Tail(db, deaf, poll=0.05) as tail:
        stream = tail.follow(after=0)
        await db.write(happen, 3)  # nobody says so
        assert len(await take(stream, 3)) == 3


class SkipsTheSeam(Tail):
    """The flaw: after the past it goes on from the newest event, and loses what came while it delivered."""

    async def _stream(self, cursor: int, only: Filter, *, trusted: bool) -> AsyncIterator[EventRow]:
        for row in await self._db.read(events.after, cursor, limit=PAST_PAGE, only=only):
            yield row
        async for row in super()._stream(self.head, only, trusted=True):
            yield row


async def joins_past_and_present(db: Database, hub: Hub, kind: type[Tail]) -> None:
    await db.write(happen, 20)
    async with kind(db, hub, ring=5, poll=NEVER) as tail:
        stream = tail.follow(after=0)
        await take(stream, 10)
        await db.write(happen, 20)
        log = await everything(db)
        await until(lambda: tail.head == log[-1])
        assert numbers(await take(stream, 30, seconds=2)) == log[10:]


async def test_nothing_is_lost_between_past_and_present(db: Database, hub: Hub) -> None:
    await joins_past_and_present(db, hub, Tail)


async def test_the_flaw_of_skipping_the_seam_is_caught(db: Database, hub: Hub) -> None:
    with pytest.raises((TimeoutError, AssertionError)):
        await joins_past_and_present(db, hub, SkipsTheSeam)


async def test_a_slow_follower_falls_out_of_the_ring_and_loses_nothing(db: Database, hub: Hub) -> None:
    async with Tail(db, hub, ring=10, poll=NEVER) as tail:
        stream = tail.follow(after=0)
        await db.write(happen, 5)
        got = await take(stream, 2)
        for _ in range(10):
            await db.write(happen, 50)
        log = await everything(db)
        await until(lambda: tail.head == log[-1])
        assert tail.ring_size == 10
        assert numbers(got + await take(stream, 503)) == log


class Reader:
    """Follows until the end has been announced; some start late, some are slow and fall out of the ring."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.only = EVERYTHING if number % 2 else Filter(worker_ids=frozenset({f"w{number % 8}"}))
        self.after = 0
        self.got: list[int] = []

    async def read(self, tail: Tail) -> None:
        if self.number % 5 == 0:
            await until(lambda: tail.ring_size > self.number, seconds=30)
            self.after = tail.head - 5
        stream = tail.follow(after=self.after, only=self.only)
        async for event in stream:
            self.got.append(seq_of(event))
            if self.number % 7 == 0 and len(self.got) % 20 == 0:
                await asyncio.sleep(0.005)
            if event.project_id == "end" and (self.only is not EVERYTHING or event.worker_id == "w7"):
                return


async def test_what_the_store_gave_is_not_given_again_by_the_tail(db: Database, hub: Hub) -> None:
    await db.write(happen, 3)
    held_up: Any = HeldUp(db)
    held_up.hold = True
    async with Tail(held_up, hub, poll=NEVER) as tail:
        hub.wake()
        await held_up.held.wait()  # with nothing found
        await db.write(happen, 100)
        stream = tail.follow(after=0)
        got = numbers(await take(stream, 103))
        assert tail.head < got[-1], "the follower is ahead of the tail"
        waiting = asyncio.ensure_future(take(stream, 1))
        await asyncio.sleep(0)
        held_up.release.set()
        await until(lambda: tail.head == got[-1])
        await db.write(happen)
        assert numbers(await waiting) == (await everything(db))[-1:]


async def test_a_past_without_anything_wanted_is_looked_through_once(db: Database, hub: Hub) -> None:
    class Counting(HeldUp):
        pages = 0

        async def read(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            self.pages += function is _page
            return await super().read(function, *args, **kwargs)

    counting: Any = Counting(db)
    async with Tail(counting, hub, ring=5, poll=NEVER) as tail:
        await db.write(happen, 50, "w2")
        await until(lambda: tail.ring_size == 5)
        waiting = asyncio.ensure_future(
            take(tail.follow(after=0, only=Filter(worker_ids=frozenset({"w1"}))), 1)
        )
        await until(lambda: counting.pages == 1)
        for _ in range(20):
            await asyncio.to_thread(lambda: None)
        await db.write(happen, 1, "w1")
        await waiting
        assert counting.pages == 1


async def test_fifty_followers_see_the_same_log_while_it_is_written(db: Database, hub: Hub) -> None:
    async def write(worker_id: str) -> None:
        for _ in range(250):
            await db.write(happen, 1, worker_id)

    workers = [f"w{number}" for number in range(8)]
    readers = [Reader(number) for number in range(50)]
    async with Tail(db, hub, ring=100, poll=NEVER) as tail:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for reader in readers:
                group.create_task(reader.read(tail))
            await asyncio.gather(*(write(worker_id) for worker_id in workers))
            for worker_id in workers:
                await db.write(end, worker_id)
        for reader in readers:
            assert reader.got == [seq for seq in await everything(db, reader.only) if seq > reader.after]


async def test_changed_merges_many_events_and_ignores_the_others(db: Database, hub: Hub) -> None:
    only = Filter(worker_ids=frozenset({"w1"}))
    await db.write(happen, 3, "w1")
    async with Tail(db, hub, ring=50, poll=NEVER) as tail, asyncio.timeout(10):
        start = tail.head
        assert await tail.changed(only, 0) == start
        waiting = asyncio.ensure_future(tail.changed(only, start))
        await db.write(happen, 5, "w2")
        between = await tail.grown(start)
        assert not waiting.done()
        await db.write(happen, 4, "w1")
        last = (await everything(db))[-1]
        assert await waiting == last
        assert await tail.changed(only, between) == last
        assert await tail.grown(last - 1) == last


async def test_changed_looks_into_the_store_for_what_has_left_the_ring(db: Database, hub: Hub) -> None:
    only = Filter(worker_ids=frozenset({"w1"}))
    async with Tail(db, hub, ring=5, poll=NEVER) as tail, asyncio.timeout(10):
        await db.write(happen, 1, "w1")
        start = await tail.grown(0)
        await db.write(happen, 20, "w2")
        end_of_ring = await tail.grown(start)
        assert await tail.changed(only, start - 1) == end_of_ring
        late = asyncio.ensure_future(tail.changed(only, start))
        await db.write(happen, 1, "w1")
        assert await late == (await everything(db))[-1]


async def test_a_failing_database_is_reported_once_and_survived(
    db: Database, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    class Sick(HeldUp):
        sick = False

        async def read(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if self.sick:
                raise OSError("the disk is away")
            return await super().read(function, *args, **kwargs)

    sick: Any = Sick(db)
    async with Tail(sick, hub, poll=0.01) as tail:
        stream = tail.follow(after=0)
        sick.sick = True
        await until(lambda: "cannot be read" in caplog.text)
        await db.write(happen, 2)
        sick.sick = False
        assert len(await take(stream, 2)) == 2
        assert tail.running
        assert tail.lag < 5
    assert sum(record.levelname == "ERROR" for record in caplog.records) == 1


async def test_the_end_of_the_tail_ends_every_follower(db: Database, hub: Hub) -> None:
    async with Tail(db, hub, poll=NEVER) as tail:
        waiting = [
            asyncio.ensure_future(anext(tail.follow(after=0))),
            asyncio.ensure_future(tail.changed(EVERYTHING, 0)),
            asyncio.ensure_future(tail.nudged("w1", NEVER)),
        ]
        await until(lambda: tail.followers == 1)
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Closed] * 3
    with pytest.raises(Closed):
        await anext(tail.follow(after=0))


async def test_a_follower_lets_others_run(db: Database, hub: Hub) -> None:
    async with Tail(db, hub, poll=NEVER) as tail:
        await db.write(happen, 1000)
        await until(lambda: tail.ring_size == 1000)
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.ensure_future(count())
        await take(tail.follow(after=0), 1000)
        counting.cancel()
        assert turns >= 9


async def test_a_nudge_between_reading_and_waiting_is_not_lost(db: Database, hub: Hub) -> None:
    async with Tail(db, hub, poll=NEVER) as tail, asyncio.timeout(10):
        seen = tail.nudges("w1")
        await asyncio.to_thread(tail.nudge, "w1")
        newer = await tail.nudged("w1", NEVER, seen=seen)
        assert newer > seen
        waiting = asyncio.ensure_future(tail.nudged("w1", NEVER, seen=newer))
        tail.nudge("w2")
        await asyncio.sleep(0)
        assert not waiting.done()
        tail.nudge("w1")
        assert await waiting > newer
        assert await tail.nudged("w3", 0.01) == 0

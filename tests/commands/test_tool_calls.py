"""Tools that agents call: each call once, each with an end, even where its agent never told one."""

from datetime import timedelta

from app import store
from app.domain.events import EventKind
from app.domain.reports import Body, Report, ToolEnded, ToolStarted
from app.store.db import Tx
from app.store.tool_tables import ToolCallRow
from tests.conftest import Clock
from tests.fleet import Fleet

READ = ToolStarted("1", "Read", "a.py")


def every_call(tx: Tx, worker_id: str) -> list[ToolCallRow]:
    return list(tx.session.exec(store.tool_calls.of_worker(worker_id).order_by(ToolCallRow.id)))


async def calls(fleet: Fleet, worker_id: str) -> list[tuple[str, str, int | None, str | None]]:
    rows = await fleet.db.read(every_call, worker_id)
    return [(row.name, row.status, row.duration_ms, row.error) for row in rows]


async def at_work(fleet: Fleet, *bodies: Body) -> str:
    worker = await fleet.working(await fleet.a_run("a"), "a")
    await fleet.report(worker, *bodies)
    return worker


async def test_a_call_starts_and_ends_and_both_are_told(fleet: Fleet, clock: Clock) -> None:
    worker = await at_work(fleet, READ)
    assert await calls(fleet, worker) == [("Read", "STARTED", None, None)]
    clock.advance(seconds=1.5)
    await fleet.report(worker, ToolEnded("1"))
    assert await calls(fleet, worker) == [("Read", "COMPLETED", 1500, None)]
    started, completed = await fleet.events(EventKind.TOOL_STARTED, EventKind.TOOL_COMPLETED)
    assert (started.worker_id, started.data["tool"], started.data["summary"]) == (worker, "Read", "a.py")
    assert (completed.data["duration"], completed.data["success"]) == (1500, True)
    assert started.data["call"] == completed.data["call"]
    assert started.task_id is not None


async def test_a_call_that_came_back_with_an_error_has_failed(fleet: Fleet) -> None:
    worker = await at_work(fleet, READ, ToolEnded("1", "There is no such file."))
    assert await calls(fleet, worker) == [("Read", "FAILED", 0, "There is no such file.")]
    (completed,) = await fleet.events(EventKind.TOOL_COMPLETED)
    assert completed.data["success"] is False


async def test_what_makes_no_sense_changes_nothing(fleet: Fleet) -> None:
    worker = await at_work(
        fleet, ToolEnded("1"), READ, ToolStarted("1", "Write"), ToolEnded("1"), ToolEnded("1", "Late.")
    )
    assert await calls(fleet, worker) == [("Read", "COMPLETED", 0, None)]
    assert len(await fleet.events(EventKind.TOOL_STARTED, EventKind.TOOL_COMPLETED)) == 2


async def test_calls_are_told_apart_by_worker(fleet: Fleet) -> None:
    first, second = await at_work(fleet, READ), await at_work(fleet, READ)
    await fleet.report(second, ToolEnded("1"))
    assert [status for _, status, _, _ in await calls(fleet, first)] == ["STARTED"]
    assert [status for _, status, _, _ in await calls(fleet, second)] == ["COMPLETED"]


async def test_what_was_left_open_fails_with_its_worker(fleet: Fleet) -> None:
    worker = await at_work(fleet, READ, ToolStarted("2", "Write"), ToolEnded("2"))
    await fleet.exit(worker)
    assert await calls(fleet, worker) == [
        ("Read", "FAILED", 0, "The worker ended first."),
        ("Write", "COMPLETED", 0, None),
    ]
    kinds = [event.kind for event in await fleet.events()]
    last = len(kinds) - 1 - kinds[::-1].index(EventKind.WORKER_STATUS_CHANGED)
    assert EventKind.TOOL_COMPLETED in kinds[last - 1 : last], "the call ends before its worker does"


async def test_a_clock_that_was_set_back_makes_no_negative_time(fleet: Fleet, clock: Clock) -> None:
    worker = await at_work(fleet, READ)
    row = await fleet.worker(worker)
    earlier = Report(row.reports + 1, clock() - timedelta(days=1), ToolEnded("1"))
    await fleet.send(worker, row.fence, earlier)
    assert await calls(fleet, worker) == [("Read", "COMPLETED", 0, None)]


async def test_an_agents_words_are_cut_and_never_refused(fleet: Fleet) -> None:
    key = "k" * 1000
    worker = await at_work(
        fleet, ToolStarted(key, "n\x00" * 1000, "s" * 100_000), ToolEnded(key, "e\ud800" * 100_000)
    )
    (row,) = await fleet.db.read(every_call, worker)
    assert (len(row.key), len(row.name), len(row.input_summary or ""), len(row.error or "")) == (
        200,
        200,
        500,
        500,
    )
    assert row.status == "FAILED"
    assert "\x00" not in row.name


async def test_the_last_call_of_many_workers_is_found_at_once(fleet: Fleet) -> None:
    workers = [await at_work(fleet, READ, ToolStarted("2", f"Tool {n}")) for n in range(3)]
    idle = await at_work(fleet)
    found = await fleet.db.read(store.tool_calls.last_of_workers, [*workers, idle])
    assert [row.name if row else None for row in found.values()] == ["Tool 0", "Tool 1", "Tool 2", None]

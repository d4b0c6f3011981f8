"""The same done to many runs: each by itself, within bounds, with a record."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from app import commands, store
from app.domain.batches import CONCERNS, OFTEN, BatchOperation
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.runs import RunStatus
from app.store.runs import RunFilter
from app.store.tables import TaskRow, WorkerRow
from tests.conftest import Clock
from tests.fleet import Fleet


async def batch(
    fleet: Fleet, operation: BatchOperation, *, silence: timedelta | None = None
) -> dict[str, list[Any]]:
    receipt = await fleet.do(
        commands.batches.perform,
        operation=operation,
        only=RunFilter(statuses=sorted(CONCERNS[operation])),
        silence=silence,
        actor_id="tok_operator",
    )
    return receipt.refs


async def status(fleet: Fleet, run_id: str) -> str:
    return (await fleet.run(run_id)).status


async def test_what_goes_on_is_paused_and_goes_on_again(fleet: Fleet, clock: Clock) -> None:
    first = await fleet.a_run("a")
    await fleet.working(first, "a")
    clock.advance(seconds=1)
    second = await fleet.a_run("a")
    paused = await batch(fleet, BatchOperation.PAUSE_ALL)
    assert paused == {"affected": [first, second], "failures": []}
    assert [await status(fleet, run) for run in (first, second)] == ["PAUSING", "PAUSED"]
    await batch(fleet, BatchOperation.RESUME_ALL)
    assert [await status(fleet, run) for run in (first, second)] == ["ACTIVE", "ACTIVE"]


async def test_a_run_that_refuses_leaves_no_trace_and_stops_nobody(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = [await fleet.a_run("a") for _ in range(3)]
    pause = commands.runs.pause

    def refuses(tx: store.db.Tx, **arguments: Any) -> Any:
        answer = pause(tx, **arguments)
        if arguments["run_id"] == second:
            raise AppError(ErrorCode.UNAVAILABLE, "Not now.")
        return answer

    monkeypatch.setattr(commands.runs, "pause", refuses)
    before = len(await fleet.events(EventKind.RUN_STATUS_CHANGED))
    done = await batch(fleet, BatchOperation.PAUSE_ALL)
    assert done["affected"] == [first, third]
    assert done["failures"] == [{"run": second, "code": "UNAVAILABLE", "message": "Not now."}]
    assert await status(fleet, second) == "ACTIVE"
    told = (await fleet.events(EventKind.RUN_STATUS_CHANGED))[before:]
    assert {event.run_id for event in told} == {first, third}


async def test_old_runs_are_put_away_and_then_deleted(fleet: Fleet, clock: Clock) -> None:
    old = await fleet.a_run("a")
    await fleet.finish(old, "a")
    clock.advance(days=8)
    young = await fleet.a_run("a")
    await fleet.finish(young, "a")
    week = timedelta(days=7)
    assert (await batch(fleet, BatchOperation.ARCHIVE_OLD, silence=week))["affected"] == [old]
    assert (await batch(fleet, BatchOperation.CLEANUP_ARCHIVED, silence=week))["affected"] == []
    clock.advance(days=8)
    assert (await batch(fleet, BatchOperation.CLEANUP_ARCHIVED, silence=week))["affected"] == [old]
    (told,) = await fleet.events(EventKind.RUN_DELETED)
    assert (told.run_id, told.data) == (old, {"id": old, "name": "A plan"})

    def left(tx: store.db.Tx) -> list[str]:
        return [*tx.session.exec(select(TaskRow.run_id)), *tx.session.exec(select(WorkerRow.run_id))]

    assert set(await fleet.db.read(left)) == {young}
    assert await status(fleet, young) == RunStatus.COMPLETED
    assert await fleet.events(EventKind.TASK_STATUS_CHANGED), "what happened stays in the log"


async def test_no_more_than_so_many_in_a_minute(fleet: Fleet, clock: Clock) -> None:
    run = await fleet.a_run("a")
    for _ in range(OFTEN):
        await batch(fleet, BatchOperation.RESUME_ALL)
    with pytest.raises(AppError) as refused:
        await batch(fleet, BatchOperation.PAUSE_ALL)
    assert refused.value.code is ErrorCode.RATE_LIMITED
    assert await status(fleet, run) == "ACTIVE"
    clock.advance(minutes=1)
    assert (await batch(fleet, BatchOperation.PAUSE_ALL))["affected"] == [run]


async def test_a_batch_has_an_end(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands.batches, "MOST", 2)
    runs = [await fleet.a_run("a") for _ in range(3)]
    assert (await batch(fleet, BatchOperation.PAUSE_ALL))["affected"] == runs[:2]
    assert (await batch(fleet, BatchOperation.PAUSE_ALL))["affected"] == runs[2:]

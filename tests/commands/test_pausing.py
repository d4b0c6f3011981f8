"""Pausing, resuming and stopping a run, gently and at once."""

import pytest

from app import commands
from app.domain.errors import ErrorCode
from app.domain.events import EventKind
from app.domain.reports import Paused, Resumed, Seen
from app.domain.runs import RunStatus, Urgency
from app.domain.workers import Desire, ExitReason
from tests.factories import a_task
from tests.fleet import Fleet

R = RunStatus


async def pause(fleet: Fleet, run_id: str, mode: Urgency = Urgency.DRAIN) -> None:
    await fleet.do(commands.runs.pause, run_id=run_id, mode=mode)


async def status(fleet: Fleet, run_id: str) -> str:
    return (await fleet.run(run_id)).status


async def test_a_run_without_workers_is_paused_at_once(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    await fleet.do(commands.runs.pause, run_id=run_id, mode=Urgency.DRAIN, reason="lunch")
    run = await fleet.run(run_id)
    assert (run.status, run.status_reason) == (R.PAUSED, "lunch")
    assert await fleet.claim() == []


async def test_draining_lets_workers_finish_and_starts_no_more(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    worker = await fleet.working(run_id, "a")
    await pause(fleet, run_id)
    assert await status(fleet, run_id) == R.PAUSING
    assert (await fleet.worker(worker)).desire == Desire.RUN
    await fleet.exit(worker)
    assert await status(fleet, run_id) == R.PAUSED
    assert await fleet.statuses(run_id) == {"a": "COMPLETED", "b": "READY"}
    assert await fleet.claim() == []
    await fleet.do(commands.runs.resume, run_id=run_id)
    assert len(await fleet.claim()) == 1


async def test_pausing_now_pauses_the_workers_too(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b")
    workers = [await fleet.working(run_id, key) for key in ("a", "b")]
    await pause(fleet, run_id, Urgency.NOW)
    assert [(await fleet.worker(worker)).desire for worker in workers] == [Desire.PAUSE] * 2
    await fleet.report(workers[0], Seen(2), Paused())
    assert await status(fleet, run_id) == R.PAUSING
    await fleet.report(workers[1], Seen(2), Paused())
    assert await status(fleet, run_id) == R.PAUSED
    assert await fleet.statuses(run_id) == {"a": "RUNNING", "b": "RUNNING"}
    await fleet.do(commands.runs.resume, run_id=run_id)
    assert await status(fleet, run_id) == R.ACTIVE
    for worker in workers:
        assert (await fleet.worker(worker)).desire == Desire.RUN
        await fleet.report(worker, Seen(3), Resumed())
        await fleet.exit(worker)
    assert await status(fleet, run_id) == R.COMPLETED


async def test_a_worker_that_ends_instead_of_pausing_holds_nothing_up(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b")
    worker = await fleet.working(run_id, "a")
    await pause(fleet, run_id, Urgency.NOW)
    (other,) = [one.id for one in await fleet.live(run_id) if one.id != worker]
    await fleet.report(other, Seen(2))
    await fleet.exit(worker, 1)
    assert await status(fleet, run_id) == R.PAUSED


async def test_a_worker_that_was_not_started_yet_holds_no_pause_up(fleet: Fleet) -> None:
    """Its runner has read that it is to pause: it starts no agent before it is told to go on."""
    run_id = await fleet.a_run("a")
    (worker,) = await fleet.claim()
    await pause(fleet, run_id, Urgency.NOW)
    assert await status(fleet, run_id) == R.PAUSING
    await fleet.report(worker, Seen(1))
    assert await status(fleet, run_id) == R.PAUSING
    await fleet.report(worker, Seen(2))
    assert await status(fleet, run_id) == R.PAUSED
    await fleet.do(commands.runs.resume, run_id=run_id)
    await fleet.report(worker, Seen(3))
    await fleet.exit(await fleet.up(worker))
    assert await status(fleet, run_id) == R.COMPLETED


async def test_draining_can_be_raised_to_now_but_not_the_other_way(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await pause(fleet, run_id)
    refused = await fleet.refused(commands.runs.pause, run_id=run_id, mode=Urgency.DRAIN)
    assert refused.code is ErrorCode.INVALID_TRANSITION
    await pause(fleet, run_id, Urgency.NOW)
    assert (await fleet.worker(worker)).desire == Desire.PAUSE
    for mode in Urgency:
        refused = await fleet.refused(commands.runs.pause, run_id=run_id, mode=mode)
        assert refused.code is ErrorCode.INVALID_TRANSITION
    await fleet.report(worker, Seen(2), Paused())
    assert await status(fleet, run_id) == R.PAUSED


async def test_a_pause_under_way_can_be_taken_back(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    worker = await fleet.working(run_id, "a")
    await pause(fleet, run_id, Urgency.NOW)
    await fleet.do(commands.runs.resume, run_id=run_id)
    assert await status(fleet, run_id) == R.ACTIVE
    assert (await fleet.worker(worker)).desire == Desire.RUN
    await fleet.finish(run_id, "a", "b")
    assert await status(fleet, run_id) == R.COMPLETED


@pytest.mark.parametrize("mode", list(Urgency))
async def test_what_is_waited_for_goes_on_working_while_a_run_is_paused(fleet: Fleet, mode: Urgency) -> None:
    run_id = await fleet.a_run("a", "b")
    item = await fleet.asking(run_id, "a")
    await fleet.finish(run_id, "b")
    assert await status(fleet, run_id) == R.WAITING_FOR_INPUT
    await pause(fleet, run_id, mode)
    worker = str((await fleet.task(run_id, "a")).worker_id)
    if mode is Urgency.NOW:
        await fleet.report(worker, Seen(5), Paused())
        assert await status(fleet, run_id) == R.PAUSED
    await fleet.do(commands.attention.answer, item_id=item, answer="this")
    assert (await fleet.task(run_id, "a")).status == "RUNNING"
    await fleet.do(commands.runs.resume, run_id=run_id)
    assert await status(fleet, run_id) == R.ACTIVE
    if mode is Urgency.NOW:
        assert (await fleet.worker(worker)).status == "PAUSED"
        await fleet.report(worker, Resumed())
    assert (await fleet.worker(worker)).status == "RUNNING"
    await fleet.exit(worker)
    assert await status(fleet, run_id) == R.COMPLETED


async def test_a_worker_can_be_spawned_by_hand_while_the_run_is_paused(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    await pause(fleet, run_id)
    task = await fleet.task(run_id, "a")
    receipt = await fleet.do(commands.workers.spawn, run_id=run_id, task_id=task.id)
    await fleet.exit(await fleet.up(receipt.refs["worker"]))
    assert (await fleet.task(run_id, "a")).status == "COMPLETED"
    assert await status(fleet, run_id) == R.PAUSED
    await fleet.do(commands.runs.resume, run_id=run_id)
    assert await status(fleet, run_id) == R.COMPLETED


async def test_a_worker_of_a_run_that_is_paused_now_is_not_resumed_alone(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await pause(fleet, run_id, Urgency.NOW)
    await fleet.report(worker, Seen(2), Paused())
    refused = await fleet.refused(commands.workers.resume, worker_id=worker)
    assert refused.code is ErrorCode.INVALID_TRANSITION


async def test_phases_go_on_while_a_run_drains(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a"], ["b"])
    worker = await fleet.working(run_id, "a")
    await pause(fleet, run_id)
    await fleet.exit(worker)
    assert await status(fleet, run_id) == R.PAUSED
    assert await fleet.phases(run_id) == {"phase-1": "COMPLETED", "phase-2": "ACTIVE"}
    assert (await fleet.task(run_id, "b")).status == "READY"


# ---------------------------------------------------------------- stopping


async def test_stopping_gently_cancels_what_nobody_works_on_and_lets_workers_finish(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a", "c", max_workers=1)
    worker = await fleet.working(run_id, "a")
    await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.DRAIN, reason="enough")
    assert await fleet.statuses(run_id) == {"a": "RUNNING", "b": "CANCELLED", "c": "CANCELLED"}
    assert await status(fleet, run_id) == R.STOPPING
    await fleet.exit(worker)
    run = await fleet.run(run_id)
    assert (run.status, run.status_reason, run.completed) == (R.CANCELLED, "enough", 1)
    assert await fleet.phases(run_id) == {"phase-1": "ACTIVE"}


async def test_a_worker_that_fails_while_its_run_stops_is_not_tried_again(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=5))
    worker = await fleet.working(run_id, "a")
    await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.DRAIN)
    await fleet.exit(worker, 1)
    assert await fleet.statuses(run_id) == {"a": "CANCELLED"}
    assert await status(fleet, run_id) == R.CANCELLED


async def test_stopping_now_kills_and_is_over_when_the_last_tree_is_gone(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b")
    workers = [await fleet.working(run_id, key) for key in ("a", "b")]
    await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.NOW)
    for worker in workers:
        assert (await fleet.worker(worker)).status == "STOPPING"
        assert await status(fleet, run_id) == R.STOPPING
        await fleet.exit(worker, reason=ExitReason.KILLED)
        assert (await fleet.worker(worker)).status == "KILLED"
    assert await status(fleet, run_id) == R.CANCELLED
    assert await fleet.statuses(run_id) == {"a": "CANCELLED", "b": "CANCELLED"}


async def test_stopping_gently_can_be_raised_to_now(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.DRAIN)
    refused = await fleet.refused(commands.runs.stop, run_id=run_id, mode=Urgency.DRAIN)
    assert refused.code is ErrorCode.INVALID_TRANSITION
    await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.NOW)
    assert (await fleet.worker(worker)).desire == Desire.STOP
    refused = await fleet.refused(commands.runs.stop, run_id=run_id, mode=Urgency.NOW)
    assert refused.code is ErrorCode.INVALID_TRANSITION


@pytest.mark.parametrize("mode", list(Urgency))
async def test_a_blocked_task_is_cancelled_with_its_run(fleet: Fleet, mode: Urgency) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=3), "b")
    worker = await fleet.working(run_id, "a")
    await fleet.do(commands.tasks.block, task_id=(await fleet.task(run_id, "a")).id)
    await fleet.report(worker, Seen(2), Paused())
    other = await fleet.working(run_id, "b")
    await fleet.do(commands.runs.stop, run_id=run_id, mode=mode)
    assert (await fleet.worker(worker)).desire == (Desire.STOP if mode is Urgency.NOW else Desire.RUN)
    await fleet.exit(worker, 1)
    await fleet.exit(other)
    assert (await fleet.task(run_id, "a")).status == "CANCELLED"
    assert await status(fleet, run_id) == R.CANCELLED


async def test_a_run_that_was_never_started_can_be_stopped(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", start=False)
    await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.DRAIN)
    assert await status(fleet, run_id) == R.CANCELLED
    assert await fleet.statuses(run_id) == {"a": "CANCELLED"}


async def test_a_paused_run_can_be_stopped_gently(fleet: Fleet) -> None:
    """Its paused workers are told to go on: they could never finish otherwise."""
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await pause(fleet, run_id, Urgency.NOW)
    await fleet.report(worker, Seen(2), Paused())
    await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.DRAIN)
    assert (await fleet.worker(worker)).desire == Desire.RUN
    await fleet.report(worker, Resumed())
    await fleet.exit(worker)
    assert await status(fleet, run_id) == R.CANCELLED


async def test_a_stopped_run_stays_stopped(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.NOW)
    task = await fleet.task(run_id, "a")
    for change, arguments in [
        (commands.runs.resume, {"run_id": run_id}),
        (commands.runs.retry, {"run_id": run_id}),
        (commands.tasks.retry, {"task_id": task.id}),
        (commands.tasks.complete, {"task_id": task.id}),
        (commands.workers.spawn, {"run_id": run_id}),
    ]:
        assert (await fleet.refused(change, **arguments)).code is ErrorCode.INVALID_TRANSITION
    told = [event.data["new"] for event in await fleet.events(EventKind.RUN_STATUS_CHANGED)]
    assert told == [R.CREATED, R.ACTIVE, R.STOPPING, R.CANCELLED]

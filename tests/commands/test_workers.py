"""Starting, steering and ending single workers."""

import pytest

from app import commands
from app.domain.access import Role
from app.domain.errors import ErrorCode
from app.domain.events import EventKind
from app.domain.reports import Delivered, Paused, Resumed, Seen
from app.domain.runs import RunStatus
from app.domain.workers import Desire, ExitReason
from tests.factories import COMMAND, a_task, an_actor
from tests.fleet import HOST, Fleet


async def lose(fleet: Fleet, worker_id: str, fence: int = 1) -> bool:
    return await fleet.db.write(
        commands.reports.lose, worker_id=worker_id, fence=fence, reason="It was silent for 120 s."
    )


# ---------------------------------------------------------------- spawn


async def test_a_worker_can_be_started_by_hand_on_a_ready_task(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    task = await fleet.task(run_id, "a")
    receipt = await fleet.do(
        commands.workers.spawn,
        run_id=run_id,
        task_id=task.id,
        runtime={"kind": "command", "argv": ["other"]},
        name="by hand",
        skill="maker",
        environment={"A": "b"},
    )
    worker = await fleet.worker(receipt.refs["worker"])
    assert (worker.name, worker.skill, worker.environment) == ("by hand", "maker", {"A": "b"})
    assert worker.runtime["argv"] == ["other"]
    assert (await fleet.command(receipt)).status == "EFFECTIVE"
    assert (await fleet.task(run_id, "a")).worker_id == worker.id
    await fleet.exit(await fleet.up(worker.id))
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_a_worker_beside_the_dag_changes_no_task(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = (await fleet.do(commands.workers.spawn, run_id=run_id, runtime=COMMAND)).refs["worker"]
    row = await fleet.worker(worker)
    assert (row.task_id, row.fence, row.name, row.prompt) == (None, 1, "command", "# A plan\n")
    await fleet.exit(await fleet.up(worker), 1)
    assert (await fleet.worker(worker)).status == "FAILED"
    assert await fleet.statuses(run_id) == {"a": "READY"}
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE


async def test_a_task_done_by_hand_can_be_given_to_a_worker(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", runtime=None)
    task = await fleet.task(run_id, "a")
    assert (await fleet.run(run_id)).status == RunStatus.BLOCKED
    refused = await fleet.refused(commands.workers.spawn, run_id=run_id, task_id=task.id)
    assert refused.code is ErrorCode.INVALID_INPUT
    receipt = await fleet.do(commands.workers.spawn, run_id=run_id, task_id=task.id, runtime=COMMAND)
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE
    await fleet.exit(await fleet.up(receipt.refs["worker"]))
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_a_task_that_is_not_ready_or_has_a_worker_gets_none(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    other = await fleet.a_run("c")
    await fleet.claim()
    for key in ("a", "b"):
        task = await fleet.task(run_id, key)
        refused = await fleet.refused(commands.workers.spawn, run_id=run_id, task_id=task.id)
        assert refused.code is ErrorCode.INVALID_TRANSITION
        refused = await fleet.refused(commands.workers.spawn, run_id=other, task_id=task.id)
        assert refused.code is ErrorCode.NOT_FOUND


async def test_a_worker_started_by_hand_does_not_wait_for_the_rest_of_its_task(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2))
    await fleet.fail(run_id, "a")
    task = await fleet.task(run_id, "a")
    receipt = await fleet.do(commands.workers.spawn, run_id=run_id, task_id=task.id)
    await fleet.exit(await fleet.up(receipt.refs["worker"]))
    assert (await fleet.task(run_id, "a")).attempts == 2


# ---------------------------------------------------------------- kill


async def test_a_kill_is_requested_delivered_seen_and_effective_when_the_tree_is_gone(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2))
    worker = await fleet.working(run_id, "a")
    receipt = await fleet.do(commands.workers.kill, worker_id=worker, grace_seconds=3)
    row = await fleet.worker(worker)
    assert (row.status, row.desire, row.grace_seconds, row.revision) == ("STOPPING", Desire.STOP, 3, 2)
    steps = [(await fleet.command(receipt)).status]
    await fleet.db.write(commands.reports.note_sent, worker_id=worker, revision=1)
    steps.append((await fleet.command(receipt)).status)
    await fleet.db.write(commands.reports.note_sent, worker_id=worker, revision=2)
    steps.append((await fleet.command(receipt)).status)
    await fleet.report(worker, Seen(2))
    steps.append((await fleet.command(receipt)).status)
    await fleet.exit(worker, reason=ExitReason.KILLED)
    steps.append((await fleet.command(receipt)).status)
    assert steps == ["REQUESTED", "REQUESTED", "DELIVERED", "ACKNOWLEDGED", "EFFECTIVE"]
    assert (await fleet.worker(worker)).status == "KILLED"
    task = await fleet.task(run_id, "a")
    assert (task.status, task.failures) == ("READY", 1)
    told = [event.data["status"] for event in await fleet.events(EventKind.COMMAND_CHANGED)]
    assert told[-4:] == ["REQUESTED", "DELIVERED", "ACKNOWLEDGED", "EFFECTIVE"]


async def test_a_task_whose_last_attempt_is_killed_has_failed(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await fleet.do(commands.workers.kill, worker_id=worker, reason="it loops")
    await fleet.exit(worker, reason=ExitReason.KILLED)
    task = await fleet.task(run_id, "a")
    assert (task.status, task.last_error) == ("FAILED", "it loops")
    assert (await fleet.run(run_id)).status == RunStatus.FAILED


async def test_a_worker_can_be_killed_before_it_is_up(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2))
    (worker,) = await fleet.claim()
    await fleet.do(commands.workers.kill, worker_id=worker)
    await fleet.up(worker)
    assert (await fleet.worker(worker)).status == "STOPPING"
    await fleet.exit(worker, reason=ExitReason.KILLED)
    assert (await fleet.task(run_id, "a")).status == "READY"


async def test_killing_twice_gives_the_tree_less_time(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    first = await fleet.do(commands.workers.kill, worker_id=worker)
    assert (await fleet.worker(worker)).grace_seconds == commands.workers.DEFAULT_GRACE_SECONDS
    second = await fleet.do(commands.workers.kill, worker_id=worker, grace_seconds=0)
    row = await fleet.worker(worker)
    assert (row.grace_seconds, row.revision) == (0, 3)
    await fleet.exit(worker, reason=ExitReason.KILLED)
    assert [(await fleet.command(one)).status for one in (first, second)] == ["EFFECTIVE"] * 2


async def test_what_is_over_is_not_steered_any_more(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await fleet.do(commands.workers.pause, worker_id=worker)
    await fleet.exit(worker)
    for change in (commands.workers.kill, commands.workers.pause, commands.workers.resume):
        assert (await fleet.refused(change, worker_id=worker)).code is ErrorCode.INVALID_TRANSITION
    refused = await fleet.refused(commands.workers.report_progress, worker_id=worker, progress=1)
    assert refused.code is ErrorCode.STALE_FENCE


async def test_nothing_more_is_asked_of_a_worker_that_is_to_stop(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await fleet.do(commands.workers.kill, worker_id=worker)
    for change in (commands.workers.pause, commands.workers.resume):
        assert (await fleet.refused(change, worker_id=worker)).code is ErrorCode.INVALID_TRANSITION
    assert (await fleet.worker(worker)).desire == Desire.STOP


# ---------------------------------------------------------------- pause and resume


async def test_pausing_and_resuming_take_effect_when_the_runner_says_so(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    paused = await fleet.do(commands.workers.pause, worker_id=worker)
    assert (await fleet.worker(worker)).status == "RUNNING"
    await fleet.report(worker, Seen(2))
    assert (await fleet.command(paused)).status == "ACKNOWLEDGED"
    await fleet.report(worker, Paused())
    assert (await fleet.command(paused)).status == "EFFECTIVE"
    assert (await fleet.worker(worker)).status == "PAUSED"
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE
    resumed = await fleet.do(commands.workers.resume, worker_id=worker)
    await fleet.report(worker, Seen(3), Resumed())
    assert (await fleet.command(resumed)).status == "EFFECTIVE"
    assert (await fleet.worker(worker)).status == "RUNNING"


async def test_a_request_takes_no_effect_by_a_report_from_before_it_was_read(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await fleet.do(commands.workers.pause, worker_id=worker)
    await fleet.report(worker, Seen(2), Paused())
    resumed = await fleet.do(commands.workers.resume, worker_id=worker)
    await fleet.report(worker, Paused(), Resumed())
    assert (await fleet.command(resumed)).status == "REQUESTED"


async def test_a_worker_paused_before_it_is_up_starts_when_it_is_resumed(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    (worker,) = await fleet.claim()
    paused = await fleet.do(commands.workers.pause, worker_id=worker)
    await fleet.report(worker, Seen(2))
    assert (await fleet.command(paused)).status == "EFFECTIVE"
    resumed = await fleet.do(commands.workers.resume, worker_id=worker)
    await fleet.report(worker, Seen(3))
    await fleet.exit(await fleet.up(worker))
    assert (await fleet.command(resumed)).status == "EFFECTIVE"
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_a_request_that_comes_too_late_has_expired(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    paused = await fleet.do(commands.workers.pause, worker_id=worker)
    killed = await fleet.do(commands.workers.kill, worker_id=worker)
    await lose(fleet, worker)
    assert (await fleet.command(killed)).status == "EFFECTIVE"
    command = await fleet.command(paused)
    assert (command.status, command.error) == ("EXPIRED", "The worker was KILLED first.")


async def test_what_a_runtime_cannot_do_is_refused_before_it_is_sent(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", runtime={"kind": "mystery"})
    worker = await fleet.working(run_id, "a")
    refused = await fleet.refused(commands.workers.pause, worker_id=worker)
    assert refused.code is ErrorCode.NOT_SUPPORTED_BY_RUNTIME
    assert (await fleet.worker(worker)).desire == Desire.RUN


async def test_progress_is_noted(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    fleet.clock.advance(minutes=5)
    actor = an_actor(Role.WORKER, run_id=run_id, worker_id=worker)
    await fleet.do(
        commands.workers.report_progress, by=actor, worker_id=worker, activity="reading", progress=40
    )
    await fleet.do(commands.workers.report_progress, by=actor, worker_id=worker, progress=50)
    row = await fleet.worker(worker)
    assert (row.current_activity, row.progress) == ("reading", 50)
    assert (await fleet.run(run_id)).last_activity_at == fleet.clock()
    assert len(await fleet.events(EventKind.WORKER_REPORTED)) == 2


# ---------------------------------------------------------------- lost


async def test_a_lost_workers_task_is_tried_again(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2))
    worker = await fleet.working(run_id, "a")
    assert await lose(fleet, worker)
    assert (await fleet.worker(worker)).status == "LOST"
    task = await fleet.task(run_id, "a")
    assert (task.status, task.last_error) == ("READY", "It was silent for 120 s.")
    fleet.clock.advance(seconds=1)
    await fleet.finish(run_id, "a")
    assert (await fleet.task(run_id, "a")).attempts == 2


async def test_a_worker_that_has_ended_meanwhile_is_not_lost(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    assert not await lose(fleet, worker, fence=2)
    await fleet.exit(worker)
    assert not await lose(fleet, worker)
    assert (await fleet.worker(worker)).status == "SUCCEEDED"


@pytest.mark.parametrize("stopping", [False, True])
async def test_silent_workers_are_found_by_their_last_sign_of_life(fleet: Fleet, stopping: bool) -> None:
    run_id = await fleet.a_run("a", "b", "c")
    silent, beating = [await fleet.working(run_id, key) for key in ("a", "b")]
    ended = await fleet.working(run_id, "c")
    await fleet.exit(ended)
    if stopping:
        await fleet.do(commands.workers.kill, worker_id=silent)
    fleet.clock.advance(seconds=60)
    assert await fleet.db.write(commands.workers.store.workers.beat, beating, 1)
    assert not await fleet.db.write(commands.workers.store.workers.beat, beating, 2)
    assert not await fleet.db.write(commands.workers.store.workers.beat, ended, 1)
    found = await fleet.db.read(commands.workers.store.workers.unheard_since, fleet.clock(), host_id=HOST)
    assert [worker.id for worker in found] == [silent]


async def test_a_worker_that_never_beat_is_judged_by_when_it_was_made(fleet: Fleet) -> None:
    await fleet.a_run("a")
    (worker,) = await fleet.claim()
    unheard = commands.workers.store.workers.unheard_since
    assert await fleet.db.read(unheard, fleet.clock(), host_id=HOST) == []
    fleet.clock.advance(seconds=1)
    assert [one.id for one in await fleet.db.read(unheard, fleet.clock(), host_id=HOST)] == [worker]


async def test_delivered_items_of_others_are_none_of_a_workers_business(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b")
    own, other = [await fleet.working(run_id, key) for key in ("a", "b")]
    given = await fleet.do(
        commands.context.inject, items=[commands.context.Item("TEXT", "hello", 1)], worker_id=other
    )
    await fleet.report(own, Delivered(given.refs["items"]))
    assert [item.delivered_at for item in await fleet.context(other)] == [None]
    assert (await fleet.command(given)).status == "REQUESTED"

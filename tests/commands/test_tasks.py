"""A task's attempts, and what people do to it."""

from datetime import timedelta

import pytest

from app import commands
from app.domain.errors import ErrorCode
from app.domain.reports import Exited, Paused, Resumed, Seen
from app.domain.runs import RunStatus, Urgency
from app.domain.workers import Desire, ExitReason
from tests.factories import COMMAND, a_task
from tests.fleet import Fleet


async def act(fleet: Fleet, verb: str, run_id: str, key: str, **more: str) -> None:
    task = await fleet.task(run_id, key)
    await fleet.do(getattr(commands.tasks, verb), task_id=task.id, **more)


async def refused(fleet: Fleet, verb: str, run_id: str, key: str) -> ErrorCode:
    task = await fleet.task(run_id, key)
    return (await fleet.refused(getattr(commands.tasks, verb), task_id=task.id)).code


# ---------------------------------------------------------------- attempts


async def test_a_failed_attempt_is_made_again_after_a_rest_that_doubles(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=4))
    for attempt, rest in [(1, 1), (2, 2), (3, 4)]:
        await fleet.fail(run_id, "a", code=7)
        task = await fleet.task(run_id, "a")
        assert (task.status, task.attempts, task.failures) == ("READY", attempt, attempt)
        assert task.last_error == "The process ended with exit code 7."
        assert f"Again in {rest} s." in (task.status_reason or "")
        assert task.not_before == fleet.clock() + timedelta(seconds=rest)
        fleet.clock.advance(seconds=rest - 0.001)
        assert await fleet.claim() == []
        fleet.clock.advance(seconds=0.001)
    await fleet.finish(run_id, "a")
    task = await fleet.task(run_id, "a")
    assert (task.status, task.attempts, task.not_before) == ("COMPLETED", 4, None)


async def test_when_its_attempts_are_used_up_a_task_has_failed(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2), "b < a")
    await fleet.fail(run_id, "a")
    fleet.clock.advance(seconds=1)
    await fleet.fail(run_id, "a")
    assert await fleet.statuses(run_id) == {"a": "FAILED", "b": "PENDING"}
    assert (await fleet.task(run_id, "a")).completed_at == fleet.clock()


@pytest.mark.parametrize(
    "reason", [ExitReason.TIMED_OUT, ExitReason.RUNNER_LOST, ExitReason.CANNOT_START, ExitReason.KILLED]
)
async def test_whatever_ends_an_attempt_but_success_uses_one_up(fleet: Fleet, reason: ExitReason) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2))
    worker = await fleet.working(run_id, "a")
    await fleet.exit(worker, reason=reason)
    task = await fleet.task(run_id, "a")
    assert (task.status, task.failures, task.worker_id) == ("READY", 1, None)


async def test_a_worker_that_could_not_start_uses_an_attempt_up(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2))
    for _ in range(2):
        (worker,) = await fleet.claim()
        await fleet.report(worker, Exited(ExitReason.CANNOT_START, message="No such file."))
        assert (await fleet.worker(worker)).status == "FAILED"
        fleet.clock.advance(minutes=1)
    task = await fleet.task(run_id, "a")
    assert (task.status, task.last_error) == ("FAILED", "No such file.")


async def test_a_retry_by_hand_gives_a_fresh_set_of_attempts(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2), "b")
    await fleet.fail(run_id, "a")
    fleet.clock.advance(seconds=1)
    await fleet.fail(run_id, "a")
    await act(fleet, "retry", run_id, "a")
    task = await fleet.task(run_id, "a")
    assert (task.status, task.failures, task.not_before, task.attempts) == ("READY", 0, None, 2)
    await fleet.fail(run_id, "a")
    assert (await fleet.task(run_id, "a")).status == "READY"


# ---------------------------------------------------------------- retry


async def test_retrying_a_completed_task_makes_waiters_wait_again_and_leaves_others_alone(
    fleet: Fleet,
) -> None:
    works, done = a_task("works", needs=["a"], priority=1), a_task("done", needs=["a"], priority=2)
    run_id = await fleet.a_run("a", "waits < a", works, done, "far < waits", max_workers=1)
    await fleet.finish(run_id, "a", "done")
    worker = await fleet.working(run_id, "works")
    assert (await fleet.statuses(run_id))["waits"] == "READY"
    await act(fleet, "retry", run_id, "a")
    assert await fleet.statuses(run_id) == {
        "a": "READY",
        "waits": "PENDING",
        "works": "RUNNING",
        "done": "COMPLETED",
        "far": "PENDING",
    }
    await fleet.exit(worker)
    await fleet.finish(run_id, "a", "waits", "far")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_a_failed_attempt_waits_for_what_was_taken_back_meanwhile(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", a_task("b", needs=["a"], max_attempts=2))
    await fleet.finish(run_id, "a")
    worker = await fleet.working(run_id, "b")
    await act(fleet, "retry", run_id, "a")
    assert await fleet.statuses(run_id) == {"a": "READY", "b": "RUNNING"}
    await fleet.exit(worker, 1)
    assert await fleet.statuses(run_id) == {"a": "READY", "b": "PENDING"}
    fleet.clock.advance(seconds=1)
    await fleet.finish(run_id, "a", "b")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_a_task_of_a_completed_phase_is_not_retried(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a"], ["b"])
    await fleet.finish(run_id, "a")
    assert await refused(fleet, "retry", run_id, "a") is ErrorCode.INVALID_TRANSITION


async def test_a_task_is_not_retried_while_its_worker_has_not_ended(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b")
    worker = await fleet.working(run_id, "a")
    await act(fleet, "complete", run_id, "a")
    assert await refused(fleet, "retry", run_id, "a") is ErrorCode.INVALID_TRANSITION
    await fleet.exit(worker)
    await act(fleet, "retry", run_id, "a")


# ---------------------------------------------------------------- block


async def test_a_blocked_task_is_not_started_until_it_is_unblocked(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    await act(fleet, "block", run_id, "a", reason="not yet")
    task = await fleet.task(run_id, "a")
    assert (task.status, task.status_reason) == ("BLOCKED", "not yet")
    assert await fleet.claim() == []
    run = await fleet.run(run_id)
    assert run.status == RunStatus.BLOCKED
    assert "a is blocked" in (run.status_reason or "")
    await act(fleet, "unblock", run_id, "a")
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE
    await fleet.finish(run_id, "a", "b")


async def test_a_task_that_waits_can_be_blocked_and_waits_on_when_unblocked(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    await act(fleet, "block", run_id, "b")
    await act(fleet, "unblock", run_id, "b")
    assert (await fleet.task(run_id, "b")).status == "PENDING"
    await act(fleet, "block", run_id, "b")
    await fleet.finish(run_id, "a")
    assert (await fleet.task(run_id, "b")).status == "BLOCKED"
    assert (await fleet.run(run_id)).status == RunStatus.BLOCKED
    await act(fleet, "unblock", run_id, "b")
    assert (await fleet.task(run_id, "b")).status == "READY"


async def test_the_worker_of_a_blocked_task_pauses_and_goes_on(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await act(fleet, "block", run_id, "a")
    assert (await fleet.worker(worker)).desire == Desire.PAUSE
    await fleet.report(worker, Seen(2), Paused())
    assert (await fleet.run(run_id)).status == RunStatus.BLOCKED
    await act(fleet, "unblock", run_id, "a")
    assert (await fleet.worker(worker)).desire == Desire.RUN
    task = await fleet.task(run_id, "a")
    assert (task.status, task.worker_id) == ("RUNNING", worker)
    await fleet.report(worker, Seen(3), Resumed())
    await fleet.exit(worker)
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_a_task_blocked_before_its_worker_was_up_is_ready_for_it_again(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    (worker,) = await fleet.claim()
    await act(fleet, "block", run_id, "a")
    await act(fleet, "unblock", run_id, "a")
    task = await fleet.task(run_id, "a")
    assert (task.status, task.worker_id) == ("READY", worker)
    await fleet.exit(await fleet.up(worker))
    assert (await fleet.task(run_id, "a")).status == "COMPLETED"


async def test_a_begun_task_goes_on_when_unblocked_although_a_dependency_was_taken_back(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    await fleet.finish(run_id, "a")
    worker = await fleet.working(run_id, "b")
    await act(fleet, "block", run_id, "b")
    await act(fleet, "retry", run_id, "a")
    await act(fleet, "unblock", run_id, "b")
    assert (await fleet.task(run_id, "b")).status == "RUNNING"
    await fleet.exit(worker)
    assert await fleet.statuses(run_id) == {"a": "READY", "b": "COMPLETED"}


async def test_a_worker_that_asks_while_its_task_is_blocked_waits_when_it_is_unblocked(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await act(fleet, "block", run_id, "a")
    item = await fleet.asking(run_id, "a")
    assert (await fleet.task(run_id, "a")).status == "BLOCKED"
    await act(fleet, "unblock", run_id, "a")
    assert (await fleet.task(run_id, "a")).status == "WAITING_FOR_INPUT"
    assert (await fleet.run(run_id)).status == RunStatus.WAITING_FOR_INPUT
    await fleet.do(commands.attention.answer, item_id=item, answer="x")
    assert (await fleet.task(run_id, "a")).status == "RUNNING"
    await fleet.exit(worker)


async def test_a_worker_that_was_past_its_end_when_it_was_blocked_has_done_its_task(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    worker = await fleet.working(run_id, "a")
    await act(fleet, "block", run_id, "a")
    await fleet.exit(worker)
    task = await fleet.task(run_id, "a")
    assert (task.status, task.status_reason) == ("COMPLETED", "It was finished before it could be blocked.")
    assert (await fleet.task(run_id, "b")).status == "READY"


async def test_a_blocked_task_whose_worker_was_killed_gets_another_when_unblocked(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await act(fleet, "block", run_id, "a")
    await fleet.do(commands.workers.kill, worker_id=worker)
    await fleet.exit(worker, reason=ExitReason.KILLED)
    task = await fleet.task(run_id, "a")
    assert (task.status, task.worker_id, task.failures) == ("BLOCKED", None, 0)
    await act(fleet, "unblock", run_id, "a")
    await fleet.finish(run_id, "a")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_an_unblocked_worker_stays_paused_with_its_run(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await act(fleet, "block", run_id, "a")
    await fleet.report(worker, Seen(2), Paused())
    await act(fleet, "unblock", run_id, "a")
    await fleet.do(commands.runs.pause, run_id=run_id, mode=Urgency.NOW)
    await act(fleet, "block", run_id, "a")
    await act(fleet, "unblock", run_id, "a")
    assert (await fleet.worker(worker)).desire == Desire.PAUSE
    await fleet.do(commands.runs.resume, run_id=run_id)
    assert (await fleet.worker(worker)).desire == Desire.RUN


async def test_resuming_a_run_leaves_the_workers_of_blocked_tasks_paused(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await fleet.do(commands.runs.pause, run_id=run_id, mode=Urgency.NOW)
    await act(fleet, "block", run_id, "a")
    await fleet.do(commands.runs.resume, run_id=run_id)
    assert (await fleet.worker(worker)).desire == Desire.PAUSE


@pytest.mark.parametrize("verb", ["block", "unblock"])
async def test_what_is_over_is_neither_blocked_nor_unblocked(fleet: Fleet, verb: str) -> None:
    run_id = await fleet.a_run("a", "b")
    await fleet.finish(run_id, "a")
    assert await refused(fleet, verb, run_id, "a") is ErrorCode.INVALID_TRANSITION


# ---------------------------------------------------------------- skip, by hand


async def test_what_depends_on_a_skipped_task_goes_on(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a", "c < b")
    await act(fleet, "skip", run_id, "b", reason="no need")
    assert await fleet.statuses(run_id) == {"a": "READY", "b": "SKIPPED", "c": "READY"}
    await act(fleet, "skip", run_id, "a")
    await act(fleet, "skip", run_id, "c")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_skipping_a_failed_task_lets_its_run_go_on(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    await fleet.fail(run_id, "a")
    await act(fleet, "skip", run_id, "a")
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE
    await fleet.finish(run_id, "b")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_a_task_with_a_worker_is_not_skipped(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    await fleet.claim()
    assert await refused(fleet, "skip", run_id, "a") is ErrorCode.INVALID_TRANSITION
    await fleet.working(run_id, "a")
    assert await refused(fleet, "skip", run_id, "a") is ErrorCode.INVALID_TRANSITION


async def test_a_skipped_task_can_be_brought_back(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    await act(fleet, "skip", run_id, "a")
    await act(fleet, "retry", run_id, "a")
    assert await fleet.statuses(run_id) == {"a": "READY", "b": "PENDING"}


async def test_a_task_without_a_runtime_waits_for_a_person(fleet: Fleet) -> None:
    run_id = await fleet.a_run("sign", "build < sign", runtime=None)
    assert await fleet.claim() == []
    run = await fleet.run(run_id)
    assert run.status == RunStatus.BLOCKED
    assert "sign waits to be done by hand" in (run.status_reason or "")
    await act(fleet, "complete", run_id, "sign", reason="signed")
    task = await fleet.task(run_id, "sign")
    assert (task.status, task.status_reason, task.attempts) == ("COMPLETED", "signed", 0)
    assert "build waits" in ((await fleet.run(run_id)).status_reason or "")
    await act(fleet, "complete", run_id, "build")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_completing_by_hand_lets_what_a_worker_can_do_go_on(fleet: Fleet) -> None:
    run_id = await fleet.a_run("sign", "build < sign", runtime=None)
    edit = commands.dag.EditTask("build", runtime=COMMAND)
    await fleet.do(commands.dag.mutate, run_id=run_id, edits=[edit])
    await act(fleet, "complete", run_id, "sign")
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE
    await fleet.finish(run_id, "build")


async def test_a_worker_whose_task_was_completed_for_it_is_left_to_end(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    worker = await fleet.working(run_id, "a")
    await act(fleet, "complete", run_id, "a")
    assert await fleet.statuses(run_id) == {"a": "COMPLETED", "b": "READY"}
    assert (await fleet.worker(worker)).status == "RUNNING"
    await fleet.exit(worker, 1)
    task = await fleet.task(run_id, "a")
    assert (task.status, task.worker_id, task.failures) == ("COMPLETED", None, 0)


async def test_what_waits_is_not_completed_by_hand(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    assert await refused(fleet, "complete", run_id, "b") is ErrorCode.INVALID_TRANSITION
    await act(fleet, "block", run_id, "a")
    assert await refused(fleet, "complete", run_id, "a") is ErrorCode.INVALID_TRANSITION

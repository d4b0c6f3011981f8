"""The life of a run, from its making to its archiving."""

import pytest

from app import commands
from app.domain.errors import ErrorCode
from app.domain.events import EventKind
from app.domain.plans import PlanStatus, PlanTask
from app.domain.runs import RunStatus, Urgency
from tests.factories import a_plan, a_task
from tests.fleet import Fleet

R = RunStatus


async def test_a_run_is_made_with_everything_its_plan_says(fleet: Fleet) -> None:
    plan = a_plan(
        [
            "a",
            a_task(
                "b", needs=["a"], priority=3, max_attempts=2, timeout_seconds=60, paths=["src"], skill="s"
            ),
        ],
        ["c < b"],
        title="A title",
    )
    run = await fleet.run(await fleet.a_run(plan=plan, start=False))
    assert (run.name, run.status, run.version, run.max_workers) == ("A title", R.CREATED, 1, 4)
    assert (run.pending, run.phase_id, run.started_at) == (3, None, None)
    tasks = await fleet.tasks(run.id)
    assert [task.ordinal for task in tasks.values()] == [1, 2, 3]
    assert [task.waiting_for for task in tasks.values()] == [0, 1, 1]
    b = tasks["b"]
    assert (b.priority, b.max_attempts, b.timeout_seconds, b.paths, b.skill) == (3, 2, 60, ["src"], "s")
    assert [(await fleet.phase(run.id, key)).unfinished for key in ("phase-1", "phase-2")] == [2, 1]


async def test_what_the_plan_cancels_is_skipped_and_holds_back_nothing(fleet: Fleet) -> None:
    cancelled = PlanTask("b", "Do b", status=PlanStatus.CANCELLED)
    run_id = await fleet.a_run(
        plan=a_plan(["a*", cancelled, "c < a b"], [PlanTask("d", "Do d", status=PlanStatus.CANCELLED)])
    )
    assert await fleet.statuses(run_id) == {"a": "COMPLETED", "b": "SKIPPED", "c": "READY", "d": "SKIPPED"}
    run = await fleet.run(run_id)
    assert (run.completed, run.skipped, run.ready, run.pending) == (1, 2, 1, 0)
    assert (await fleet.task(run_id, "b")).status_reason == "The plan marks it as cancelled."
    await fleet.finish(run_id, "c")
    assert (await fleet.run(run_id)).status == R.COMPLETED


async def test_a_circle_in_a_plan_is_refused_by_name(fleet: Fleet) -> None:
    project = await fleet.a_project()
    refused = await fleet.refused(
        commands.runs.create,
        project_id=project,
        plan=a_plan("a < c", "b < a", "c < b"),
        source=commands.runs.PlanSource(),
    )
    assert refused.code is ErrorCode.DAG_CYCLE
    assert refused.details["cycle"] == ["a", "c", "b", "a"]


async def test_a_run_goes_from_its_first_task_to_its_last(fleet: Fleet) -> None:
    run_id = await fleet.a_run("design", "build < design", "test < build")
    assert (await fleet.run(run_id)).status == R.ACTIVE
    assert await fleet.statuses(run_id) == {"design": "READY", "build": "PENDING", "test": "PENDING"}
    await fleet.finish(run_id, "design")
    assert await fleet.statuses(run_id) == {"design": "COMPLETED", "build": "READY", "test": "PENDING"}
    await fleet.finish(run_id, "build", "test")
    run = await fleet.run(run_id)
    assert (run.status, run.completed, run.live_workers) == (R.COMPLETED, 3, 0)
    assert run.completed_at == fleet.clock()
    told = [event.data["new"] for event in await fleet.events(EventKind.RUN_STATUS_CHANGED)]
    assert told == [R.CREATED, R.ACTIVE, R.COMPLETING, R.COMPLETED]


async def test_a_run_can_be_made_and_started_in_two_steps(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", start=False)
    assert await fleet.claim() == []
    await fleet.do(commands.runs.start, run_id=run_id)
    assert await fleet.statuses(run_id) == {"a": "READY"}
    assert (await fleet.refused(commands.runs.start, run_id=run_id)).code is ErrorCode.INVALID_TRANSITION


async def test_what_the_plan_marks_as_done_is_not_run(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a*", "b < a")
    assert await fleet.statuses(run_id) == {"a": "COMPLETED", "b": "READY"}
    assert (await fleet.task(run_id, "a")).status_reason == "The plan marks it as done."


async def test_a_run_whose_plan_is_done_completes_at_once(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a*"], ["b* < a"])
    assert (await fleet.run(run_id)).status == R.COMPLETED
    assert await fleet.phases(run_id) == {"phase-1": "COMPLETED", "phase-2": "COMPLETED"}


async def test_phases_are_worked_on_one_after_the_other(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a", "b"], ["c"], ["d < a"])
    assert await fleet.statuses(run_id) == {"a": "READY", "b": "READY", "c": "PENDING", "d": "PENDING"}
    await fleet.finish(run_id, "a")
    assert await fleet.phases(run_id) == {"phase-1": "ACTIVE", "phase-2": "PENDING", "phase-3": "PENDING"}
    await fleet.finish(run_id, "b")
    assert await fleet.phases(run_id) == {"phase-1": "COMPLETED", "phase-2": "ACTIVE", "phase-3": "PENDING"}
    assert await fleet.statuses(run_id) == {
        "a": "COMPLETED",
        "b": "COMPLETED",
        "c": "READY",
        "d": "PENDING",
    }
    await fleet.finish(run_id, "c", "d")
    assert (await fleet.run(run_id)).status == R.COMPLETED
    moves = [(event.data["old"], event.data["new"]) for event in await fleet.events(EventKind.PHASE_CHANGED)]
    assert moves == [(None, "phase-1"), ("phase-1", "phase-2"), ("phase-2", "phase-3")]


async def test_a_phase_without_tasks_is_passed(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a"], [], ["b"])
    await fleet.finish(run_id, "a")
    assert await fleet.phases(run_id) == {"phase-1": "COMPLETED", "phase-2": "COMPLETED", "phase-3": "ACTIVE"}


async def test_a_run_waits_for_workers_beside_the_dag_before_it_is_completed(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    receipt = await fleet.do(commands.workers.spawn, run_id=run_id)
    await fleet.finish(run_id, "a")
    assert (await fleet.run(run_id)).status == R.COMPLETING
    await fleet.up(receipt.refs["worker"])
    await fleet.exit(receipt.refs["worker"])
    assert (await fleet.run(run_id)).status == R.COMPLETED


# ---------------------------------------------------------------- failure


async def test_a_run_fails_only_when_nothing_else_can_move(fleet: Fleet) -> None:
    run_id = await fleet.a_run("bad", "after < bad", "other", "last < other")
    await fleet.fail(run_id, "bad")
    assert (await fleet.run(run_id)).status == R.ACTIVE
    await fleet.finish(run_id, "other")
    assert (await fleet.run(run_id)).status == R.ACTIVE
    item = await fleet.asking(run_id, "last")
    assert (await fleet.run(run_id)).status == R.WAITING_FOR_INPUT
    await fleet.do(commands.attention.answer, item_id=item, answer="this")
    assert (await fleet.run(run_id)).status == R.ACTIVE
    await fleet.finish(run_id, "last")
    run = await fleet.run(run_id)
    assert run.status == R.FAILED
    assert "bad failed" in (run.status_reason or "")
    assert await fleet.statuses(run_id) == {
        "bad": "FAILED",
        "after": "PENDING",
        "other": "COMPLETED",
        "last": "COMPLETED",
    }


async def test_a_task_that_rests_after_a_failure_can_still_move(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2))
    await fleet.fail(run_id, "a")
    assert (await fleet.run(run_id)).status == R.ACTIVE
    fleet.clock.advance(seconds=1)
    await fleet.fail(run_id, "a")
    assert (await fleet.run(run_id)).status == R.FAILED


async def test_retrying_a_run_makes_every_failed_task_ready_again(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b", "c < a")
    await fleet.fail(run_id, "a")
    await fleet.fail(run_id, "b")
    assert (await fleet.run(run_id)).status == R.FAILED
    version = (await fleet.run(run_id)).version
    await fleet.do(commands.runs.retry, run_id=run_id)
    run = await fleet.run(run_id)
    assert (run.status, run.version, run.completed_at) == (R.ACTIVE, version + 1, None)
    assert await fleet.statuses(run_id) == {"a": "READY", "b": "READY", "c": "PENDING"}
    task = await fleet.task(run_id, "a")
    assert (task.failures, task.last_error, task.not_before) == (0, None, None)
    await fleet.finish(run_id, "a", "b", "c")
    assert (await fleet.run(run_id)).status == R.COMPLETED


async def test_a_failed_run_whose_failed_tasks_are_gone_can_go_on(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    await fleet.fail(run_id, "a")
    edit = commands.dag.RemoveTask("a")
    await fleet.do(commands.dag.mutate, run_id=run_id, edits=[edit])
    assert (await fleet.run(run_id)).status == R.FAILED
    await fleet.do(commands.runs.retry, run_id=run_id)
    assert (await fleet.run(run_id)).status == R.ACTIVE
    await fleet.finish(run_id, "b")
    assert (await fleet.run(run_id)).status == R.COMPLETED


async def test_a_run_without_failed_tasks_is_not_retried(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    refused = await fleet.refused(commands.runs.retry, run_id=run_id)
    assert refused.code is ErrorCode.INVALID_TRANSITION


async def test_failed_tasks_can_be_retried_while_the_run_is_paused(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b", max_workers=1)
    await fleet.fail(run_id, "a")
    await fleet.do(commands.runs.pause, run_id=run_id, mode=Urgency.DRAIN)
    await fleet.do(commands.runs.retry, run_id=run_id)
    assert (await fleet.run(run_id)).status == R.PAUSED
    assert (await fleet.task(run_id, "a")).status == "READY"


@pytest.mark.parametrize("verb", ["skip", "unblock", "complete"])
async def test_a_failed_run_goes_on_when_a_person_lets_a_task_go_on(fleet: Fleet, verb: str) -> None:
    by_hand = {"runtime": None} if verb == "complete" else {}
    run_id = await fleet.a_run("bad", "held", "after < held", **by_hand)
    if verb == "complete":
        spawned = await fleet.do(
            commands.workers.spawn,
            run_id=run_id,
            task_id=(await fleet.task(run_id, "bad")).id,
            runtime={"kind": "command", "argv": ["false"]},
        )
        await fleet.exit(await fleet.up(spawned.refs["worker"]), 1)
    else:
        await fleet.do(commands.tasks.block, task_id=(await fleet.task(run_id, "held")).id)
        await fleet.fail(run_id, "bad")
    assert (await fleet.run(run_id)).status == R.FAILED
    held = await fleet.task(run_id, "held")
    await fleet.do(getattr(commands.tasks, verb), task_id=held.id)
    run = await fleet.run(run_id)
    if verb == "complete":  # what comes next is to be done by hand too
        assert run.status == R.FAILED
        assert (await fleet.statuses(run_id))["after"] == "READY"
    else:
        assert run.status == R.ACTIVE


# ---------------------------------------------------------------- settings, versions, archive


async def test_a_runs_settings_can_be_changed_until_it_has_ended(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    version = (await fleet.run(run_id)).version
    await fleet.do(commands.runs.configure, run_id=run_id, max_workers=7)
    run = await fleet.run(run_id)
    assert (run.max_workers, run.version) == (7, version + 1)
    assert [event.data["version"] for event in await fleet.events(EventKind.RUN_CONFIGURED)] == [version + 1]
    await fleet.finish(run_id, "a")
    refused = await fleet.refused(commands.runs.configure, run_id=run_id, max_workers=1)
    assert refused.code is ErrorCode.INVALID_TRANSITION


async def test_only_what_has_ended_is_archived_and_nothing_comes_after(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    assert (await fleet.refused(commands.runs.archive, run_id=run_id)).code is ErrorCode.INVALID_TRANSITION
    await fleet.finish(run_id, "a")
    ended = (await fleet.run(run_id)).completed_at
    fleet.clock.advance(hours=1)
    await fleet.do(commands.runs.archive, run_id=run_id)
    run = await fleet.run(run_id)
    assert (run.status, run.completed_at) == (R.ARCHIVED, ended)
    for change, arguments in [
        (commands.runs.start, {}),
        (commands.runs.pause, {"mode": Urgency.NOW}),
        (commands.runs.resume, {}),
        (commands.runs.stop, {"mode": Urgency.NOW}),
        (commands.runs.retry, {}),
        (commands.runs.archive, {}),
        (commands.runs.configure, {}),
        (commands.dag.mutate, {"edits": []}),
        (commands.workers.spawn, {}),
    ]:
        refused = await fleet.refused(change, run_id=run_id, **arguments)
        assert refused.code is ErrorCode.INVALID_TRANSITION, change


async def test_a_version_grows_by_clients_and_phases_and_by_nothing_else(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a", "b"], ["c"], start=False)

    async def grown() -> int:
        nonlocal version
        now = (await fleet.run(run_id)).version
        before, version = version, now
        return now - before

    version = (await fleet.run(run_id)).version
    await fleet.do(commands.runs.start, run_id=run_id)
    assert await grown() == 2  # the verb, and the first phase
    item = await fleet.asking(run_id, "a")
    await fleet.do(commands.attention.answer, item_id=item, answer="x")
    worker = (await fleet.task(run_id, "a")).worker_id
    await fleet.do(commands.workers.pause, worker_id=worker)
    await fleet.do(commands.workers.report_progress, worker_id=worker, progress=5)
    await fleet.exit(str(worker))
    assert await grown() == 0
    await fleet.finish(run_id, "b")
    assert await grown() == 1  # the second phase
    for change, arguments in [
        (commands.runs.pause, {"mode": Urgency.DRAIN}),
        (commands.runs.resume, {}),
        (commands.runs.configure, {"max_workers": 2}),
        (commands.dag.mutate, {"edits": []}),
        (commands.runs.stop, {"mode": Urgency.NOW}),
        (commands.runs.archive, {}),
    ]:
        await fleet.do(change, run_id=run_id, **arguments)
        assert await grown() == 1, change


async def test_whoever_has_not_seen_the_newest_version_is_refused(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    version = (await fleet.run(run_id)).version
    for change, arguments in [
        (commands.runs.pause, {"mode": Urgency.DRAIN}),
        (commands.runs.stop, {"mode": Urgency.DRAIN}),
        (commands.runs.configure, {"max_workers": 2}),
        (commands.dag.mutate, {"edits": []}),
    ]:
        for wrong in (version - 1, version + 1, 0, -1):
            refused = await fleet.refused(change, run_id=run_id, expected_version=wrong, **arguments)
            assert refused.code is ErrorCode.VERSION_CONFLICT
            assert refused.details == {"expected": wrong, "actual": version, "currentPhase": "phase-1"}
    assert (await fleet.run(run_id)).version == version
    await fleet.do(commands.runs.pause, run_id=run_id, mode=Urgency.DRAIN, expected_version=version)

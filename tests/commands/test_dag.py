"""Changing the DAG of a run under way."""

from typing import Any

import pytest

from app import commands
from app.domain.edits import AddDependency, AddTask, Edit, EditTask, RemoveDependency, RemoveTask
from app.domain.errors import ErrorCode
from app.domain.events import EventKind
from app.domain.runs import RunStatus, Urgency
from app.domain.workers import Desire, ExitReason
from tests.factories import COMMAND, a_task
from tests.fleet import Fleet


async def mutate(fleet: Fleet, run_id: str, *edits: Edit) -> dict[str, Any]:
    """Do it, after a rehearsal that has to answer the same and to change nothing."""
    before = await picture(fleet, run_id)
    rehearsed = await fleet.db.rehearse(commands.dag.mutate, run_id=run_id, edits=list(edits))
    assert await picture(fleet, run_id) == before
    impact: dict[str, Any] = (await fleet.do(commands.dag.mutate, run_id=run_id, edits=list(edits))).refs[
        "impact"
    ]
    assert without_new_ids(rehearsed.refs["impact"]) == without_new_ids(impact)
    return impact


async def refused(fleet: Fleet, run_id: str, *edits: Edit) -> tuple[ErrorCode, list[str]]:
    """Why it was refused, and where; nothing has changed then."""
    before = await picture(fleet, run_id)
    error = await fleet.refused(commands.dag.mutate, run_id=run_id, edits=list(edits))
    assert await picture(fleet, run_id) == before
    assert error.path is not None
    return error.code, error.path


async def picture(fleet: Fleet, run_id: str) -> Any:
    """Everything there is to see of a run."""
    tasks = await fleet.tasks(run_id)
    needs = await fleet.db.read(commands.dag.store.tasks.needs_of, [task.id for task in tasks.values()])
    return (
        (await fleet.run(run_id)).model_dump(),
        {key: task.model_dump() for key, task in tasks.items()},
        {key: {needed.key for needed in needs[task.id]} for key, task in tasks.items()},
        [worker.model_dump() for worker in await fleet.live(run_id)],
        len(await fleet.events()),
    )


def without_new_ids(impact: dict[str, Any]) -> dict[str, Any]:
    return {**impact, "added": [{**one, "task": None} for one in impact["added"]]}


async def needs(fleet: Fleet, run_id: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = (await picture(fleet, run_id))[2]
    return found


def at(number: int, *rest: str) -> list[str]:
    return ["input", "operations", str(number), *rest]


# ---------------------------------------------------------------- adding


async def test_an_added_task_is_ready_where_nothing_holds_it_back(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    impact = await mutate(
        fleet,
        run_id,
        AddTask(
            "b", "More", "All of it", priority=4, max_attempts=2, timeout_seconds=9, skill="s", paths=["x"]
        ),
        AddTask("c", "After", depends_on=["b", "a"], runtime={"kind": "command", "argv": ["c"]}),
    )
    tasks = await fleet.tasks(run_id)
    b, c = tasks["b"], tasks["c"]
    assert (b.status, b.priority, b.max_attempts, b.timeout_seconds) == ("READY", 4, 2, 9)
    assert (b.skill, b.paths) == ("s", ["x"])
    assert (b.runtime, c.runtime) == (COMMAND, {"kind": "command", "argv": ["c"]})
    assert (c.status, c.waiting_for, c.ordinal) == ("PENDING", 2, 3)
    assert (await fleet.run(run_id)).pending == 1
    assert impact == {
        "ready": [],
        "pending": [],
        "added": [
            {"key": "b", "title": "More", "phase": "phase-1", "dependsOn": [], "task": b.id},
            {"key": "c", "title": "After", "phase": "phase-1", "dependsOn": ["a", "b"], "task": c.id},
        ],
        "removed": [],
        "killedWorkers": [],
    }
    await fleet.finish(run_id, "b", "a", "c")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_an_added_task_goes_to_the_current_phase_or_to_the_one_that_is_named(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a"], ["b"], ["c"])
    await fleet.finish(run_id, "a")
    await mutate(fleet, run_id, AddTask("now", "Now"), AddTask("later", "Later", phase="phase-3"))
    assert (await fleet.statuses(run_id))["now"] == "READY"
    assert (await fleet.statuses(run_id))["later"] == "PENDING"
    assert [(await fleet.phase(run_id, key)).unfinished for key in ("phase-2", "phase-3")] == [2, 2]
    code, path = await refused(fleet, run_id, AddTask("past", "Past", phase="phase-1"))
    assert (code, path) == (ErrorCode.INVALID_TRANSITION, at(0, "addTask", "phase"))
    code, path = await refused(fleet, run_id, AddTask("x", "X", phase="phase-9"))
    assert (code, path) == (ErrorCode.NOT_FOUND, at(0, "addTask", "phase"))


async def test_a_key_names_one_task_for_ever(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b")
    assert await refused(fleet, run_id, AddTask("a", "Again")) == (
        ErrorCode.INVALID_INPUT,
        at(0, "addTask", "key"),
    )
    twice = (AddTask("x", "One"), AddTask("x", "Two"))
    assert await refused(fleet, run_id, *twice) == (ErrorCode.INVALID_INPUT, at(1, "addTask", "key"))
    replaced = (RemoveTask("a"), AddTask("a", "Again"))
    assert await refused(fleet, run_id, *replaced) == (ErrorCode.INVALID_INPUT, at(1, "addTask", "key"))
    await mutate(fleet, run_id, RemoveTask("a"))
    assert (await refused(fleet, run_id, AddTask("a", "Again")))[0] is ErrorCode.INVALID_INPUT
    await fleet.do(commands.tasks.retry, task_id=(await fleet.task(run_id, "a")).id)
    assert (await fleet.task(run_id, "a")).status == "READY"


async def test_what_was_added_in_the_same_change_can_be_changed_and_taken_back(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a"], ["b"])
    impact = await mutate(
        fleet,
        run_id,
        AddTask("x", "X"),
        EditTask("x", title="Y", phase="phase-2", priority=7),
        AddDependency("b", "x"),
        AddTask("gone", "Gone", depends_on=["x"]),
        AddDependency("b", "gone"),
        RemoveTask("gone"),
    )
    assert [one["key"] for one in impact["added"]] == ["x"]
    assert impact["removed"] == []
    task = await fleet.task(run_id, "x")
    assert (task.title, task.priority, task.status) == ("Y", 7, "PENDING")
    assert (await needs(fleet, run_id))["b"] == {"x"}


# ---------------------------------------------------------------- removing


async def test_what_waited_for_a_removed_task_waits_no_more(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a", "c < b")
    b, c = await fleet.task(run_id, "b"), await fleet.task(run_id, "c")
    impact = await mutate(fleet, run_id, RemoveTask("b"))
    assert await fleet.statuses(run_id) == {"a": "READY", "b": "CANCELLED", "c": "READY"}
    assert (impact["removed"], impact["ready"]) == ([b.id], [c.id])
    assert (await fleet.task(run_id, "b")).waiting_for == 0
    await fleet.finish(run_id, "a", "c")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_the_last_task_of_a_phase_can_be_removed(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a"], ["b"])
    version = (await fleet.run(run_id)).version
    await mutate(fleet, run_id, RemoveTask("a"))
    assert await fleet.phases(run_id) == {"phase-1": "COMPLETED", "phase-2": "ACTIVE"}
    assert (await fleet.run(run_id)).version == version + 2  # the edit, and the phase
    await mutate(fleet, run_id, RemoveTask("b"))
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_a_task_with_a_worker_is_removed_only_together_with_it(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    for bring_up in (fleet.claim(), fleet.working(run_id, "a")):
        await bring_up
        assert await refused(fleet, run_id, RemoveTask("a")) == (
            ErrorCode.INVALID_TRANSITION,
            at(0, "removeTask", "killWorker"),
        )
    worker = str((await fleet.task(run_id, "a")).worker_id)
    impact = await mutate(fleet, run_id, RemoveTask("a", kill_worker=True))
    assert impact["killedWorkers"] == [worker]
    assert await fleet.statuses(run_id) == {"a": "CANCELLED", "b": "READY"}
    row = await fleet.worker(worker)
    assert (row.status, row.desire) == ("STOPPING", Desire.STOP)
    await fleet.exit(worker, reason=ExitReason.KILLED)
    task = await fleet.task(run_id, "a")
    assert (task.status, task.worker_id) == ("CANCELLED", None)
    await fleet.finish(run_id, "b")


async def test_what_is_done_is_not_removed(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b", "c", max_workers=1)
    await fleet.finish(run_id, "a")
    await fleet.do(commands.tasks.skip, task_id=(await fleet.task(run_id, "b")).id)
    for key in ("a", "b"):
        assert (await refused(fleet, run_id, RemoveTask(key)))[0] is ErrorCode.INVALID_TRANSITION


async def test_a_failed_task_can_be_removed(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    await fleet.fail(run_id, "a")
    await mutate(fleet, run_id, RemoveTask("a"))
    assert await fleet.statuses(run_id) == {"a": "CANCELLED", "b": "READY"}


# ---------------------------------------------------------------- dependencies


async def test_an_added_dependency_holds_back_and_a_removed_one_lets_go(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b")
    b = await fleet.task(run_id, "b")
    impact = await mutate(fleet, run_id, AddDependency("b", "a"))
    assert (impact["pending"], impact["ready"]) == ([b.id], [])
    assert await fleet.statuses(run_id) == {"a": "READY", "b": "PENDING"}
    impact = await mutate(fleet, run_id, AddDependency("b", "a"))
    assert (impact["pending"], impact["ready"]) == ([], [])
    impact = await mutate(fleet, run_id, RemoveDependency("b", "a"))
    assert impact["ready"] == [b.id]
    assert await needs(fleet, run_id) == {"a": set(), "b": set()}


async def test_a_dependency_on_what_is_done_holds_nothing_back(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b", max_workers=1)
    await fleet.finish(run_id, "a")
    await mutate(fleet, run_id, AddDependency("b", "a"))
    assert (await fleet.task(run_id, "b")).status == "READY"
    assert await needs(fleet, run_id) == {"a": set(), "b": {"a"}}


async def test_circles_are_refused_by_name(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a", "c < b")
    error = await fleet.refused(
        commands.dag.mutate,
        run_id=run_id,
        edits=[AddTask("d", "D", depends_on=["c"]), AddDependency("a", "d")],
    )
    assert error.code is ErrorCode.DAG_CYCLE
    cycle = error.details["cycle"]
    assert cycle[0] == cycle[-1]
    assert set(cycle) == {"a", "b", "c", "d"}
    assert (await refused(fleet, run_id, AddDependency("a", "a")))[0] is ErrorCode.DAG_CYCLE


async def test_a_circle_that_the_same_change_opens_again_is_none(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    await mutate(fleet, run_id, AddDependency("a", "b"), RemoveDependency("b", "a"))
    assert await fleet.statuses(run_id) == {"a": "PENDING", "b": "READY"}


async def test_unknown_keys_are_named_where_they_stand(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b", "gone")
    await mutate(fleet, run_id, RemoveTask("gone"))
    for edit, where in [
        (AddTask("x", "X", depends_on=["a", "none"]), ["addTask", "dependsOn"]),
        (AddTask("x", "X", depends_on=["gone"]), ["addTask", "dependsOn"]),
        (RemoveTask("none"), ["removeTask", "task"]),
        (RemoveTask("gone"), ["removeTask", "task"]),
        (AddDependency("none", "a"), ["addDependency", "task"]),
        (AddDependency("a", "none"), ["addDependency", "dependsOn"]),
        (RemoveDependency("none", "a"), ["removeDependency", "task"]),
        (RemoveDependency("a", "b"), ["removeDependency", "dependsOn"]),
        (EditTask("none", title="x"), ["updateTask", "task"]),
        (EditTask("a", phase="none"), ["updateTask", "phase"]),
    ]:
        assert await refused(fleet, run_id, EditTask("b", title="x"), edit) == (
            ErrorCode.NOT_FOUND,
            at(1, *where),
        )
    assert (await fleet.task(run_id, "b")).title == "Do b"


async def test_a_task_that_has_started_waits_for_nothing_new(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b", "c")
    await fleet.finish(run_id, "a")
    await fleet.working(run_id, "b")
    for key in ("a", "b"):
        assert (await refused(fleet, run_id, AddDependency(key, "c")))[0] is ErrorCode.INVALID_TRANSITION
        assert (await refused(fleet, run_id, EditTask(key, phase="phase-1")))[
            0
        ] is ErrorCode.INVALID_TRANSITION


# ---------------------------------------------------------------- phases


async def test_a_task_can_be_moved_to_a_later_phase_and_back(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a", "b"], ["c"])
    b = await fleet.task(run_id, "b")
    impact = await mutate(fleet, run_id, EditTask("b", phase="phase-2"))
    assert impact["pending"] == [b.id]
    assert [(await fleet.phase(run_id, key)).unfinished for key in ("phase-1", "phase-2")] == [1, 2]
    impact = await mutate(fleet, run_id, EditTask("b", phase="phase-1"))
    assert impact["ready"] == [b.id]
    await mutate(fleet, run_id, EditTask("b", phase="phase-2"))
    await fleet.finish(run_id, "a", "b", "c")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_moving_the_last_task_away_ends_a_phase(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a"], ["b"])
    await mutate(fleet, run_id, EditTask("a", phase="phase-2"))
    assert await fleet.phases(run_id) == {"phase-1": "COMPLETED", "phase-2": "ACTIVE"}
    assert await fleet.statuses(run_id) == {"a": "READY", "b": "READY"}


async def test_nothing_waits_for_a_later_phase(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a", "b < a"], ["c"])
    for edit in (
        AddDependency("b", "c"),
        AddTask("x", "X", depends_on=["c"]),
        EditTask("a", phase="phase-2"),
    ):
        assert (await refused(fleet, run_id, edit))[0] is ErrorCode.INVALID_INPUT
    await mutate(fleet, run_id, EditTask("a", phase="phase-2"), EditTask("b", phase="phase-2"))
    assert (await needs(fleet, run_id))["b"] == {"a"}


# ---------------------------------------------------------------- the whole


async def test_one_edit_that_cannot_be_done_undoes_all(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b")
    edits = (AddTask("x", "X"), EditTask("a", title="Y"), AddDependency("b", "x"), RemoveTask("none"))
    assert await refused(fleet, run_id, *edits) == (ErrorCode.NOT_FOUND, at(3, "removeTask", "task"))


async def test_what_is_edited_changes_and_the_rest_stays(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", description="Old", priority=3, paths=["x"], timeout_seconds=5))
    await mutate(fleet, run_id, EditTask("a", title="New", max_attempts=9, skill="s"))
    task = await fleet.task(run_id, "a")
    assert (task.title, task.max_attempts, task.skill) == ("New", 9, "s")
    assert (task.description, task.priority, task.paths, task.timeout_seconds) == ("Old", 3, ["x"], 5)


async def test_the_log_says_what_a_change_did(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b", "c")
    before = await fleet.tasks(run_id)
    await mutate(
        fleet, run_id, AddTask("x", "X"), EditTask("a", title="A"), RemoveTask("b"), AddDependency("c", "x")
    )
    (event,) = await fleet.events(EventKind.DAG_MUTATED)
    after = await fleet.tasks(run_id)
    assert event.data == {
        "version": (await fleet.run(run_id)).version,
        "added": [after["x"].id],
        "changed": sorted([before["a"].id, before["c"].id]),
        "removed": [before["b"].id],
    }


async def test_a_paused_run_can_be_edited(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    await fleet.do(commands.runs.pause, run_id=run_id, mode=Urgency.DRAIN)
    await mutate(fleet, run_id, AddTask("b", "B", depends_on=["a"]), RemoveTask("a"))
    assert (await fleet.run(run_id)).status == RunStatus.PAUSED
    await fleet.do(commands.runs.resume, run_id=run_id)
    await fleet.finish(run_id, "b")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_a_failed_run_can_be_edited_and_goes_on_by_a_retry(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    await fleet.fail(run_id, "a")
    await mutate(fleet, run_id, AddTask("fix", "Fix"), AddDependency("b", "fix"))
    assert (await fleet.run(run_id)).status == RunStatus.FAILED
    assert await fleet.claim() == []
    await fleet.do(commands.runs.retry, run_id=run_id)
    await fleet.finish(run_id, "a", "fix", "b")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_a_run_can_be_edited_before_it_starts(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", start=False)
    await mutate(fleet, run_id, AddTask("b", "B"), AddDependency("a", "b"))
    assert await fleet.statuses(run_id) == {"a": "PENDING", "b": "PENDING"}
    await fleet.do(commands.runs.start, run_id=run_id)
    assert await fleet.statuses(run_id) == {"a": "PENDING", "b": "READY"}


async def test_a_blocked_run_goes_on_when_an_edit_lets_it(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", runtime=None)
    assert (await fleet.run(run_id)).status == RunStatus.BLOCKED
    await mutate(fleet, run_id, EditTask("a", runtime=COMMAND))
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE


@pytest.mark.parametrize("way", ["completed", "stopping"])
async def test_what_has_ended_is_not_edited(fleet: Fleet, way: str) -> None:
    run_id = await fleet.a_run("a")
    await fleet.working(run_id, "a")
    if way == "completed":
        await fleet.finish(run_id, "a")
    else:
        await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.DRAIN)
    error = await fleet.refused(commands.dag.mutate, run_id=run_id, edits=[])
    assert error.code is ErrorCode.INVALID_TRANSITION

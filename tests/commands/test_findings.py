"""Tick-boxes and documents under a task."""

import asyncio
from typing import Any

import pytest

from app import commands, store
from app.domain import limits
from app.domain.access import Role
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.plans import PlanStatus, PlanSubtask
from app.domain.runs import Urgency
from app.store.tables import SubtaskRow
from tests.factories import a_task, an_actor
from tests.fleet import Fleet


async def boxes(fleet: Fleet, task_id: str) -> list[SubtaskRow]:
    found = await fleet.db.read(store.subtasks.of_tasks, [task_id])
    return list(found[task_id])


async def a_task_of(fleet: Fleet, run_id: str | None = None, key: str = "task") -> str:
    return (await fleet.task(run_id or await fleet.a_run(), key)).id


async def test_a_new_box_stands_behind_those_of_the_plan(fleet: Fleet) -> None:
    planned = [PlanSubtask("One", PlanStatus.DONE), PlanSubtask("Two")]
    task_id = await a_task_of(fleet, await fleet.a_run(a_task("a", subtasks=planned)), "a")
    made = await fleet.do(commands.subtasks.create, task_id=task_id, title="Three")
    found = await boxes(fleet, task_id)
    assert [(box.title, box.completed) for box in found] == [("One", True), ("Two", False), ("Three", False)]
    assert made.refs == {"task": task_id, "subtask": found[2].id}


async def test_a_box_is_ticked_renamed_and_taken_away_and_the_log_tells(fleet: Fleet) -> None:
    task_id = await a_task_of(fleet)
    box = (await fleet.do(commands.subtasks.create, task_id=task_id, title="Look")).refs["subtask"]
    await fleet.do(commands.subtasks.update, subtask_id=box, completed=True)
    await fleet.do(commands.subtasks.update, subtask_id=box, title="Look twice")
    (found,) = await boxes(fleet, task_id)
    assert (found.title, found.completed) == ("Look twice", True)
    await fleet.do(commands.subtasks.update, subtask_id=box, completed=False)
    gone = await fleet.do(commands.subtasks.delete, subtask_id=box)
    assert gone.refs["was"] == {"title": "Look twice", "completed": False}
    assert await boxes(fleet, task_id) == []
    told = await fleet.events(EventKind.SUBTASK_CHANGED)
    assert {event.task_id for event in told} == {task_id}
    assert [(event.data["change"], event.data["title"], event.data["completed"]) for event in told] == [
        ("CREATED", "Look", False),
        ("UPDATED", "Look", True),
        ("UPDATED", "Look twice", True),
        ("UPDATED", "Look twice", False),
        ("DELETED", "Look twice", False),
    ]
    assert (await fleet.refused(commands.subtasks.delete, subtask_id=box)).code is ErrorCode.NOT_FOUND


async def test_a_finding_stays_with_who_left_it_and_when(fleet: Fleet) -> None:
    task_id = await a_task_of(fleet)
    for title in ("First", "Second"):
        await fleet.do(commands.findings.add, task_id=task_id, title=title, content="# It\n\nIs.")
        fleet.clock.advance(seconds=1)
    found = (await fleet.db.read(store.findings.of_tasks, [task_id]))[task_id]
    assert [(one.title, one.content, one.actor) for one in found] == [
        ("First", "# It\n\nIs.", "olga"),
        ("Second", "# It\n\nIs.", "olga"),
    ]
    assert (found[1].at - found[0].at).total_seconds() == 1
    told = await fleet.events(EventKind.FINDING_ADDED)
    assert [(event.task_id, event.data["finding"]) for event in told] == [(task_id, one.id) for one in found]


async def test_neither_moves_the_version_nor_the_status(fleet: Fleet) -> None:
    run_id = await fleet.a_run()
    task_id = await a_task_of(fleet, run_id)
    before = await fleet.run(run_id)
    fleet.clock.advance(seconds=5)
    await fleet.do(commands.subtasks.create, task_id=task_id, title="Look")
    await fleet.do(commands.findings.add, task_id=task_id, title="Seen", content="Nothing.")
    after = await fleet.run(run_id)
    assert (after.version, after.status) == (before.version, before.status)
    assert after.last_activity_at == fleet.clock()


@pytest.mark.parametrize("limit", ["SUBTASKS", "FINDINGS"])
async def test_a_task_has_only_so_many(fleet: Fleet, monkeypatch: Any, limit: str) -> None:
    monkeypatch.setattr(limits, limit, 2)
    task_id = await a_task_of(fleet)
    add, arguments = (
        (commands.subtasks.create, {})
        if limit == "SUBTASKS"
        else (commands.findings.add, {"content": "Nothing."})
    )
    for _ in range(2):
        await fleet.do(add, task_id=task_id, title="One", **arguments)
    refused = await fleet.refused(add, task_id=task_id, title="One", **arguments)
    assert refused.code is ErrorCode.LIMIT_EXCEEDED


async def test_an_archived_run_stays_as_it_is(fleet: Fleet) -> None:
    run_id = await fleet.a_run()
    task_id = await a_task_of(fleet, run_id)
    box = (await fleet.do(commands.subtasks.create, task_id=task_id, title="Look")).refs["subtask"]
    await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.NOW)
    await fleet.do(commands.findings.add, task_id=task_id, title="Seen", content="It was stopped.")
    await fleet.do(commands.runs.archive, run_id=run_id)
    changes: list[tuple[Any, dict[str, Any]]] = [
        (commands.subtasks.create, {"task_id": task_id, "title": "More"}),
        (commands.subtasks.update, {"subtask_id": box, "completed": True}),
        (commands.subtasks.delete, {"subtask_id": box}),
        (commands.findings.add, {"task_id": task_id, "title": "Late", "content": "Too late."}),
    ]
    for change, arguments in changes:
        assert (await fleet.refused(change, **arguments)).code is ErrorCode.INVALID_TRANSITION


async def test_a_worker_notes_under_its_own_task_alone(fleet: Fleet) -> None:
    run_id = await fleet.a_run("mine", "theirs")
    worker = await fleet.worker(await fleet.working(run_id, "mine"))
    await fleet.working(run_id, "theirs")
    run = await fleet.run(run_id)
    agent = an_actor(Role.WORKER, project_id=run.project_id, run_id=run_id, worker_id=worker.id, fence=1)
    mine, theirs = [await a_task_of(fleet, run_id, key) for key in ("mine", "theirs")]
    box = (await fleet.do(commands.subtasks.create, by=agent, task_id=mine, title="Look")).refs["subtask"]
    await fleet.do(commands.subtasks.update, by=agent, subtask_id=box, completed=True)
    await fleet.do(commands.findings.add, by=agent, task_id=mine, title="Seen", content="Nothing.")
    refused = await fleet.refused(commands.findings.add, by=agent, task_id=theirs, title="No", content="No.")
    assert refused.code is ErrorCode.FORBIDDEN
    assert await boxes(fleet, theirs) == []


async def test_boxes_made_at_once_all_get_a_place_of_their_own(fleet: Fleet) -> None:
    task_id = await a_task_of(fleet)
    await asyncio.gather(
        *(fleet.do(commands.subtasks.create, task_id=task_id, title=f"Box {n}") for n in range(12))
    )
    assert [box.ordinal for box in await boxes(fleet, task_id)] == list(range(1, 13))


async def test_of_two_that_take_a_box_away_one_finds_nothing(fleet: Fleet) -> None:
    task_id = await a_task_of(fleet)
    box = (await fleet.do(commands.subtasks.create, task_id=task_id, title="Look")).refs["subtask"]
    outcomes = await asyncio.gather(
        *(fleet.do(commands.subtasks.delete, subtask_id=box) for _ in range(5)), return_exceptions=True
    )
    refusals = [one for one in outcomes if isinstance(one, AppError)]
    assert len(refusals) == 4
    assert {one.code for one in refusals} == {ErrorCode.NOT_FOUND}
    assert len(await fleet.events(EventKind.SUBTASK_CHANGED)) == 2

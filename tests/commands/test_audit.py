"""What is recorded of every request, and what the same request gets when it comes again."""

from typing import Any

import pytest
from sqlmodel import func, select

from app import commands
from app.commands.audit import Change, Request
from app.domain import limits
from app.domain.access import Actor, Role
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.runs import RunStatus, Urgency
from app.store.db import Tx
from app.store.tables import ProjectRow
from tests.factories import OPERATOR, an_actor
from tests.fleet import Fleet, request

Receipt = commands.audit.Receipt


async def projects(fleet: Fleet) -> int:
    return await fleet.db.read(lambda tx: tx.session.exec(select(func.count()).select_from(ProjectRow)).one())


async def create(fleet: Fleet, name: str = "one", key: str | None = "k", by: Actor = OPERATOR) -> Receipt:
    return await fleet.do(commands.projects.create, by=by, key=key, name=name, root=f"/{name}")


async def reject(fleet: Fleet, error: AppError, **more: Any) -> str:
    wanted = Request("pauseRun", OPERATOR, more, "because", more.get("key"))
    return await fleet.db.write(commands.audit.reject, wanted, error)


# ---------------------------------------------------------------- the record


async def test_a_command_says_who_did_what_to_what_and_why(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    task = await fleet.task(run_id, "a")
    receipt = await fleet.do(commands.tasks.block, because="too early", task_id=task.id)
    command = await fleet.command(receipt)
    assert (command.verb, command.actor, command.actor_id, command.reason) == (
        "blockTask",
        "olga",
        "tok_operator",
        "too early",
    )
    assert (command.status, command.run_id, command.task_id) == ("EFFECTIVE", run_id, task.id)
    assert command.project_id == (await fleet.run(run_id)).project_id
    assert (command.at, command.error, command.result) == (fleet.clock(), None, {"task": task.id})
    event = (await fleet.events(EventKind.COMMAND_CHANGED))[-1]
    assert event.data == {"command": command.id, "status": "EFFECTIVE"}
    assert (event.actor, event.run_id, event.task_id) == ("olga", run_id, task.id)


async def test_everything_a_command_causes_is_told_in_its_actors_name(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    before = len(await fleet.events())
    await fleet.do(
        commands.tasks.skip, by=an_actor(id="t", project_id=None), task_id=(await fleet.task(run_id, "a")).id
    )
    told = (await fleet.events())[before:]
    assert {event.actor for event in told} == {"operator"}
    assert [event.kind for event in told] == [
        "TaskStatusChanged",
        "RunStatusChanged",
        "SupervisorStateChanged",
        "RunStatusChanged",
        "CommandChanged",
    ]


async def test_a_refusal_is_recorded_and_nothing_else_has_changed(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    before = (await fleet.run(run_id)).model_dump()
    error = await fleet.refused(commands.runs.resume, run_id=run_id)
    command_id = await reject(fleet, error, runId=run_id)
    command = await fleet.db.read(commands.audit.store.commands.get, command_id)
    assert (command.status, command.error_code, command.error) == (
        "REJECTED",
        "INVALID_TRANSITION",
        error.message,
    )
    assert (command.run_id, command.reason, command.project_id) == (run_id, "because", before["project_id"])
    assert (await fleet.run(run_id)).model_dump() == before


async def test_a_refusal_about_what_the_caller_may_not_see_is_recorded_without_it(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    stranger = an_actor(project_id=await fleet.a_project("other"))
    wanted = Request("pauseRun", stranger, {"runId": run_id})
    error = AppError(ErrorCode.NOT_FOUND, "There is no run.")
    command_id = await fleet.db.write(commands.audit.reject, wanted, error)
    command = await fleet.db.read(commands.audit.store.commands.get, command_id)
    assert (command.run_id, command.project_id) == (None, stranger.project_id)


async def test_a_rehearsal_leaves_no_record(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    before = len(await fleet.all_commands()), len(await fleet.events())
    receipt = await fleet.db.rehearse(
        commands.audit.rehearse,
        OPERATOR,
        commands.dag.mutate,
        run_id=run_id,
        edits=[commands.dag.RemoveTask("a")],
    )
    assert receipt.command_id == ""
    assert receipt.refs["impact"]["removed"] == [(await fleet.task(run_id, "a")).id]
    assert (len(await fleet.all_commands()), len(await fleet.events())) == before
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE


# ---------------------------------------------------------------- idempotency


async def test_the_same_request_gets_the_same_answer_and_is_done_once(fleet: Fleet) -> None:
    first = await create(fleet)
    facts = len(await fleet.events())
    fleet.clock.advance(days=1)
    assert await create(fleet) == first
    assert await projects(fleet) == 1
    assert len(await fleet.events()) == facts


async def test_an_answer_stays_what_it_was_when_the_world_has_moved_on(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    task = await fleet.task(run_id, "a")
    first = await fleet.do(commands.tasks.block, key="k", task_id=task.id)
    await fleet.do(commands.tasks.unblock, task_id=task.id)
    assert await fleet.do(commands.tasks.block, key="k", task_id=task.id) == first
    assert (await fleet.task(run_id, "a")).status == "READY"


async def test_a_key_is_good_for_one_input(fleet: Fleet) -> None:
    await create(fleet, "one")
    with pytest.raises(AppError) as refused:
        await create(fleet, "other")
    assert refused.value.code is ErrorCode.IDEMPOTENCY_MISMATCH
    assert refused.value.path == ["input", "idempotencyKey"]
    assert await projects(fleet) == 1


async def test_a_key_belongs_to_one_actor_and_one_verb(fleet: Fleet) -> None:
    await create(fleet, "one")
    await create(fleet, "two", by=an_actor(id="tok_other"))
    assert await projects(fleet) == 2
    await fleet.do(commands.pipeline.pause, key="k")
    await fleet.do(commands.pipeline.resume, key="k")


async def test_without_a_key_everything_is_done_every_time(fleet: Fleet) -> None:
    task = await fleet.task(await fleet.a_run("a"), "a")
    made = [await fleet.do(commands.subtasks.create, task_id=task.id, title="Look around") for _ in range(2)]
    assert len({receipt.refs["subtask"] for receipt in made}) == 2


async def test_a_refusal_uses_up_no_key(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    error = await fleet.refused(commands.runs.resume, key="k", run_id=run_id)
    await reject(fleet, error, runId=run_id, key="k")
    await fleet.do(commands.runs.pause, run_id=run_id, mode=Urgency.DRAIN)
    await fleet.do(commands.runs.resume, key="k", run_id=run_id)
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE


@pytest.mark.parametrize("key", ["", " ", "a\nb", "a\0b", "\ud800", "x" * (limits.IDEMPOTENCY_KEY + 1)])
async def test_a_key_is_one_line_of_text(fleet: Fleet, key: str) -> None:
    with pytest.raises(AppError) as refused:
        await create(fleet, key=key)
    assert refused.value.code in (ErrorCode.INVALID_INPUT, ErrorCode.LIMIT_EXCEEDED)
    assert await projects(fleet) == 0


def test_what_makes_two_inputs_the_same() -> None:
    def digest(**values: Any) -> str:
        return Request("v", OPERATOR, values).digest()

    assert digest(a=1, b={"c": [1, 2]}) == digest(b={"c": [1, 2]}, a=1, idempotencyKey="k")
    different = [{"a": 1}, {"a": "1"}, {"a": None}, {}, {"a": [1]}, {"A": 1}, {"a": 1, "b": None}]
    assert len({digest(**one) for one in different}) == len(different)


# ---------------------------------------------------------------- tokens for one run or one worker


async def test_a_token_for_one_run_reaches_no_other(fleet: Fleet) -> None:
    own, other = await fleet.a_run("a"), await fleet.a_run("a")
    actor = an_actor(Role.ORCHESTRATOR, run_id=own, project_id=(await fleet.run(own)).project_id)
    await fleet.do(commands.runs.configure, by=actor, run_id=own, max_workers=2)
    before = (await fleet.run(other)).model_dump()
    refused = await fleet.refused(commands.runs.configure, by=actor, run_id=other, max_workers=2)
    assert refused.code is ErrorCode.NOT_FOUND
    assert (await fleet.run(other)).model_dump() == before
    assert (await fleet.refused(commands.pipeline.pause, by=actor)).code is ErrorCode.NOT_FOUND


async def test_a_token_for_one_worker_reaches_no_other(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b")
    own, other = [await fleet.working(run_id, key) for key in ("a", "b")]
    project_id = (await fleet.run(run_id)).project_id
    actor = an_actor(Role.WORKER, run_id=run_id, worker_id=own, project_id=project_id)
    await fleet.do(commands.workers.report_progress, by=actor, worker_id=own, progress=1)
    task = await fleet.task(run_id, "b")
    for change, arguments in [
        (commands.workers.report_progress, {"worker_id": other, "progress": 1}),
        (commands.tasks.complete, {"task_id": task.id}),
        (commands.runs.configure, {"run_id": run_id, "max_workers": 9}),
    ]:
        assert (await fleet.refused(change, by=actor, **arguments)).code is ErrorCode.FORBIDDEN
    assert (await fleet.task(run_id, "b")).status == "RUNNING"
    await fleet.do(commands.tasks.complete, by=actor, task_id=(await fleet.task(run_id, "a")).id)


async def test_a_change_that_goes_too_far_leaves_nothing_behind_even_in_a_rehearsal(fleet: Fleet) -> None:
    own, other = await fleet.a_run("a"), await fleet.a_run("a")
    actor = an_actor(Role.ORCHESTRATOR, run_id=own)
    with pytest.raises(AppError) as refused:
        await fleet.db.rehearse(commands.audit.rehearse, actor, commands.dag.mutate, run_id=other, edits=[])
    assert refused.value.code is ErrorCode.NOT_FOUND


async def test_whatever_a_command_raises_leaves_neither_change_nor_record(fleet: Fleet) -> None:
    def broken(tx: Tx) -> Change:
        commands.projects.create(tx, name="lost", root="/")
        raise ZeroDivisionError

    before = len(await fleet.all_commands())
    with pytest.raises(ZeroDivisionError):
        await fleet.db.write(commands.audit.perform, request(broken, OPERATOR, "k", None, {}), broken)
    assert await projects(fleet) == 0
    assert len(await fleet.all_commands()) == before

"""What becomes of a question when the attempt that asked it ends."""

import pytest

from app import commands
from app.domain.access import Role
from app.domain.events import EventKind
from app.domain.runs import RunStatus, Urgency
from app.domain.supervisors import SupervisorState
from app.domain.workers import ExitReason
from tests.factories import a_task, an_actor
from tests.fleet import Fleet


async def answer(fleet: Fleet, item: str, value: str = "yes") -> None:
    await fleet.do(commands.attention.answer, item_id=item, answer=value)


async def lose(fleet: Fleet, run_id: str, key: str) -> None:
    task = await fleet.task(run_id, key)
    await fleet.db.write(
        commands.reports.lose, worker_id=str(task.worker_id), fence=task.attempts, reason="It was silent."
    )
    fleet.clock.advance(minutes=1)


async def test_a_restored_attempt_gets_the_answer_already_given(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=3))
    item = await fleet.asking(run_id, "a")
    await answer(fleet, item, "that")
    await lose(fleet, run_id, "a")
    assert await fleet.asking(run_id, "a") == item
    task = await fleet.task(run_id, "a")
    assert task.status == "RUNNING"
    assert (await fleet.run(run_id)).open_attention == 0


async def test_a_restored_attempt_joins_the_question_that_is_still_open(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=3))
    item = await fleet.asking(run_id, "a")
    await lose(fleet, run_id, "a")
    assert (await fleet.item(item)).status == "OPEN"
    assert (await fleet.task(run_id, "a")).status == "READY"
    assert await fleet.asking(run_id, "a") == item
    await answer(fleet, item)
    assert (await fleet.task(run_id, "a")).status == "RUNNING"


async def test_an_answer_between_two_attempts_is_there_for_the_next(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=3))
    item = await fleet.asking(run_id, "a")
    await lose(fleet, run_id, "a")
    await answer(fleet, item, "that")
    assert await fleet.asking(run_id, "a") == item
    assert (await fleet.task(run_id, "a")).status == "RUNNING"


async def test_another_task_does_not_get_the_answer_of_a_settled_question(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b")
    item = await fleet.asking(run_id, "a")
    await answer(fleet, item)
    assert await fleet.asking(run_id, "b") != item


# ---------------------------------------------------------------- askers that are over


async def test_a_question_is_dismissed_when_its_asker_ends(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b")
    item = await fleet.asking(run_id, "a")
    await fleet.exit(str((await fleet.task(run_id, "a")).worker_id))
    assert (await fleet.item(item)).status == "DISMISSED"
    assert (await fleet.run(run_id)).open_attention == 0


async def test_a_question_of_two_stays_open_for_the_other(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b")
    item = await fleet.asking(run_id, "a")
    await fleet.asking(run_id, "b")
    await fleet.exit(str((await fleet.task(run_id, "a")).worker_id))
    assert (await fleet.item(item)).status == "OPEN"
    await answer(fleet, item)
    assert (await fleet.task(run_id, "b")).status == "RUNNING"


async def test_a_question_of_an_attempt_that_was_lost_goes_with_the_task(fleet: Fleet) -> None:
    """The attempt after it never asked: when that one is done, nobody waits for the answer any more."""
    run_id = await fleet.a_run(a_task("a", max_attempts=2), "b < a")
    item = await fleet.asking(run_id, "a")
    await lose(fleet, run_id, "a")
    assert (await fleet.item(item)).status == "OPEN"
    await fleet.finish(run_id, "a")
    assert (await fleet.item(item)).status == "DISMISSED"


@pytest.mark.parametrize("way", ["skip", "remove", "stop"])
async def test_a_question_of_a_task_that_is_taken_away_goes_with_it(fleet: Fleet, way: str) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2), "b")
    item = await fleet.asking(run_id, "a")
    await lose(fleet, run_id, "a")
    task = await fleet.task(run_id, "a")
    if way == "skip":
        await fleet.do(commands.tasks.skip, task_id=task.id)
    elif way == "remove":
        await fleet.do(commands.dag.mutate, run_id=run_id, edits=[commands.dag.RemoveTask("a")])
    else:
        await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.NOW)
    assert (await fleet.item(item)).status == "DISMISSED"


@pytest.mark.parametrize("end", ["completed", "cancelled", "archived"])
async def test_a_question_of_the_agent_that_looks_after_a_run_goes_with_the_run(
    fleet: Fleet, end: str
) -> None:
    """It would stay in everybody's list for ever, and be answered after the end of its run."""
    run_id = await fleet.a_run("a", "b")
    by = an_actor(Role.ORCHESTRATOR, run_id=run_id)
    await fleet.db.write(commands.supervisors.beat, actor=by, run_id=run_id, state=SupervisorState.WORKING)
    asked = await fleet.do(commands.attention.ask, by=by, run_id=run_id, question="And then?")
    await fleet.finish(run_id, "a")
    if end == "cancelled":
        await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.NOW)
        await fleet.exit((await fleet.live(run_id))[0].id)
    elif end == "completed":
        await fleet.finish(run_id, "b")
    else:
        await fleet.fail(run_id, "b")
        assert (await fleet.item(str(asked.refs["item"]))).status == "OPEN", "the run may go on"
        await fleet.do(commands.runs.archive, run_id=run_id)
    assert (await fleet.run(run_id)).status == end.upper()
    assert (await fleet.item(str(asked.refs["item"]))).status == "DISMISSED"
    of_run = [event.kind for event in await fleet.events() if event.kind != EventKind.COMMAND_CHANGED]
    assert of_run[-1] == EventKind.RUN_STATUS_CHANGED


async def test_a_killed_worker_waits_for_no_answer(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    item = await fleet.asking(run_id, "a")
    worker = str((await fleet.task(run_id, "a")).worker_id)
    await fleet.do(commands.workers.kill, worker_id=worker)
    assert (await fleet.item(item)).status == "OPEN"
    await fleet.exit(worker, reason=ExitReason.KILLED)
    assert (await fleet.item(item)).status == "DISMISSED"
    assert (await fleet.run(run_id)).status == RunStatus.FAILED

"""What looks after a run: the built-in supervisor stands as its run does."""

from typing import Any

import pytest

from app import commands, store
from app.commands import supervision
from app.domain.events import EventKind
from app.domain.runs import RunStatus, Urgency
from app.domain.supervisors import BUILT_IN, SupervisorState
from tests.fleet import Fleet
from tests.invariants import check

S = SupervisorState


async def told(fleet: Fleet, run: str) -> list[str]:
    """The states that the log tells of, in order."""
    events = await fleet.events(EventKind.SUPERVISOR_STATE_CHANGED)
    return [event.data["new"] for event in events if event.run_id == run]


async def test_the_built_in_one_stands_as_its_run_does(fleet: Fleet) -> None:
    run = await fleet.a_run("a", "b < a", start=False)
    assert (await fleet.supervisor(run)).state == S.INITIALIZING
    await fleet.do(commands.runs.start, run_id=run)
    item = await fleet.asking(run, "a")
    assert (await fleet.supervisor(run)).state == S.WAITING_FOR_USER
    await fleet.do(commands.attention.answer, item_id=item, answer="so")
    await fleet.do(commands.runs.pause, run_id=run, mode=Urgency.DRAIN)
    assert (await fleet.supervisor(run)).state == S.WAITING_FOR_TASKS
    await fleet.finish(run, "a")
    assert (await fleet.supervisor(run)).state == S.IDLE
    await fleet.do(commands.runs.resume, run_id=run)
    await fleet.fail(run, "b")
    assert (await fleet.supervisor(run)).state == S.FAILED
    await fleet.do(commands.runs.retry, run_id=run)
    await fleet.finish(run, "b")
    await fleet.do(commands.runs.archive, run_id=run)
    assert await told(fleet, run) == [
        S.INITIALIZING,
        S.WORKING,
        S.WAITING_FOR_USER,
        S.WORKING,
        S.WAITING_FOR_TASKS,
        S.IDLE,
        S.WORKING,
        S.FAILED,
        S.INITIALIZING,
        S.WORKING,
        S.COMPLETED,
    ]


async def test_it_is_interrupted_with_its_run(fleet: Fleet) -> None:
    run = await fleet.a_run("a")
    await fleet.do(commands.runs.stop, run_id=run, mode=Urgency.NOW)
    assert (await fleet.supervisor(run)).state == S.INTERRUPTED


async def test_nothing_is_told_or_read_while_a_run_stays_as_it_is(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await fleet.a_run("a", "b < a", "c < b")
    before = await told(fleet, run)

    def read(*_: Any) -> None:
        raise AssertionError("the supervisor was read")

    monkeypatch.setattr(store.supervisors, "of_run", read)
    await fleet.finish(run, "a", "b")
    assert await told(fleet, run) == before


async def test_one_that_forgets_a_status_is_noticed(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The story and the rows are compared after every test of commands: here that comparison is looked at."""
    monkeypatch.setattr(supervision, "BUILT_IN", {**BUILT_IN, RunStatus.PAUSED: None})
    run = await fleet.a_run("a")
    await fleet.do(commands.runs.pause, run_id=run, mode=Urgency.DRAIN)
    with pytest.raises(AssertionError, match="but its supervisor"):
        await fleet.db.read(check)
    monkeypatch.undo()
    await fleet.do(commands.runs.resume, run_id=run)

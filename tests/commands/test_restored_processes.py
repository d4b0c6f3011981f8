"""A new process in the place of one that died: what it is told in its prompt, and what the dead one may still do."""

import pytest

from app import commands, store
from app.domain.access import Actor
from app.domain.events import EventKind
from tests.commands.supervising import SPAWN, heartbeat, steps
from tests.commands.supervising_processes import a_run, actor_of, die, process
from tests.conftest import Clock
from tests.fleet import Fleet


async def heard_process(fleet: Fleet, run: str) -> Actor:
    """The process that looks after a run, once it has said what it keeps in mind."""
    actor = await actor_of(fleet, await process(fleet, run))
    await heartbeat(fleet, run, actor, memo="Red.")
    assert actor is not None
    return actor


async def dies(fleet: Fleet, clock: Clock, run: str) -> None:
    """And the next one is due."""
    await die(fleet, clock, run)
    clock.advance(minutes=1)


async def test_a_new_process_is_told_in_its_prompt_where_the_one_before_left_off(
    fleet: Fleet, clock: Clock
) -> None:
    run = await a_run(fleet)
    await heard_process(fleet, run)
    assert await fleet.events(EventKind.SUPERVISOR_RESTORED) == []
    await dies(fleet, clock, run)
    await fleet.claim()
    worker = await fleet.worker(str((await fleet.supervisor(run)).worker_id))
    assert "# Look after the run" in worker.prompt
    assert "## Your notes\n\nRed." in worker.prompt
    found = await steps(fleet, run)
    assert list(found) == ["STATE_LOADED", "CONVERSATION_RESTORED", "CONTEXT_HANDED_OVER"]
    assert found["CONTEXT_HANDED_OVER"] == "In its prompt."
    await heard_process(fleet, run)
    assert list(await steps(fleet, run))[-1] == "RESUMED"


async def test_what_a_process_has_sent_before_it_died_does_nothing_afterwards(
    fleet: Fleet, clock: Clock
) -> None:
    """Its successor could not know of it, and would do it again."""
    run = await a_run(fleet)
    agent = await heard_process(fleet, run)
    spawning = {"run_id": run, **SPAWN, "key": "scout"}
    await dies(fleet, clock, run)
    assert (await fleet.refused(commands.workers.spawn, by=agent, **spawning)).code == "SUPERVISOR_DEAD"
    await fleet.claim()
    assert (await fleet.refused(commands.workers.spawn, by=agent, **spawning)).code == "SUPERVISOR_DEAD"
    successor = await heard_process(fleet, run)
    await fleet.do(commands.workers.spawn, by=successor, **spawning)


async def test_what_a_process_waits_for_outlives_it(fleet: Fleet, clock: Clock) -> None:
    run = await a_run(fleet)
    agent = await heard_process(fleet, run)
    worker = (await fleet.supervisor(run)).worker_id
    question = {"run_id": run, "question": "Which colour?"}
    done = await fleet.do(commands.attention.ask, by=agent, worker_id=worker, **question)
    await dies(fleet, clock, run)
    assert (await fleet.item(done.refs["item"])).status == "OPEN"
    await fleet.do(commands.attention.answer, item_id=done.refs["item"], answer="red")
    await fleet.claim()
    successor = await heard_process(fleet, run)
    worker = (await fleet.supervisor(run)).worker_id
    again = await fleet.do(commands.attention.ask, by=successor, worker_id=worker, **question)
    assert again.refs == done.refs


async def test_a_door_that_stays_open_for_the_dead_is_noticed(
    fleet: Fleet, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.tokens, "is_process", lambda _: False)
    with pytest.raises(AssertionError, match="was not refused"):
        await test_what_a_process_has_sent_before_it_died_does_nothing_afterwards(fleet, clock)

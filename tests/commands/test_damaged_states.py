"""What is saved of an agent and was damaged since: the last good state is gone on from, or it starts fresh."""

from typing import Any

import pytest

from app import store
from app.commands import saved_states
from app.domain.saved_states import SavePoint
from app.store.db import Tx
from tests.commands.supervising import beat, configure, looked_after, restart, spoil, steps, told
from tests.conftest import Clock
from tests.fleet import Fleet


async def two_checkpoints(fleet: Fleet) -> tuple[str, int]:
    """A run, and the number of the newer state."""
    run = await looked_after(fleet, memo="Older.")
    task = (await fleet.task(run, "a")).id
    await beat(fleet, run, memo="Newer.", pending_tasks=[task])
    return run, 2


DAMAGE = {
    "altered": "UPDATE saved_state SET body = digest WHERE n = :n",
    "cut": "UPDATE saved_state SET body = substr(body, 1, 20) WHERE n = :n",
    "emptied": "UPDATE saved_state SET body = substr(body, 1, 0) WHERE n = :n",
    "digest": "UPDATE saved_state SET digest = body WHERE n = :n",
    "renumbered": "UPDATE saved_state SET n = 9 WHERE n = :n",
    "swapped": "UPDATE saved_state SET body = (SELECT body FROM saved_state WHERE n = 1),"
    " digest = (SELECT digest FROM saved_state WHERE n = 1) WHERE n = :n",
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_the_last_good_checkpoint_is_gone_on_from(fleet: Fleet, damage: str) -> None:
    run, n = await two_checkpoints(fleet)
    await spoil(fleet, DAMAGE[damage], n=n)
    await restart(fleet, run)
    found = await steps(fleet, run)
    assert list(found) == ["STATE_LOADED", "CHECKPOINT_TAKEN", "CONVERSATION_RESTORED"]
    assert str(found["CHECKPOINT_TAKEN"]).startswith("State ")
    assert "Older." in (await told(fleet, run)).context
    await spoil(fleet, "UPDATE saved_state SET n = :n WHERE n = 9", n=n)
    assert (await beat(fleet, run)).restored is not None
    await configure(fleet, run)


async def test_text_where_bytes_should_be_is_damage_too(own_sqlite_db: Any, clock: Clock) -> None:
    """SQLite keeps in a column whatever it is given."""
    fleet = Fleet(own_sqlite_db, clock)
    run, n = await two_checkpoints(fleet)
    for nonsense in ("'text'", "17", "CAST(X'FFFE' AS TEXT)"):
        await spoil(fleet, f"UPDATE saved_state SET body = {nonsense}, digest = {nonsense} WHERE n = :n", n=n)
        await restart(fleet, run)
        assert "Older." in (await told(fleet, run)).context


async def test_what_waits_for_tasks_that_are_gone_is_passed_over(fleet: Fleet) -> None:
    run, _ = await two_checkpoints(fleet)
    other = await fleet.a_run("x")
    stranger = (await fleet.task(other, "x")).id
    await fleet.db.write(_wait_for, run, [stranger])
    await restart(fleet, run)
    assert (await steps(fleet, run))["CHECKPOINT_TAKEN"] == "State 3 waits for tasks that are not there."
    await beat(fleet, run)


@pytest.mark.parametrize("gone", [1, 2])
async def test_a_state_that_was_deleted_is_no_hindrance_to_the_next(fleet: Fleet, gone: int) -> None:
    run, _ = await two_checkpoints(fleet)
    await spoil(fleet, "DELETE FROM saved_state WHERE n = :n", n=gone)
    for number in range(3, 9):
        await beat(fleet, run, memo=f"Note {number}.")
    await restart(fleet, run)
    assert "Note 8." in (await told(fleet, run)).context
    await beat(fleet, run)


def _wait_for(tx: Tx, run_id: str, tasks: list[str]) -> None:
    """Past the rules of a heartbeat."""
    run, row = store.runs.get(tx, run_id), store.supervisors.of_run(tx, run_id)
    row.pending_tasks = tasks
    saved_states.save(tx, run, row, SavePoint.RESPONSE)


async def test_where_all_is_damaged_it_starts_fresh_and_saves_anew(fleet: Fleet) -> None:
    run, _ = await two_checkpoints(fleet)
    await spoil(fleet, "UPDATE saved_state SET body = digest")
    await restart(fleet, run)
    found = await steps(fleet, run)
    assert list(found) == ["STATE_LOADED", "STARTED_FRESH"]
    assert found["STARTED_FRESH"] == (
        "State 2 was altered after it was written. State 1 was altered after it was written."
    )
    await beat(fleet, run, memo="Anew.")
    await restart(fleet, run)
    assert "Anew." in (await told(fleet, run)).context
    assert list(await steps(fleet, run)) == ["STATE_LOADED", "CONVERSATION_RESTORED"]
    await beat(fleet, run)

"""Each duty, done once, with a clock that is moved."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from app import commands, store
from app.domain.access import Role
from app.engine import attention, heartbeats, pruning, restoration, scheduling
from tests.conftest import Clock
from tests.engine.recording import RecordingDispatch
from tests.factories import COMMAND, a_task
from tests.fleet import HOST, Fleet

KEY = b"k" * 32
PATIENCE = timedelta(seconds=60)


async def schedule(fleet: Fleet, dispatch: RecordingDispatch, slots: int = 100) -> int:
    lease = await fleet.lead(slots=slots)
    return await scheduling.run_once(fleet.db, dispatch, KEY, host_id=HOST, lease=lease)


async def look_after(fleet: Fleet, dispatch: RecordingDispatch, ready_since: float = -1e6) -> int:
    return await heartbeats.run_once(
        fleet.db,
        dispatch,
        KEY,
        host_id=HOST,
        ready_since=fleet.clock() + timedelta(seconds=ready_since),
        patience=PATIENCE,
    )


# ---------------------------------------------------------------- scheduling


async def test_ready_tasks_get_runners_as_far_as_slots_go(fleet: Fleet, dispatch: RecordingDispatch) -> None:
    run_id = await fleet.a_run("a", "b", "c", max_workers=10)
    assert await schedule(fleet, dispatch, slots=2) == 2
    assert [worker.id for worker in await fleet.live(run_id)] == [id for id, _ in dispatch.launched]
    assert await schedule(fleet, dispatch, slots=2) == 0


async def test_a_runner_gets_a_token_that_is_its_own(fleet: Fleet, dispatch: RecordingDispatch) -> None:
    key = await fleet.db.write(store.tokens.signing_key)
    await fleet.a_run("a")
    lease = await fleet.lead()
    await scheduling.run_once(fleet.db, dispatch, key, host_id=HOST, lease=lease)
    ((worker_id, fence),) = dispatch.launched
    actor = await fleet.db.read(store.tokens.actor_of, dispatch.tokens[worker_id])
    assert actor is not None
    assert (actor.role, actor.worker_id, actor.fence) == (Role.RUNNER, worker_id, fence)


async def test_a_failed_task_rests_before_it_gets_another_runner(
    fleet: Fleet, clock: Clock, dispatch: RecordingDispatch
) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=3))
    await schedule(fleet, dispatch)
    await fleet.fail(run_id, "a")
    assert await schedule(fleet, dispatch) == 0
    clock.advance(seconds=0.9)
    assert await schedule(fleet, dispatch) == 0
    clock.advance(seconds=0.1)
    assert await schedule(fleet, dispatch) == 1
    assert [fence for _, fence in dispatch.launched] == [1, 2]


async def test_a_worker_spawned_by_hand_gets_a_runner_although_there_is_no_slot(
    fleet: Fleet, dispatch: RecordingDispatch
) -> None:
    run_id = await fleet.a_run("a", max_workers=1)
    await schedule(fleet, dispatch, slots=1)
    receipt = await fleet.do(
        commands.workers.spawn, run_id=run_id, runtime={"kind": "command", "argv": ["true"]}
    )
    assert await schedule(fleet, dispatch, slots=1) == 1
    assert dispatch.launched[-1] == (receipt.refs["worker"], 1)


async def test_a_launch_that_fails_is_left_to_the_next_look(
    fleet: Fleet, clock: Clock, dispatch: RecordingDispatch
) -> None:
    run_id = await fleet.a_run("a")
    dispatch.fails = True
    assert await schedule(fleet, dispatch) == 1
    assert dispatch.launched == []
    dispatch.fails = False
    clock.advance(seconds=21)
    assert await look_after(fleet, dispatch) == 0
    (worker,) = await fleet.live(run_id)
    assert dispatch.launched == [(worker.id, 1)]


# ---------------------------------------------------------------- heartbeats


async def test_a_worker_that_beats_is_left_alone(
    fleet: Fleet, clock: Clock, dispatch: RecordingDispatch
) -> None:
    run_id = await fleet.a_run("a")
    worker_id = await fleet.working(run_id, "a")
    clock.advance(seconds=59)
    assert await fleet.db.write(store.workers.beat, worker_id, 1)
    clock.advance(seconds=19)
    assert await look_after(fleet, dispatch) == 0
    assert (dispatch.launched, dispatch.ended) == ([], [])


async def test_a_silent_worker_is_offered_another_runner_before_it_is_given_up(
    fleet: Fleet, clock: Clock, dispatch: RecordingDispatch
) -> None:
    run_id = await fleet.a_run("a")
    worker_id = await fleet.working(run_id, "a")
    clock.advance(seconds=20.1)
    assert await look_after(fleet, dispatch) == 0
    assert (dispatch.launched, dispatch.ended) == ([(worker_id, 1)], [])
    assert (await fleet.worker(worker_id)).status == "RUNNING"


async def test_a_worker_silent_for_too_long_is_lost_and_its_task_goes_by_its_own_rules(
    fleet: Fleet, clock: Clock, dispatch: RecordingDispatch
) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2))
    worker_id = await fleet.working(run_id, "a")
    clock.advance(seconds=60.1)
    assert await look_after(fleet, dispatch) == 1
    assert dispatch.ended == [worker_id]
    assert (await fleet.worker(worker_id)).status == "LOST"
    assert (await fleet.task(run_id, "a")).status == "READY"


async def test_silence_counts_from_when_the_server_became_ready(
    fleet: Fleet, clock: Clock, dispatch: RecordingDispatch
) -> None:
    run_id = await fleet.a_run("a")
    worker_id = await fleet.working(run_id, "a")
    clock.advance(hours=5)
    assert await look_after(fleet, dispatch, ready_since=-10) == 0
    assert (dispatch.launched, dispatch.ended) == ([], [])
    assert await look_after(fleet, dispatch, ready_since=-61) == 1
    assert (await fleet.worker(worker_id)).status == "LOST"


async def test_a_worker_is_not_lost_while_something_of_it_is_left(
    fleet: Fleet, clock: Clock, dispatch: RecordingDispatch
) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2))
    worker_id = await fleet.working(run_id, "a")
    dispatch.stuck = {worker_id}
    clock.advance(seconds=61)
    assert await look_after(fleet, dispatch) == 0
    assert (await fleet.worker(worker_id)).status == "RUNNING"
    assert (await fleet.task(run_id, "a")).status == "RUNNING"


async def test_a_worker_that_was_to_stop_and_fell_silent_is_killed_not_lost(
    fleet: Fleet, clock: Clock, dispatch: RecordingDispatch
) -> None:
    run_id = await fleet.a_run("a")
    worker_id = await fleet.working(run_id, "a")
    await fleet.do(commands.workers.kill, worker_id=worker_id)
    clock.advance(seconds=61)
    assert await look_after(fleet, dispatch) == 1
    assert (await fleet.worker(worker_id)).status == "KILLED"


# ---------------------------------------------------------------- restoration


async def test_every_live_worker_is_offered_a_runner_at_the_start(
    fleet: Fleet, dispatch: RecordingDispatch
) -> None:
    run_id = await fleet.a_run("a", "b", "c < a", max_workers=10)
    working = await fleet.working(run_id, "a")
    ended = await fleet.working(run_id, "b")
    await fleet.exit(ended)
    assert await restoration.run_once(fleet.db, dispatch, KEY, host_id=HOST) == 1
    assert dispatch.launched == [(working, 1)]


async def test_who_is_still_to_be_dispatched_gets_a_runner_by_the_next_turn_alone(
    fleet: Fleet, dispatch: RecordingDispatch, clock: Clock
) -> None:
    """Stopped before that turn it is over at once, so no runner may be on its way."""
    await fleet.lead()
    run_id = await fleet.a_run("a")
    spawned = await fleet.do(commands.workers.spawn, run_id=run_id, runtime=COMMAND)
    await restoration.run_once(fleet.db, dispatch, KEY, host_id=HOST)
    clock.advance(seconds=30)
    assert await look_after(fleet, dispatch) == 0
    assert dispatch.launched == []
    await fleet.do(commands.workers.kill, worker_id=spawned.refs["worker"])
    await schedule(fleet, dispatch)
    assert spawned.refs["worker"] not in dict(dispatch.launched)
    assert (await fleet.worker(spawned.refs["worker"])).status == "KILLED"


# ---------------------------------------------------------------- attention


async def test_a_question_past_its_deadline_is_answered_by_its_default(fleet: Fleet, clock: Clock) -> None:
    run_id = await fleet.a_run("a")
    item_id = await fleet.asking(run_id, "a", default_answer="blue", expires_in_seconds=30)
    clock.advance(seconds=29)
    assert await attention.run_once(fleet.db) == 0
    assert (await fleet.task(run_id, "a")).status == "WAITING_FOR_INPUT"
    clock.advance(seconds=1)
    assert await attention.run_once(fleet.db) == 1
    item = await fleet.item(item_id)
    assert (item.status, item.answer) == ("EXPIRED", "blue")
    assert (await fleet.task(run_id, "a")).status == "RUNNING"


async def test_thousands_that_are_past_their_deadline_are_settled_a_few_at_a_time(
    fleet: Fleet, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.attention, "AT_ONCE", 2)
    run_id = await fleet.a_run("a")
    for number in range(5):
        await fleet.do(commands.attention.ask, run_id=run_id, question=f"{number}?", expires_in_seconds=30)
    clock.advance(seconds=30)
    assert [await attention.run_once(fleet.db) for _ in range(4)] == [2, 2, 1, 0]


async def test_what_an_item_holds_back_is_counted_anew(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a", "c", max_workers=10)
    item_id = await fleet.asking(run_id, "a")
    assert (await fleet.item(item_id)).blocked_tasks == 2
    await fleet.do(commands.tasks.skip, task_id=(await fleet.task(run_id, "b")).id)
    await attention.run_once(fleet.db)
    assert (await fleet.item(item_id)).blocked_tasks == 1


# ---------------------------------------------------------------- pruning


@pytest.mark.parametrize(("minutes", "forgotten"), [(9.9, False), (10.1, True)])
async def test_the_directory_of_a_worker_is_removed_some_time_after_its_end(
    fleet: Fleet, clock: Clock, dispatch: RecordingDispatch, minutes: float, forgotten: bool
) -> None:
    run_id = await fleet.a_run("a", "b", max_workers=10)
    ended, live = await fleet.working(run_id, "a"), await fleet.working(run_id, "b")
    await fleet.exit(ended)
    dispatch.directories = [ended, live, "wrk_of_nobody"]
    clock.advance(minutes=minutes)
    await pruning.run_once(fleet.db, dispatch)
    assert dispatch.forgotten == ([ended, "wrk_of_nobody"] if forgotten else ["wrk_of_nobody"])


async def test_what_a_run_of_its_own_left_is_removed_when_it_is_old(
    fleet: Fleet, clock: Clock, tmp_path: Path
) -> None:
    left = tmp_path / "20260101-120000-0a1b2c"
    left.mkdir()
    (left / "serve.log").write_text("it failed")
    at = clock().timestamp()
    os.utime(left / "serve.log", (at, at))
    clock.advance(days=2)
    assert await pruning.clear_up(fleet.db, tmp_path, timedelta()) == 0, "kept for ever"
    assert await pruning.clear_up(fleet.db, None, timedelta(days=1)) == 0
    assert await pruning.clear_up(fleet.db, tmp_path, timedelta(days=3)) == 0
    assert await pruning.clear_up(fleet.db, tmp_path, timedelta(days=1)) == 1
    assert await pruning.clear_up(fleet.db, tmp_path, timedelta(days=1)) == 0
    assert not left.exists()


# ---------------------------------------------------------------- hosts that are away


async def give_up_elsewhere(fleet: Fleet, led_since: float = -1e6) -> int:
    return await heartbeats.run_elsewhere(
        fleet.db, led_since=fleet.clock() + timedelta(seconds=led_since), patience=PATIENCE
    )


async def test_workers_of_a_host_that_is_away_are_lost_after_the_time_for_heartbeats(
    fleet: Fleet, clock: Clock
) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2))
    worker_id = await fleet.working(run_id, "a")
    clock.advance(seconds=61)
    assert await give_up_elsewhere(fleet) == 0, "its own server looks after it"
    await fleet.db.write(commands.hosts.leave, host_id=HOST, session=HOST)
    assert await give_up_elsewhere(fleet, led_since=-59) == 0, "before that nobody listened"
    assert await give_up_elsewhere(fleet) == 1
    assert (await fleet.worker(worker_id)).status == "LOST"
    assert (await fleet.task(run_id, "a")).status == "READY"


async def test_a_worker_heard_of_in_the_meantime_is_not_lost(fleet: Fleet, clock: Clock) -> None:
    run_id = await fleet.a_run("a")
    worker_id = await fleet.working(run_id, "a")
    clock.advance(seconds=61)
    assert await fleet.db.write(store.workers.beat, worker_id, 1)
    assert not await fleet.db.write(
        commands.reports.lose,
        worker_id=worker_id,
        fence=1,
        reason="seen before it beat",
        unheard_since=clock() - PATIENCE,
    )
    assert (await fleet.worker(worker_id)).status == "RUNNING"

"""Which tasks get a worker, and how many."""

from app import commands
from app.domain.runs import Urgency
from tests.factories import a_plan, a_task
from tests.fleet import Fleet


async def claimed(fleet: Fleet, slots: int = 100) -> list[str]:
    """The names of the workers that are begun, in order."""
    return [(await fleet.worker(worker)).name for worker in await fleet.claim(slots)]


async def test_the_most_urgent_comes_first_then_the_order_of_the_plan(fleet: Fleet) -> None:
    plan = a_plan("a", a_task("b", priority=5), "c", a_task("d", priority=9), a_task("e", priority=5))
    await fleet.a_run(plan=plan, max_workers=10)
    assert await claimed(fleet) == ["d #1", "b #1", "e #1", "a #1", "c #1"]


async def test_a_run_has_no_more_workers_than_it_may(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b", "c", max_workers=2)
    assert await claimed(fleet) == ["a #1", "b #1"]
    assert await claimed(fleet) == []
    await fleet.finish(run_id, "a")
    assert await claimed(fleet) == ["c #1"]
    assert (await fleet.run(run_id)).live_workers == 2


async def test_fewer_workers_than_there_are_end_nobody(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b", "c", max_workers=2)
    await fleet.claim()
    await fleet.do(commands.runs.configure, run_id=run_id, max_workers=1)
    assert await fleet.claim() == []
    assert (await fleet.run(run_id)).live_workers == 2


async def test_a_host_has_no_more_workers_than_slots(fleet: Fleet) -> None:
    for _ in range(2):
        await fleet.a_run("a", "b")
    assert len(await fleet.claim(slots=3)) == 3
    assert await fleet.claim(slots=3) == []
    assert len(await fleet.claim(slots=4)) == 1
    assert await fleet.claim(slots=0) == []


async def test_slots_go_to_the_most_urgent_of_all_runs_then_to_the_oldest_run(fleet: Fleet) -> None:
    await fleet.a_run("old", a_task("old-urgent", priority=1))
    fleet.clock.advance(seconds=1)
    await fleet.a_run("new", a_task("new-urgent", priority=2))
    assert await claimed(fleet, slots=3) == ["new-urgent #1", "old-urgent #1", "old #1"]


async def test_only_active_runs_get_workers(fleet: Fleet) -> None:
    await fleet.a_run("created", start=False)
    paused, stopped = await fleet.a_run("paused"), await fleet.a_run("stopped")
    await fleet.do(commands.runs.pause, run_id=paused, mode=Urgency.DRAIN)
    await fleet.do(commands.runs.stop, run_id=stopped, mode=Urgency.DRAIN)
    await fleet.a_run("active")
    assert await claimed(fleet) == ["active #1"]


async def test_each_task_is_given_to_one_worker(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    assert len(await fleet.claim()) == 1
    assert await fleet.claim() == []
    task = await fleet.task(run_id, "a")
    assert (task.status, task.attempts) == ("READY", 1)
    assert (await fleet.worker(str(task.worker_id))).fence == 1


async def test_a_worker_knows_what_its_task_says(fleet: Fleet) -> None:
    task = a_task("a", title="Build it", description="Use make.", timeout_seconds=60, skill="maker")
    await fleet.a_run(plan=a_plan(task))
    (worker_id,) = await fleet.claim()
    worker = await fleet.worker(worker_id)
    assert worker.prompt == "# a: Build it\n\nUse make.\n"
    assert (worker.timeout_seconds, worker.skill, worker.status, worker.desire) == (
        60,
        "maker",
        "SPAWNING",
        "RUN",
    )
    assert worker.runtime == {"kind": "command", "argv": ["true"]}


async def test_a_rest_is_over_for_the_next_sleeper_when_it_says(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2))
    assert await fleet.db.read(commands.scheduling.store.tasks.next_rested) is None
    await fleet.fail(run_id, "a")
    due = await fleet.db.read(commands.scheduling.store.tasks.next_rested)
    assert due == (await fleet.task(run_id, "a")).not_before
    fleet.clock.advance(seconds=1)
    assert len(await fleet.claim()) == 1


async def test_while_the_pipeline_is_paused_nothing_is_begun_anywhere(fleet: Fleet) -> None:
    await fleet.a_run("a")
    await fleet.do(commands.pipeline.pause, reason="maintenance")
    await fleet.a_run("b")
    assert await fleet.claim() == []
    pipeline = await fleet.db.read(commands.scheduling.store.pipeline.get)
    assert (pipeline.paused, pipeline.reason) == (True, "maintenance")
    await fleet.do(commands.pipeline.resume)
    assert len(await fleet.claim()) == 2


async def test_switching_the_pipeline_twice_is_told_once(fleet: Fleet) -> None:
    for change in (commands.pipeline.pause, commands.pipeline.pause, commands.pipeline.resume):
        await fleet.do(change)
    told = [event.data["paused"] for event in await fleet.events() if event.kind == "PipelineChanged"]
    assert told == [True, False]

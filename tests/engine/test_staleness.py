"""A silence is announced once."""

from app import commands, store
from app.domain.events import EventKind
from app.domain.runs import Patience, Urgency
from app.engine import staleness
from app.store.db import Tx
from app.store.tables import ProjectRow
from tests.conftest import Clock
from tests.fleet import Fleet, add


async def look(fleet: Fleet) -> int:
    return await staleness.run_once(fleet.db, Patience())


async def test_a_silence_is_announced_once_and_the_next_one_again(fleet: Fleet, clock: Clock) -> None:
    run = await fleet.a_run("a", "b")
    began = clock()
    clock.advance(minutes=30)
    assert await look(fleet) == 0
    clock.advance(seconds=1)
    assert await look(fleet) == 1
    assert await look(fleet) == 0
    clock.advance(hours=5)
    assert await look(fleet) == 0
    (told,) = await fleet.events(EventKind.STALE_DETECTED)
    assert told.run_id == run
    assert told.data == {"last_activity_at": began.isoformat(), "stale_seconds": 1801}
    await fleet.working(run, "a")
    assert await look(fleet) == 0
    clock.advance(minutes=31)
    assert await look(fleet) == 1


async def test_to_announce_it_is_no_activity(fleet: Fleet, clock: Clock) -> None:
    run = await fleet.a_run("a")
    clock.advance(hours=1)
    before = await fleet.run(run)
    await look(fleet)
    after = await fleet.run(run)
    assert (after.last_activity_at, after.version) == (before.last_activity_at, before.version)


async def test_who_rests_or_has_ended_is_not_stale(fleet: Fleet, clock: Clock) -> None:
    paused = await fleet.a_run("a")
    await fleet.do(commands.runs.pause, run_id=paused, mode=Urgency.DRAIN)
    ended = await fleet.a_run("a")
    await fleet.finish(ended, "a")
    await fleet.a_run("a", start=False)
    clock.advance(hours=1)
    assert await look(fleet) == 0


async def test_there_may_be_very_many_projects_with_a_patience_of_their_own(
    fleet: Fleet, clock: Clock
) -> None:
    """SQLite takes a condition of a thousand parts at most."""
    patient, usual = [await fleet.a_run("a") for _ in range(2)]
    impatient = await fleet.a_run("a")
    own = {(await fleet.run(patient)).project_id: 7200, (await fleet.run(impatient)).project_id: 60}
    many = [
        ProjectRow(id=f"prj_{number}", name="p", root=f"/srv/{number}", created_at=clock())
        for number in range(1_200)
    ]
    await fleet.db.write(add, *many)

    def set_all(tx: Tx) -> None:
        for project_id, seconds in [*own.items(), *((project.id, 60) for project in many)]:
            store.project_flags.put(tx, project_id, "stale_after_seconds", seconds)

    await fleet.db.write(set_all)
    clock.advance(seconds=90)
    assert await look(fleet) == 1
    clock.advance(minutes=30)
    assert await look(fleet) == 1
    told = [event.run_id for event in await fleet.events(EventKind.STALE_DETECTED)]
    assert told == [impatient, usual]

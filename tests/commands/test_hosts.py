"""Who leads, which hosts are there, and where workers go."""

from datetime import timedelta
from typing import Any

import pytest

from app import commands, store
from app.commands.scheduling import Launch
from app.domain.errors import ErrorCode
from app.domain.events import EventKind
from app.domain.hosts import ABSENT, FRESH, LEASE
from app.domain.runs import Urgency
from app.store.db import Tx
from app.store.host_tables import HostRow
from app.store.leases import ENGINE, Lease, LeaseLost
from tests.fleet import HOST, Fleet, add

OTHER = "host_of_others"


@pytest.fixture(autouse=True)
def moved_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's clock goes with the test's."""
    monkeypatch.setattr(store.leases, "now", lambda tx: tx.now)


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on PostgreSQL, where no lock of a file says that every earlier process is dead."""
    take = store.leases.take

    def take_as_one_of_many(tx: Tx, *arguments: Any, **named: Any) -> Lease | None:
        exclusive, tx.exclusive = tx.exclusive, False
        try:
            return take(tx, *arguments, **named)
        finally:
            tx.exclusive = exclusive

    monkeypatch.setattr(store.leases, "take", take_as_one_of_many)


async def arrive(fleet: Fleet, host_id: str, *, slots: int = 10, **more: Any) -> None:
    named = {"labels": ["gpu"], **more}
    await fleet.db.write(commands.hosts.register, host_id=host_id, name=host_id, slots=slots, **named)


async def beat(fleet: Fleet, host_id: str, process: str = "first") -> Lease | None:
    lease, _ = await fleet.db.write(commands.hosts.beat, host_id=host_id, session=f"{process} of {host_id}")
    return lease


async def turn(fleet: Fleet, host_id: str, lease: Lease | None) -> list[Launch]:
    return await fleet.db.write(commands.scheduling.turn, host_id=host_id, lease=lease)


async def host(fleet: Fleet, host_id: str) -> HostRow:
    found = await fleet.db.read(store.hosts.find, host_id)
    assert found is not None
    return found


async def told(fleet: Fleet) -> list[tuple[Any, Any]]:
    return [(event.data["old"], event.data["new"]) for event in await fleet.events(EventKind.HOST_CHANGED)]


# ---------------------------------------------------------------- the lease


@pytest.mark.usefixtures("several")
async def test_one_leads_until_it_is_silent_for_too_long(fleet: Fleet) -> None:
    for one in (HOST, OTHER):
        await arrive(fleet, one)
    first = await beat(fleet, HOST)
    assert first is not None
    assert await beat(fleet, OTHER) is None
    fleet.clock.now += LEASE * 0.9
    assert await beat(fleet, HOST) == first, "renewed, in the same term"
    fleet.clock.now += LEASE * 0.9
    assert await beat(fleet, OTHER) is None
    fleet.clock.now += LEASE * 0.2
    second = await beat(fleet, OTHER)
    assert second is not None
    assert second.fence == first.fence + 1
    assert await beat(fleet, HOST) is None


@pytest.mark.usefixtures("several")
async def test_the_next_process_on_a_host_need_not_wait_for_the_lease_of_the_dead_one(fleet: Fleet) -> None:
    await arrive(fleet, HOST)
    first, second = await beat(fleet, HOST), await beat(fleet, HOST, "second")
    assert first is not None
    assert second is not None
    assert second.fence == first.fence + 1


@pytest.mark.usefixtures("several")
async def test_a_server_that_leaves_in_order_lets_another_lead_at_once(fleet: Fleet) -> None:
    for one in (HOST, OTHER):
        await arrive(fleet, one)
    await beat(fleet, HOST)
    await fleet.db.write(commands.hosts.leave, host_id=OTHER, session="another process")
    assert await beat(fleet, OTHER) is None, "only who has it can give it away"
    await fleet.db.write(commands.hosts.leave, host_id=HOST, session=f"first of {HOST}")
    assert await beat(fleet, OTHER) is not None


async def replaced(fleet: Fleet) -> tuple[Lease, Lease]:
    """The lease of a leader that was stopped for too long, and that of its successor."""
    for one in (HOST, OTHER):
        await arrive(fleet, one)
    old = await beat(fleet, HOST)
    fleet.clock.now += LEASE * 1.1
    new = await beat(fleet, OTHER)
    assert old is not None
    assert new is not None
    return old, new


@pytest.mark.usefixtures("several")
async def test_a_leader_that_was_stopped_for_too_long_starts_nothing(fleet: Fleet) -> None:
    await fleet.a_run("a", "b")
    old, new = await replaced(fleet)
    with pytest.raises(LeaseLost):
        await turn(fleet, HOST, old)
    assert await fleet.live() == []
    with pytest.raises(LeaseLost):
        await fleet.db.write(commands.hosts.miss, lease=old, led_since=fleet.clock() - timedelta(hours=1))
    assert len(await turn(fleet, OTHER, new)) == 2


@pytest.mark.usefixtures("several")
async def test_the_flaw_of_asking_the_lease_by_the_clock_alone_is_caught(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.leases, "require", lambda tx, lease: None)
    await fleet.a_run("a")
    old, _ = await replaced(fleet)
    await turn(fleet, HOST, old)
    assert await fleet.live() != [], "without its fence a stale leader goes on"


# ---------------------------------------------------------------- coming and going


async def test_coming_going_and_draining_are_told_once_each(fleet: Fleet) -> None:
    await arrive(fleet, HOST)
    await arrive(fleet, HOST, slots=3)
    assert (await host(fleet, HOST)).slots == 3
    await fleet.do(commands.hosts.drain, host_id=HOST)
    await fleet.do(commands.hosts.drain, host_id=HOST)
    await fleet.db.write(commands.hosts.leave, host_id=HOST, session=f"first of {HOST}")
    await arrive(fleet, HOST)
    await fleet.do(commands.hosts.resume, host_id=HOST)
    assert await told(fleet) == [
        (None, "ONLINE"),
        ("ONLINE", "DRAINING"),
        ("DRAINING", "OFFLINE"),
        ("OFFLINE", "DRAINING"),
        ("DRAINING", "ONLINE"),
    ]


async def test_a_host_that_falls_silent_is_offline_and_back_with_its_next_beat(fleet: Fleet) -> None:
    lease = await fleet.lead()
    await arrive(fleet, OTHER)
    since = fleet.clock()
    fleet.clock.now += ABSENT * 0.9
    await fleet.lead()
    assert await fleet.db.write(commands.hosts.miss, lease=lease, led_since=since) == 0
    fleet.clock.now += ABSENT * 0.2
    assert await fleet.db.write(commands.hosts.miss, lease=lease, led_since=fleet.clock()) == 0, (
        "a new leader waits"
    )
    assert await fleet.db.write(commands.hosts.miss, lease=lease, led_since=since) == 1
    assert not (await host(fleet, OTHER)).present
    await fleet.db.write(store.leases.release, ENGINE, session=HOST)
    await beat(fleet, OTHER)
    assert (await host(fleet, OTHER)).present
    assert (await told(fleet))[-2:] == [("ONLINE", "OFFLINE"), ("OFFLINE", "ONLINE")]


async def test_what_nobody_knows_is_not_found(fleet: Fleet) -> None:
    assert (await fleet.refused(commands.hosts.drain, host_id="host_x")).code is ErrorCode.NOT_FOUND


# ---------------------------------------------------------------- where workers go


async def test_workers_spread_over_hosts_within_their_slots_and_start_on_their_own(fleet: Fleet) -> None:
    lease = await fleet.lead(slots=2)
    await arrive(fleet, OTHER, slots=3)
    run_id = await fleet.a_run(*"abcdefg", max_workers=10)
    here = await turn(fleet, HOST, lease)
    there = await turn(fleet, OTHER, None)
    assert (len(here), len(there)) == (2, 3)
    found = {worker.id: worker.host_id for worker in await fleet.live(run_id)}
    assert found == {one.worker_id: HOST for one in here} | {one.worker_id: OTHER for one in there}
    assert await turn(fleet, HOST, lease) == await turn(fleet, OTHER, None) == []
    assert await fleet.db.read(store.hosts.running_on, [HOST, OTHER, "x"]) == {HOST: 2, OTHER: 3, "x": 0}


async def test_a_host_that_is_drained_or_not_heard_gets_nothing_new(fleet: Fleet) -> None:
    await arrive(fleet, OTHER)
    await arrive(fleet, "host_silent")
    fleet.clock.now += FRESH * 1.1
    lease = await fleet.lead(slots=1)
    await arrive(fleet, OTHER)
    await fleet.do(commands.hosts.drain, host_id=OTHER)
    run_id = await fleet.a_run("a", "b", "c")
    await turn(fleet, HOST, lease)
    assert [worker.host_id for worker in await fleet.live(run_id)] == [HOST]


async def test_a_worker_by_hand_gets_a_host_although_there_is_no_slot(fleet: Fleet) -> None:
    await fleet.lead(slots=0)
    run_id = await fleet.a_run("a")
    await fleet.do(commands.workers.spawn, run_id=run_id, runtime={"kind": "command", "argv": ["true"]})
    assert [worker.host_id for worker in await fleet.live(run_id)] == [HOST]


async def by_hand(fleet: Fleet, run_id: str, *labels: str) -> str:
    spawned = await fleet.do(
        commands.workers.spawn,
        run_id=run_id,
        runtime={"kind": "command", "argv": ["true"]},
        host_labels=labels,
    )
    return str(spawned.refs["worker"])


async def test_a_worker_by_hand_goes_to_a_host_that_has_all_its_labels(fleet: Fleet) -> None:
    await fleet.lead(slots=10)
    await arrive(fleet, OTHER, slots=1, labels=["gpu", "arm"])
    run_id = await fleet.a_run("a", start=True)
    for labels in (["gpu"], ["arm", "gpu"], ["gpu"]):
        assert (await fleet.worker(await by_hand(fleet, run_id, *labels))).host_id == OTHER
    assert (await fleet.worker(await by_hand(fleet, run_id))).host_id == HOST


@pytest.mark.parametrize("away", ["it never was", "drained", "not heard", "one label is missing"])
async def test_labels_that_no_host_has_now_are_refused_and_nothing_is_started(
    fleet: Fleet, away: str
) -> None:
    if away != "it never was":
        await arrive(fleet, OTHER)
    if away == "drained":
        await fleet.do(commands.hosts.drain, host_id=OTHER)
    fleet.clock.now += FRESH * (1.1 if away == "not heard" else 0)
    await fleet.lead()
    run_id = await fleet.a_run("a")
    labels = ["gpu", "arm"] if away == "one label is missing" else ["gpu"]
    refused = await fleet.refused(
        commands.workers.spawn,
        run_id=run_id,
        runtime={"kind": "command", "argv": ["true"]},
        host_labels=labels,
    )
    assert (refused.code, refused.path) == (ErrorCode.UNAVAILABLE, ["input", "hostLabels"])
    assert "linux" in (refused.suggestion or "")
    assert await fleet.live(run_id) == []


async def test_a_worker_whose_host_has_gone_waits_for_one_with_its_labels(fleet: Fleet) -> None:
    await arrive(fleet, OTHER)
    run_id = await fleet.a_run("a")
    worker = await by_hand(fleet, run_id, "gpu")
    fleet.clock.now += FRESH * 1.1
    lease = await fleet.lead(slots=0)
    assert await turn(fleet, HOST, lease) == []
    assert (await fleet.worker(worker)).host_id is None
    await arrive(fleet, "host_third")
    await turn(fleet, HOST, lease)
    assert (await fleet.worker(worker)).host_id == "host_third"


async def test_a_worker_given_to_a_host_that_has_gone_goes_to_another_unless_it_was_started(
    fleet: Fleet,
) -> None:
    await arrive(fleet, OTHER)
    run_id = await fleet.a_run("a", "b", max_workers=2)
    for _ in range(2):
        await fleet.do(commands.workers.spawn, run_id=run_id, runtime={"kind": "command", "argv": ["true"]})
        if len(await fleet.live()) == 1:
            started = await turn(fleet, OTHER, None)
    fleet.clock.now += FRESH * 1.1
    lease = await fleet.lead(slots=0)
    moved = await turn(fleet, HOST, lease)
    found = {worker.id: worker.host_id for worker in await fleet.live()}
    assert found == {started[0].worker_id: OTHER, moved[0].worker_id: HOST}
    assert await turn(fleet, OTHER, None) == []


@pytest.mark.parametrize("away", ["drained", "not heard"])
async def test_a_worker_that_no_host_was_asked_to_start_is_over_as_soon_as_it_is_stopped(
    fleet: Fleet, away: str
) -> None:
    """Nobody is there who could say so: the run would be STOPPING for ever."""
    await arrive(fleet, OTHER)
    run_id = await fleet.a_run("a", runtime=None)
    if away == "drained":
        await fleet.do(commands.hosts.drain, host_id=OTHER)
    worker = await by_hand(fleet, run_id)
    fleet.clock.now += FRESH * (1.1 if away == "not heard" else 0)
    await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.NOW)
    lease = await fleet.lead(slots=0)
    assert await turn(fleet, HOST, lease) == []
    assert (await fleet.worker(worker)).status == "KILLED"
    assert (await fleet.run(run_id)).status == "CANCELLED"


async def test_a_worker_whose_runner_was_asked_for_is_over_when_that_says_so(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    (worker,) = await fleet.claim()
    await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.NOW)
    assert await fleet.claim() == []
    assert (await fleet.worker(worker)).status == "STOPPING"


async def test_workers_from_before_there_were_hosts_belong_to_whoever_has_their_directory(
    fleet: Fleet,
) -> None:
    run_id = await fleet.a_run("a", "b", max_workers=2)
    await fleet.claim()
    first, second = await fleet.live(run_id)

    def forget(tx: Tx) -> None:
        for worker in store.workers.live(tx):
            worker.host_id = None
            add(tx, worker)

    await fleet.db.write(forget)
    await arrive(fleet, OTHER, worker_ids=[first.id, "wrk_gone"])
    assert (await fleet.worker(first.id)).host_id == OTHER
    assert (await fleet.worker(second.id)).host_id is None

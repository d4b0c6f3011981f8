"""Giving ready tasks to workers and workers to hosts: the most urgent first, within `maxWorkers` and slots."""

from dataclasses import dataclass

from app import store
from app.commands import workers
from app.domain.hosts import Room
from app.domain.runs import RunStatus
from app.store.db import Tx
from app.store.leases import Lease


@dataclass(frozen=True, slots=True)
class Launch:
    """A worker whose runner is to be started."""

    worker_id: str
    fence: int


def turn(tx: Tx, *, host_id: str, lease: Lease | None) -> list[Launch]:
    """Where this server leads, write workers for as many startable tasks as there is room for, on any host.

    Then tell which runners this host is to start. LeaseLost, and nothing done, where another server leads by now.
    """
    if lease is not None:
        store.leases.require(tx, lease)
        _assign(tx, host_id)
    launches = []
    for worker in store.workers.undispatched(tx, host_id):
        worker.dispatched_at = tx.now
        launches.append(Launch(worker.id, worker.fence))
    return launches


def _assign(tx: Tx, here: str) -> None:
    hosts = store.hosts.reachable(tx, here)
    room = store.hosts.room(tx, hosts)
    if not store.pipeline.get(tx).paused:
        _fill(tx, room)
    tx.session.flush()
    # spawned by hand, for which neither slots nor a paused pipeline count; or given to a host that has gone since
    for worker in store.workers.homeless(tx, [host.id for host in hosts]):
        worker.host_id = room.take()
    tx.session.flush()


def _fill(tx: Tx, room: Room) -> None:
    total = room.total
    if total <= 0:
        return
    waiting = []
    for run_id in store.runs.with_room(tx):
        run = store.runs.lock(tx, run_id)
        if run.status != RunStatus.ACTIVE:
            continue
        its_room = min(total, run.max_workers - run.live_workers)
        if its_room > 0:
            waiting += [(run, task) for task in store.tasks.startable(tx, run_id, its_room)]
    # a run's own order is kept: sorting is stable, and runs come oldest first
    waiting.sort(key=lambda pair: -pair[1].priority)
    for run, task in waiting[:total]:
        assert task.runtime is not None
        workers.start_attempt(tx, run, task, runtime=task.runtime, host_id=room.take())

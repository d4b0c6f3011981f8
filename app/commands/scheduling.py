"""Giving ready tasks to workers: the most urgent first, within each run's `maxWorkers` and the host's slots."""

from dataclasses import dataclass

from app import store
from app.commands import workers
from app.domain.runs import RunStatus
from app.store.db import Tx


@dataclass(frozen=True, slots=True)
class Launch:
    """A worker whose runner is to be started."""

    worker_id: str
    fence: int


def claim(tx: Tx, *, slots: int) -> list[Launch]:
    """Write workers for as many startable tasks as there is room for, and tell which runners are to be started.

    Among them are those of workers that were spawned by hand: for them neither slots nor a paused pipeline count.
    """
    if not store.pipeline.get(tx).paused:
        _fill(tx, slots - store.workers.count_live(tx))
    tx.session.flush()
    launches = []
    for worker in store.workers.undispatched(tx):
        worker.dispatched_at = tx.now
        launches.append(Launch(worker.id, worker.fence))
    return launches


def _fill(tx: Tx, room: int) -> None:
    if room <= 0:
        return
    waiting = []
    for run_id in store.runs.with_room(tx):
        run = store.runs.lock(tx, run_id)
        if run.status != RunStatus.ACTIVE:
            continue
        its_room = min(room, run.max_workers - run.live_workers)
        if its_room > 0:
            waiting += [(run, task) for task in store.tasks.startable(tx, run_id, its_room)]
    # a run's own order is kept: sorting is stable, and runs come oldest first
    waiting.sort(key=lambda pair: -pair[1].priority)
    for run, task in waiting[:room]:
        assert task.runtime is not None
        workers.start_attempt(tx, run, task, runtime=task.runtime)

"""Giving ready tasks to workers and workers to hosts: the most urgent first, within `maxWorkers` and slots."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from typing import Final, Self

from app import store
from app.commands import budgets, endings, ledgers, moves, supervisor_processes, workers
from app.commands.conflicts import Watch
from app.domain.budgets import BudgetScope
from app.domain.hosts import Room
from app.domain.runs import RunStatus
from app.domain.workers import WorkerMove, WorkerStatus
from app.store.db import Tx
from app.store.leases import Lease
from app.store.tables import RunRow, TaskRow

MANY: Final = 100
"""So many tasks are looked at together once one was found that may not start: there may be thousands of its like."""

MOST_HELD: Final = 256
"""After so many tasks of one run that others are in the way of, or that no budget has room for, no more of it are looked at
in this turn."""


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
    supervisor_processes.end_unwanted(tx)
    if not store.pipeline.get(tx).paused:
        _fill(tx, room)
        supervisor_processes.start_due(tx, room)  # last: they take no slot
    tx.session.flush()
    _end_unbegun(tx)
    # spawned by hand, for which neither slots nor a paused pipeline count; or given to a host that has gone since
    for worker in store.workers.homeless(tx, [host.id for host in hosts]):
        worker.host_id = room.take(worker.host_labels)
    tx.session.flush()


def _end_unbegun(tx: Tx) -> None:
    """End what was stopped before anybody was asked to start it: no runner will ever say that it is over."""
    for worker_id in store.workers.stopped_unbegun(tx):
        worker, run = store.workers.lock(tx, worker_id)
        if worker.status == WorkerStatus.STOPPING:
            endings.end(tx, run, worker, WorkerMove.DIE, reason=worker.status_reason)


def _fill(tx: Tx, room: Room) -> None:
    if room.total <= 0:
        return
    runs = [store.runs.lock(tx, run_id) for run_id in store.runs.with_room(tx)]
    queues = [_Queue(tx, run, Watch(tx, run)) for run in runs if run.status == RunStatus.ACTIVE]
    # a run's own order is kept, and runs come oldest first: merging is stable
    for queue, task in merge(*(queue.tasks(room) for queue in queues), key=lambda pair: -pair[1].priority):
        if room.total - sum(queue.kept for queue in queues) <= 0:
            break
        queue.start(task, room)
    for queue in queues:
        if queue.held or queue.asked:
            moves.settle(tx, queue.run)


@dataclass
class _Queue:
    """The tasks of a run on their way to a worker, during one turn."""

    tx: Tx
    run: RunRow
    watch: Watch
    kept: int = 0
    """Places kept for tasks that wait for others to leave something of a budget: a small one does not overtake a large one."""

    held: int = 0
    asked: int = 0
    beyond_run: int = 0

    def tasks(self, room: Room) -> Iterator[tuple[Self, TaskRow]]:
        """What may be next, the most urgent first, as long as there is a place: read as it is asked for."""
        last, size = None, min(room.total, self._places())
        while True:
            page = store.tasks.startable(self.tx, self.run.id, size, after=last)
            for last in page:
                if self._places() <= 0:
                    return
                yield self, last
            if len(page) < size or self.held + self.asked > MOST_HELD:
                return
            size = MANY

    def start(self, task: TaskRow, room: Room) -> None:
        """Start a task, unless another is in its way or no budget has room for it: people are asked about that."""
        if task.beyond_budget:
            return  # by now: it was read before others of its like were tried
        if not self.watch.admits(task):
            self.held += 1
            return
        need = ledgers.need_of(self.tx, self.run, task, None)
        if need.short is None:
            assert task.runtime is not None
            host_id = room.take()
            workers.start_attempt(self.tx, self.run, task, runtime=task.runtime, host_id=host_id, need=need)
            self.watch.started(task)
        elif need.may_wait:
            self.kept += 1
        else:
            budgets.could_not_start(self.tx, self.run, task, need)
            self.asked += 1
            self.beyond_run += need.short is BudgetScope.RUN
            if self.beyond_run == ledgers.NAMED:  # the others are not named, and may be thousands
                store.budgets.give_up_like_it(self.tx, self.run)

    def _places(self) -> int:
        return self.run.max_workers - self.run.live_workers - self.kept

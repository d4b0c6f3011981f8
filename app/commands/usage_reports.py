"""Telling of usage in the log: a talkative agent is not told of more than once a second, and nothing of it is lost."""

from datetime import timedelta
from typing import Final

from app import store
from app.domain.events import EventKind
from app.domain.usage import Amounts
from app.store.db import Tx
from app.store.tables import RunRow, WorkerRow

EVERY: Final = timedelta(seconds=1)


def fold(tx: Tx, run: RunRow, worker: WorkerRow, amounts: Amounts) -> None:
    """Tell it with what was not told yet, or keep it until a second is over or the worker is."""
    worker.untold = (Amounts(**(worker.untold or {})) + amounts).plain()
    if worker.told_at is None or tx.now - worker.told_at >= EVERY:
        tell(tx, run, worker)


def tell(tx: Tx, run: RunRow, worker: WorkerRow) -> None:
    """Whatever there is to tell."""
    if worker.untold is None:
        return
    store.events.append(
        tx,
        EventKind.WORKER_REPORTED,
        run=run,
        task_id=worker.task_id,
        worker_id=worker.id,
        usage=worker.untold,
    )
    worker.untold, worker.told_at = None, tx.now


def tell_overdue(tx: Tx) -> int:
    """What agents have used that have said nothing since. Returns of how many workers something was told."""
    overdue = store.usage.untold_since(tx, tx.now - EVERY)
    for worker_id in overdue:
        worker, run = store.workers.lock(tx, worker_id)
        tell(tx, run, worker)
    return len(overdue)

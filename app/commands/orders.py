"""What the control plane wants of a worker: a desire with a revision. Its runner reads it, says so, and acts."""

from app import store
from app.domain.events import EventKind
from app.domain.workers import Desire
from app.store.db import Tx
from app.store.tables import RunRow, WorkerRow


def want(tx: Tx, run: RunRow, worker: WorkerRow, desire: Desire) -> None:
    """Ask the runner for something else. A worker that is to stop is never asked for anything again.

    Nor is one asked to go on while a budget that it spends is used up, whoever asks and for whatever reason: this is the
    one place that decides it.
    """
    if worker.desire in (desire, Desire.STOP):
        return
    if desire is Desire.RUN:
        if store.budgets.stopped_by(tx, run, worker) is not None:
            worker.budget_paused = True  # whoever else had paused it wants it to go on
            return
        worker.budget_paused = False
    worker.desire = desire
    order_anew(tx, run, worker)


def order_anew(tx: Tx, run: RunRow, worker: WorkerRow) -> None:
    """Its runner waits for facts about its worker: this one tells it to read its orders again."""
    worker.revision += 1
    store.events.append(
        tx,
        EventKind.WORKER_ORDERED,
        run=run,
        task_id=worker.task_id,
        worker_id=worker.id,
        desire=worker.desire,
    )

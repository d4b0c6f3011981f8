"""Permissions that agents wait for: which request of which worker waits for which item, and who is told the answer."""

from collections.abc import Sequence

from app import store
from app.commands import orders
from app.domain.attention import AttentionMove
from app.domain.workers import LIVE
from app.store.db import Tx
from app.store.tables import AttentionRow, RunRow, WorkerRow


def wait(tx: Tx, run: RunRow, worker: WorkerRow, request: str, item: AttentionRow | None) -> None:
    """The worker's runner hears the answer with its orders: at once where there is one already, or nobody to give it."""
    worker.asking = {**worker.asking, request: item.id if item is not None else ""}
    if item is None or item.answered_at is not None:
        orders.order_anew(tx, run, worker)


def settled(tx: Tx, run: RunRow, item: AttentionRow, _: AttentionMove) -> None:
    for asker in store.attention.askers(tx, item.id):
        worker = store.workers.find(tx, asker.worker_id) if asker.worker_id is not None else None
        if worker is not None and worker.status in LIVE and item.id in worker.asking.values():
            orders.order_anew(tx, run, worker)


def taken(worker: WorkerRow, requests: Sequence[str]) -> None:
    """The agent has its answers."""
    worker.asking = {request: item for request, item in worker.asking.items() if request not in requests}

"""What becomes of the tokens and the money that agents use, as their runners tell it."""

from datetime import datetime

from app import store
from app.commands import budgets, moves, usage_reports
from app.domain import limits
from app.domain.reports import Used
from app.domain.usage import MODELS, UNKNOWN
from app.store.db import Tx
from app.store.tables import RunRow, WorkerRow


def take(tx: Tx, run: RunRow, worker: WorkerRow, told: Used, at: datetime) -> None:
    """A report is taken once, by its number, so that what it adds is never counted twice.

    A runner may deliver late, and its clock may be wrong: it was used while the worker was there.
    """
    worker.model = limits.storable(told.model).strip()[: limits.NAME] or UNKNOWN
    if not told.amounts:
        return
    at = min(max(at, worker.created_at), max(tx.now, worker.created_at))
    store.usage.add(tx, run, worker, worker.model, at, told.amounts, models=MODELS)
    moves.touch(tx, run)
    usage_reports.fold(tx, run, worker, told.amounts)
    if told.amounts.cost:
        budgets.spend(tx, run, worker, told.amounts.cost)

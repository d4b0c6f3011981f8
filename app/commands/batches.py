"""The same done to many runs in one transaction: each by itself, so that one that refuses does not stop the others."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from app import store
from app.commands import runs, supervisors
from app.commands.audit import Change
from app.domain.batches import EVERY, MOST, OFTEN, BatchOperation
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.runs import Urgency
from app.store.db import Tx
from app.store.runs import RunFilter


def perform(
    tx: Tx,
    *,
    operation: BatchOperation,
    only: RunFilter,
    silence: timedelta | None,
    actor_id: str,
    reason: str | None = None,
) -> Change:
    """Do `operation` to runs that `only` selects and that have been silent for so long, the longest silent first.

    RATE_LIMITED where this caller has asked for many batches lately.
    """
    _throttle(tx, actor_id)
    affected: list[str] = []
    failures: list[dict[str, str]] = []
    for run_id in store.runs.longest_silent(tx, only, silence, MOST):
        facts = len(tx.facts)
        try:
            with tx.session.begin_nested():
                _OPERATIONS[operation](tx, run_id, reason)
            affected.append(run_id)
        except AppError as error:
            del tx.facts[facts:]
            failures.append({"run": run_id, "code": error.code, "message": error.message})
    return Change({"affected": affected, "failures": failures})


def delete(tx: Tx, run_id: str) -> None:
    """Remove an archived run with everything below it. What happened to it stays in the log."""
    run = store.runs.lock(tx, run_id)
    if store.supervisors.of_run(tx, run_id).worker_id is not None:
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            "The agent that looked after this run has not ended yet.",
            suggestion="Wait a moment: it is being ended.",
        )
    store.events.append(tx, EventKind.RUN_DELETED, run=run, id=run.id, name=run.name)
    store.runs.delete(tx, run)


def _throttle(tx: Tx, actor_id: str) -> None:
    lately = store.commands.count_effective(tx, actor_id, "batchRuns", since=tx.now - EVERY)
    if lately >= OFTEN:
        raise AppError(
            ErrorCode.RATE_LIMITED,
            f"{lately} batches were done in the last {EVERY.total_seconds():.0f} seconds.",
            suggestion="Wait a minute. A narrower filter changes nothing of this; a batch takes up to "
            f"{MOST} runs at once.",
        )


def _archive(tx: Tx, run_id: str, reason: str | None) -> None:
    runs.archive(tx, run_id=run_id, reason=reason)


def _pause(tx: Tx, run_id: str, reason: str | None) -> None:
    runs.pause(tx, run_id=run_id, mode=Urgency.DRAIN, reason=reason)


def _resume(tx: Tx, run_id: str, _reason: str | None) -> None:
    runs.resume(tx, run_id=run_id)


def _clean_up(tx: Tx, run_id: str, _reason: str | None) -> None:
    delete(tx, run_id)


def _restart(tx: Tx, run_id: str, reason: str | None) -> None:
    supervisors.restart(tx, run_id=run_id, reason=reason)


_OPERATIONS: Final[dict[BatchOperation, Callable[[Tx, str, str | None], None]]] = {
    BatchOperation.ARCHIVE_OLD: _archive,
    BatchOperation.PAUSE_ALL: _pause,
    BatchOperation.RESUME_ALL: _resume,
    BatchOperation.CLEANUP_ARCHIVED: _clean_up,
    BatchOperation.RESTART_STALE: _restart,
}

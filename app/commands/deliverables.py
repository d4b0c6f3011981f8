"""What a phase owes: completed with evidence, or waived by somebody who says why."""

from difflib import get_close_matches

from app import store
from app.commands import moves, workers
from app.commands.audit import Change
from app.domain.deliverables import DeliverableMove
from app.domain.errors import AppError, ErrorCode
from app.domain.runs import EDITABLE
from app.store.db import Tx
from app.store.deliverable_tables import DeliverableRow
from app.store.tables import PhaseRow, RunRow


def complete(
    tx: Tx,
    *,
    run_id: str,
    phase: str,
    deliverable: str,
    evidence: str | None = None,
    expected_version: int | None = None,
) -> Change:
    run, found, owed = _owed(tx, run_id, phase, deliverable, expected_version)
    moves.settle_deliverable(tx, run, found, owed, DeliverableMove.COMPLETE)
    owed.evidence, owed.reason = evidence, None
    return _done(tx, run, found)


def waive(
    tx: Tx,
    *,
    run_id: str,
    phase: str,
    deliverable: str,
    reason: str | None = None,
    expected_version: int | None = None,
) -> Change:
    """Go without it. Who said so, and why, is kept."""
    run, found, owed = _owed(tx, run_id, phase, deliverable, expected_version)
    moves.settle_deliverable(tx, run, found, owed, DeliverableMove.WAIVE)
    owed.reason = reason
    return _done(tx, run, found)


def _done(tx: Tx, run: RunRow, phase: PhaseRow) -> Change:
    run.version += 1
    if phase.id == run.phase_id and store.gates.holds(run, phase):
        workers.reopen(tx, run, reason=None)
    moves.settle(tx, run)
    return Change({"run": run.id}, run=run)


def _owed(
    tx: Tx, run_id: str, phase_key: str, key: str, version: int | None
) -> tuple[RunRow, PhaseRow, DeliverableRow]:
    run = store.runs.lock(tx, run_id, version=version)
    if run.status not in EDITABLE:
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            f"The deliverables of a run that is {run.status} stay as they are.",
        )
    phase = store.phases.find_key(tx, run.id, phase_key)
    if phase is None:
        keys = ", ".join(one.key for one in store.phases.of_run(tx, run.id))
        raise AppError(
            ErrorCode.NOT_FOUND,
            f"This run has no phase {phase_key!r}.",
            suggestion=f"It has: {keys}.",
            path=["input", "phase"],
        )
    owed = store.deliverables.find_key(tx, phase.id, key)
    if owed is None:
        raise _unknown(tx, phase, key)
    return run, phase, owed


def _unknown(tx: Tx, phase: PhaseRow, key: str) -> AppError:
    known = [one.key for one in store.deliverables.of_phases(tx, [phase.id])[phase.id]]
    close = get_close_matches(key, known, n=1)
    listed = f"It owes: {', '.join(known)}." if known else "It owes nothing."
    return AppError(
        ErrorCode.INVALID_DELIVERABLE,
        f"Phase {phase.key!r} owes no deliverable {key!r}.",
        suggestion=f"Did you mean {close[0]!r}? {listed}" if close else listed,
        path=["input", "deliverable"],
    )

"""Leaving phases: by a verb, by a confirmation, by force; and asking whether a run may complete."""

from app import store
from app.commands import moves, workers
from app.commands.audit import Change
from app.domain.attention import AttentionMove
from app.domain.errors import AppError, ErrorCode
from app.domain.phases import OPEN, PhaseMove, PhaseStatus
from app.domain.runs import DRIVEN, EDITABLE, RunMove, RunStatus
from app.store.db import Tx
from app.store.tables import AttentionRow, PhaseRow, RunRow


def advance(
    tx: Tx,
    *,
    run_id: str,
    to_phase: str | None = None,
    confirmed: bool = False,
    force: bool = False,
    reason: str | None = None,
    expected_version: int | None = None,
) -> Change:
    """Leave the current phase for the next one. `force` leaves it before its gate holds, never past its guard."""
    run = store.runs.lock(tx, run_id, version=expected_version)
    phase = _current(tx, run)
    if to_phase is not None:
        _check_target(tx, run, phase, to_phase)
    if not force and not store.gates.holds(run, phase):
        raise _not_ready(tx, phase)
    if store.gates.is_guarded(run, phase) and not confirmed:
        raise _guarded(tx, run, phase)
    workers.reopen(tx, run, reason=reason)
    confirm(tx, run, phase)
    moves.settle(tx, run)
    return Change({"run": run.id}, run=run)


def confirm(tx: Tx, run: RunRow, phase: PhaseRow) -> None:
    """Leave a phase because the actor says so."""
    before = run.version
    waits = phase.status == PhaseStatus.AWAITING_CONFIRMATION
    guarded = store.gates.is_guarded(run, phase)
    moves.complete_phase(
        tx,
        run,
        phase,
        PhaseMove.CONFIRM if waits else PhaseMove.COMPLETE,
        confirmed_by=tx.actor if guarded else None,
    )
    if run.version == before:  # it was the last one: no other has begun, and yet the run is another
        run.version += 1


def settled(tx: Tx, run: RunRow, item: AttentionRow, move: AttentionMove) -> None:
    """The question whether a phase may be left was closed; to answer it is to confirm."""
    phase = store.phases.find(tx, run.phase_id)
    if move is AttentionMove.ANSWER and phase is not None:
        confirm(tx, run, phase)


def check_completion(
    tx: Tx, *, run_id: str, reason: str | None = None, expected_version: int | None = None
) -> Change:
    """Tell what a run would have to do before it completes, and complete it where that is nothing."""
    run = store.runs.lock(tx, run_id, version=expected_version)
    missing = _missing_for_completion(tx, run)
    completes = not missing and run.status in DRIVEN
    if completes:
        if run.status != RunStatus.ACTIVE:
            moves.move_run(tx, run, RunMove.GO_ON, reason=reason)
        moves.move_run(tx, run, RunMove.FINISH, reason=reason)
        run.version += 1
        moves.settle(tx, run)
    refs = {"run": run.id, "ready": not missing, "wouldComplete": completes, "missing": missing}
    return Change(refs, run=run)


def _missing_for_completion(tx: Tx, run: RunRow) -> list[str]:
    if run.status in (RunStatus.COMPLETING, RunStatus.COMPLETED):
        return []
    if run.status not in DRIVEN:
        return [f"the run, which is {run.status}, to go on"]
    found = []
    for phase in store.phases.of_run(tx, run.id):
        if phase.status == PhaseStatus.COMPLETED:
            continue
        waits_for = store.gates.missing(tx, phase)
        if not waits_for and store.gates.is_guarded(run, phase):
            waits_for = ["a confirmation"]
        found += [f"phase {phase.key!r}: {one}" for one in waits_for or ["advancePhase"]]
    return found


def _current(tx: Tx, run: RunRow) -> PhaseRow:
    phase = store.phases.find(tx, run.phase_id)
    if run.status not in EDITABLE or phase is None:
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            f"A run that is {run.status} goes on to no other phase.",
            suggestion="startRun first." if run.status == RunStatus.CREATED else None,
        )
    if phase.status not in OPEN:
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            f"Phase {phase.key!r} was the last one, and is {phase.status}.",
            suggestion="checkCompletion completes the run.",
        )
    return phase


def _check_target(tx: Tx, run: RunRow, phase: PhaseRow, to_phase: str) -> None:
    following = store.phases.next_after(tx, phase)
    if following is not None and following.key == to_phase:
        return
    keys = [one.key for one in store.phases.of_run(tx, run.id)]
    if to_phase not in keys:
        raise AppError(
            ErrorCode.NOT_FOUND,
            f"This run has no phase {to_phase!r}.",
            suggestion=f"It has: {', '.join(keys)}.",
            path=["input", "toPhase"],
        )
    raise AppError(
        ErrorCode.INVALID_TRANSITION,
        f"The run is in phase {phase.key!r}: {to_phase!r} does not come next.",
        suggestion=f"{following.key!r} does."
        if following is not None
        else "It is the last one: leave toPhase out.",
        path=["input", "toPhase"],
    )


def _not_ready(tx: Tx, phase: PhaseRow) -> AppError:
    missing = store.gates.missing(tx, phase)
    return AppError(
        ErrorCode.VALIDATION_FAILED,
        f"The gate of phase {phase.key!r} does not hold: it waits for {', '.join(missing[:5])}"
        f"{' and more' if len(missing) > 5 else ''}.",
        suggestion="See to what is missing; an ADMIN may go on without it, with force.",
        details={"missing": missing},
    )


def _guarded(tx: Tx, run: RunRow, phase: PhaseRow) -> AppError:
    item = store.attention.find_confirmation(tx, run, phase)
    return AppError(
        ErrorCode.PHASE_GUARD_REQUIRED,
        f"Phase {phase.key!r} is guarded: it is left only when somebody confirms it.",
        suggestion="Look at its deliverables, then send advancePhase with confirmed.",
        path=["input", "confirmed"],
        details={"phase": phase.id, "item": item.id if item is not None else None},
    )

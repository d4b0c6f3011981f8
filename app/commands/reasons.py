"""Words for people about what runs do by themselves."""

from app import store
from app.domain.budgets import money
from app.domain.phases import PhaseStatus
from app.domain.runs import RunMove
from app.domain.tasks import TaskStatus
from app.store.db import Tx
from app.store.tables import RunRow


def why(tx: Tx, run: RunRow, move: RunMove) -> str | None:
    """Words for people about a move that a run made by itself."""
    match move:
        case RunMove.AWAIT_INPUT:
            return _why_waiting(tx, run)
        case RunMove.FAIL:
            keys = [task.key for task in store.tasks.of_run(tx, run.id, [TaskStatus.FAILED])]
            return f"{_list(keys)} failed and nothing else can go on: retryRun makes the failed tasks ready again."
        case RunMove.BLOCK:
            return _why_blocked(tx, run)
        case RunMove.FINISH:
            return f"{run.live_workers} workers have not ended yet." if run.live_workers else None
        case RunMove.PAUSE:
            return f"Its budget of {money(run.budget or 0)} is used up: {money(run.cost)} is spent. See the attention list."
        case _:
            return run.status_reason if move in (RunMove.REST, RunMove.CANCEL) else None


def _why_waiting(tx: Tx, run: RunRow) -> str:
    phase = store.phases.find(tx, run.phase_id)
    if phase is not None and store.attention.find_confirmation(tx, run, phase) is not None:
        return f"Phase {phase.key!r} waits to be confirmed: see the attention list."
    held = len(store.attention.held_back(tx, run))
    if held and not run.waiting:
        return f"{held} {_tasks(held)} for paths that another is at work on: see the attention list."
    if not run.waiting and store.budgets.is_asked(tx, run):
        return "A budget has no room for what is to be done next: see the attention list."
    if not run.waiting:
        return "Every worker waits for an answer: see the attention list."
    return f"{run.waiting + held} {_tasks(run.waiting + held)} for an answer: see the attention list."


def _why_blocked(tx: Tx, run: RunRow) -> str:
    phase = store.phases.find(tx, run.phase_id)
    if phase is not None and phase.status == PhaseStatus.COMPLETED:
        return "Every gate is met: checkCompletion completes the run."
    if phase is not None and phase.status == PhaseStatus.AWAITING_CONFIRMATION:
        return f"Phase {phase.key!r} waits to be confirmed: advancePhase, with confirmed, goes on."
    if phase is not None and store.gates.holds(run, phase):
        return f"The gate of phase {phase.key!r} holds: advancePhase goes on."
    beyond = list(store.budgets.beyond(tx, run.id, 6))
    if beyond:
        return f"{_list(beyond)}: no budget has room for it. configureRun or mutateDag raises one."
    by_hand = list(store.tasks.by_hand(tx, run.id, 6))
    if by_hand:
        return f"{_list(by_hand)} {'wait' if len(by_hand) > 1 else 'waits'} to be done by hand: completeTask says when."
    blocked = [task.key for task in store.tasks.of_run(tx, run.id, [TaskStatus.BLOCKED])]
    if blocked:
        return f"{_list(blocked)} {'are' if len(blocked) > 1 else 'is'} blocked: unblockTask or skipTask goes on."
    if phase is not None and phase.owed:
        return f"Phase {phase.key!r} waits for {_list(store.gates.missing(tx, phase))}."
    return "Nothing can go on: what is left waits for tasks that were cancelled."


def _tasks(count: int) -> str:
    return "task waits" if count == 1 else "tasks wait"


def _list(keys: list[str]) -> str:
    shown = ", ".join(keys[:5])
    return shown if len(keys) <= 5 else f"{shown} and {len(keys) - 5} more"

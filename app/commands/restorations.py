"""An agent that looks after a run is brought back: from what was saved of it, and from how its run stands now.

Each step is a fact. What a step says is read and written in the transaction that restarts the supervisor, so one that is killed
in between has not happened, and one that is repeated begins anew.
"""

from collections.abc import Sequence

from app import store
from app.domain.attention import AttentionStatus
from app.domain.events import EventKind
from app.domain.restorations import RESTORATION, Chosen, RestorationMove, RestorationStep, moves
from app.domain.saved_states import FLAWS, SAVED_WITH, Conversation
from app.store.db import Tx
from app.store.restorations import Restored
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import AttentionRow, RunRow, TaskRow


def begin(tx: Tx, run: RunRow, supervisor: SupervisorRow) -> Restored:
    """Take an agent's steps up to where it is handed its context. Whoever gives it that says so by `hand_over`."""
    found = store.restorations.chosen(tx, run, supervisor)
    state = found.state
    pending = store.restorations.unfinished(tx, state.pending_tasks) if state is not None else []
    waiting = [
        item for item in store.restorations.questions(tx, supervisor) if item.status == AttentionStatus.OPEN
    ]
    if state is not None:
        supervisor.activity, supervisor.progress = state.activity, state.progress
        supervisor.pending_tasks = [task.id for task in pending]
    supervisor.restoration = []
    for move in moves(found, questions=bool(waiting), tasks=bool(pending)):
        _take(tx, run, supervisor, move, _detail(move, found, waiting, pending), waiting, pending)
    return store.restorations.context(tx, run, supervisor)


def hand_over(tx: Tx, run: RunRow, supervisor: SupervisorRow, *, how: str) -> None:
    """The agent is given its context; nothing where it has it already, or was not brought back."""
    if RESTORATION.allows(step(supervisor), RestorationMove.HAND_OVER):
        _take(tx, run, supervisor, RestorationMove.HAND_OVER, how)


def go_on(tx: Tx, run: RunRow, supervisor: SupervisorRow) -> Restored | None:
    """The agent is heard: where it was being brought back it is now, and is told what it needs to know."""
    if step(supervisor) is RestorationStep.RESUMED:
        return None

    restored = store.restorations.context(tx, run, supervisor)
    hand_over(tx, run, supervisor, how="In the answer to its first heartbeat.")
    _take(tx, run, supervisor, RestorationMove.GO_ON, None)
    return restored


def step(supervisor: SupervisorRow) -> RestorationStep:
    """The last one that was taken; RESUMED where it was never brought back."""
    steps = supervisor.restoration
    return RestorationStep(steps[-1]["step"]) if steps else RestorationStep.RESUMED


def _take(
    tx: Tx,
    run: RunRow,
    supervisor: SupervisorRow,
    move: RestorationMove,
    detail: str | None,
    questions: Sequence[AttentionRow] = (),
    tasks: Sequence[TaskRow] = (),
) -> None:
    new = RESTORATION.after(step(supervisor), move)
    supervisor.restoration = [
        *supervisor.restoration,
        {"step": new, "detail": detail, "at": tx.now.isoformat()},
    ]
    store.events.append(
        tx,
        EventKind.SUPERVISOR_RESTORED,
        run=run,
        supervisor=supervisor.id,
        step=new,
        detail=detail,
        questions=[item.id for item in questions] if new is RestorationStep.QUESTIONS_DELIVERED else [],
        tasks=[task.id for task in tasks] if new is RestorationStep.TASKS_AWAITED else [],
    )


def _detail(
    move: RestorationMove, found: Chosen, questions: Sequence[AttentionRow], tasks: Sequence[TaskRow]
) -> str | None:
    """A step in words."""
    state, conversation = found.state, found.conversation
    flawed = " ".join(f"State {n} {FLAWS[flaw]}." for n, flaw in found.passed_over)
    match move:
        case RestorationMove.LOAD if state is None:
            return "There is none to go on from."
        case RestorationMove.LOAD if state is not None:
            return f"State {state.n} of {state.at:%Y-%m-%d %H:%M:%SZ}, saved with {SAVED_WITH[state.point]}."
        case RestorationMove.START_FRESH:
            return flawed or "Nothing was saved."
        case RestorationMove.TAKE_CHECKPOINT:
            return flawed
        case RestorationMove.RESTORE_CONVERSATION:
            return _remembered(conversation)
        case RestorationMove.DELIVER_QUESTIONS:
            return f"{len(questions)} {'waits' if len(questions) == 1 else 'wait'} for an answer."
        case RestorationMove.AWAIT_TASKS:
            return f"{', '.join(task.key for task in tasks[:5])}{' and more' if len(tasks) > 5 else ''}"
    return None


def _remembered(conversation: Conversation | None) -> str:
    if conversation is None:
        return "It had left no notes."
    notes = f"Notes of {len(conversation.memo):,} characters" if conversation.memo else "No notes"
    return f"{notes}, {f'session {conversation.session_id}' if conversation.session_id else 'no session'}."

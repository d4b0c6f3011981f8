"""How an agent that looks after a run is brought back, step by step, from what was saved of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.machines import Machine, table
from app.domain.saved_states import Conversation, Flaw, Kept, SavedState, SavePoint, Unusable, unseal


class RestorationStep(StrEnum):
    STATE_LOADED = "STATE_LOADED"
    STARTED_FRESH = "STARTED_FRESH"
    CHECKPOINT_TAKEN = "CHECKPOINT_TAKEN"
    CONVERSATION_RESTORED = "CONVERSATION_RESTORED"
    QUESTIONS_DELIVERED = "QUESTIONS_DELIVERED"
    TASKS_AWAITED = "TASKS_AWAITED"
    CONTEXT_HANDED_OVER = "CONTEXT_HANDED_OVER"
    RESUMED = "RESUMED"


class RestorationMove(StrEnum):
    LOAD = "LOAD"
    START_FRESH = "START_FRESH"
    TAKE_CHECKPOINT = "TAKE_CHECKPOINT"
    RESTORE_CONVERSATION = "RESTORE_CONVERSATION"
    DELIVER_QUESTIONS = "DELIVER_QUESTIONS"
    AWAIT_TASKS = "AWAIT_TASKS"
    HAND_OVER = "HAND_OVER"
    GO_ON = "GO_ON"


S, M = RestorationStep, RestorationMove
RESTORATION: Final = Machine(
    "restoration",
    S.STATE_LOADED,
    table(
        (tuple(S), M.LOAD, S.STATE_LOADED),
        ((S.STATE_LOADED,), M.START_FRESH, S.STARTED_FRESH),
        ((S.STATE_LOADED,), M.TAKE_CHECKPOINT, S.CHECKPOINT_TAKEN),
        ((S.STATE_LOADED, S.CHECKPOINT_TAKEN), M.RESTORE_CONVERSATION, S.CONVERSATION_RESTORED),
        ((S.STARTED_FRESH, S.CONVERSATION_RESTORED), M.DELIVER_QUESTIONS, S.QUESTIONS_DELIVERED),
        ((S.CONVERSATION_RESTORED, S.QUESTIONS_DELIVERED), M.AWAIT_TASKS, S.TASKS_AWAITED),
        (
            (S.STARTED_FRESH, S.CONVERSATION_RESTORED, S.QUESTIONS_DELIVERED, S.TASKS_AWAITED),
            M.HAND_OVER,
            S.CONTEXT_HANDED_OVER,
        ),
        ((S.CONTEXT_HANDED_OVER,), M.GO_ON, S.RESUMED),
    ),
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is gone on from: the newest state that holds, the newest conversation that does, and what was passed over."""

    state: SavedState | None
    conversation: Conversation | None
    passed_over: tuple[tuple[int, Flaw], ...]


def choose(
    kept: Sequence[Kept], *, supervisor: str, tasks: Collection[str], phases: Collection[str]
) -> Chosen:
    """From the newest saved state to the oldest. `tasks` and `phases` are what there is of those that states name.

    A heartbeat's state says nothing of the conversation: that of the last full one is gone on with.
    """
    state: SavedState | None = None
    flaws: list[tuple[int, Flaw]] = []
    for one in sorted(kept, key=lambda one: -one.n):
        try:
            found = _held(unseal(one, supervisor=supervisor), tasks, phases)
        except Unusable as unusable:
            flaws.append((one.n, unusable.flaw))
            continue
        state = state or found
        if found.point is not SavePoint.HEARTBEAT:
            return Chosen(state, found.conversation, tuple(flaws))
    return Chosen(state, None, tuple(flaws))


def named_tasks(kept: Sequence[Kept], *, supervisor: str) -> set[str]:
    """The tasks that any readable state waits for."""
    found: set[str] = set()
    for one in kept:
        try:
            found.update(unseal(one, supervisor=supervisor).pending_tasks)
        except Unusable:
            continue
    return found


def _held(state: SavedState, tasks: Collection[str], phases: Collection[str]) -> SavedState:
    if not set(state.pending_tasks) <= set(tasks):
        raise Unusable(Flaw.TASKS_GONE)
    if state.phase is not None and state.phase not in phases:
        raise Unusable(Flaw.PHASE_GONE)
    return state


def moves(chosen: Chosen, *, questions: bool, tasks: bool) -> list[RestorationMove]:
    """What is done at once; handing over and going on are the agent's own steps."""
    steps = [M.LOAD]
    if chosen.state is None:
        steps.append(M.START_FRESH)
    else:
        steps += [M.TAKE_CHECKPOINT] if chosen.passed_over else []
        steps.append(M.RESTORE_CONVERSATION)
    steps += [M.DELIVER_QUESTIONS] if questions else []
    steps += [M.AWAIT_TASKS] if tasks and chosen.state is not None else []
    return steps

"""Every table of states, over every state and every move."""

from enum import StrEnum
from typing import Any

import pytest

from app.domain.attention import ATTENTION, AttentionMove, AttentionStatus
from app.domain.commands import COMMAND, UNDER_WAY, CommandMove, CommandStatus
from app.domain.deliverables import DELIVERABLE, DeliverableMove, DeliverableStatus
from app.domain.errors import AppError, ErrorCode
from app.domain.machines import Machine, table
from app.domain.phases import PHASE, PhaseMove, PhaseStatus
from app.domain.restorations import RESTORATION, RestorationMove, RestorationStep
from app.domain.runs import ENDED, RUN, RunMove, RunStatus
from app.domain.supervisors import (
    BUILT_IN,
    OVER,
    SUPERVISOR,
    SupervisorMove,
    SupervisorState,
    moves_to,
)
from app.domain.tasks import FINISHED, TASK, TaskMove, TaskStatus
from app.domain.workers import LIVE, WORKER, WorkerMove, WorkerStatus

MACHINES: list[tuple[Machine[Any, Any], type[StrEnum], type[StrEnum]]] = [
    (RUN, RunStatus, RunMove),
    (PHASE, PhaseStatus, PhaseMove),
    (DELIVERABLE, DeliverableStatus, DeliverableMove),
    (SUPERVISOR, SupervisorState, SupervisorMove),
    (RESTORATION, RestorationStep, RestorationMove),
    (TASK, TaskStatus, TaskMove),
    (WORKER, WorkerStatus, WorkerMove),
    (ATTENTION, AttentionStatus, AttentionMove),
    (COMMAND, CommandStatus, CommandMove),
]
BY_NOUN = [pytest.param(*row, id=row[0].noun) for row in MACHINES]
EVERYTHING = [
    pytest.param(machine, state, move, id=f"{machine.noun}-{state}-{move}")
    for machine, states, moves in MACHINES
    for state in states
    for move in moves
]

# As product.md tells them, written down a second time: a change of a table has to be made in both places.
RUN_STORY = """
    CREATED START ACTIVE
    ACTIVE,WAITING_FOR_INPUT,BLOCKED,PAUSING PAUSE PAUSING
    PAUSING REST PAUSED
    PAUSED,PAUSING RESUME ACTIVE
    ACTIVE AWAIT_INPUT WAITING_FOR_INPUT
    ACTIVE BLOCK BLOCKED
    WAITING_FOR_INPUT,BLOCKED GO_ON ACTIVE
    ACTIVE FAIL FAILED
    FAILED,BLOCKED RETRY ACTIVE
    ACTIVE FINISH COMPLETING
    COMPLETING REOPEN ACTIVE
    COMPLETING COMPLETE COMPLETED
    CREATED,ACTIVE,WAITING_FOR_INPUT,PAUSING,PAUSED,BLOCKED,COMPLETING,STOPPING STOP STOPPING
    STOPPING CANCEL CANCELLED
    COMPLETED,FAILED,CANCELLED ARCHIVE ARCHIVED
"""
PHASE_STORY = """
    PENDING BEGIN ACTIVE
    ACTIVE AWAIT_CONFIRMATION AWAITING_CONFIRMATION
    AWAITING_CONFIRMATION REOPEN ACTIVE
    AWAITING_CONFIRMATION CONFIRM COMPLETED
    ACTIVE COMPLETE COMPLETED
"""
TASK_STORY = """
    PENDING MAKE_READY READY
    READY HOLD_BACK PENDING
    READY RUN RUNNING
    READY,RUNNING,WAITING_FOR_INPUT COMPLETE COMPLETED
    BLOCKED FINISH_LATE COMPLETED
    RUNNING ASK WAITING_FOR_INPUT
    WAITING_FOR_INPUT GO_ON RUNNING
    READY,RUNNING,WAITING_FOR_INPUT TRY_AGAIN READY
    READY,RUNNING,WAITING_FOR_INPUT FAIL FAILED
    PENDING,READY,RUNNING BLOCK BLOCKED
    BLOCKED UNBLOCK PENDING
    PENDING,READY,BLOCKED,FAILED SKIP SKIPPED
    FAILED,COMPLETED,SKIPPED,CANCELLED RETRY PENDING
    PENDING,READY,RUNNING,WAITING_FOR_INPUT,BLOCKED,FAILED CANCEL CANCELLED
"""
WORKER_STORY = """
    SPAWNING START RUNNING
    RUNNING,WAITING_FOR_INPUT PAUSE PAUSED
    PAUSED RESUME RUNNING
    RUNNING ASK WAITING_FOR_INPUT
    WAITING_FOR_INPUT GO_ON RUNNING
    RUNNING,WAITING_FOR_INPUT,PAUSED SUCCEED SUCCEEDED
    SPAWNING,RUNNING,WAITING_FOR_INPUT,PAUSED FAIL FAILED
    SPAWNING,RUNNING,WAITING_FOR_INPUT,PAUSED,STOPPING KILL STOPPING
    STOPPING DIE KILLED
    SPAWNING,RUNNING,WAITING_FOR_INPUT,PAUSED LOSE LOST
"""
DELIVERABLE_STORY = """
    PENDING,WAIVED COMPLETE COMPLETED
    PENDING WAIVE WAIVED
"""
ATTENTION_STORY = """
    OPEN ANSWER ANSWERED
    OPEN DISMISS DISMISSED
    OPEN EXPIRE EXPIRED
"""
COMMAND_STORY = """
    REQUESTED DELIVER DELIVERED
    REQUESTED,DELIVERED ACKNOWLEDGE ACKNOWLEDGED
    REQUESTED,DELIVERED,ACKNOWLEDGED TAKE_EFFECT EFFECTIVE
    REQUESTED,DELIVERED,ACKNOWLEDGED REJECT REJECTED
    REQUESTED,DELIVERED,ACKNOWLEDGED EXPIRE EXPIRED
"""
SUPERVISOR_STORY = """
    INITIALIZING,WORKING,WAITING_FOR_USER,WAITING_FOR_TASKS,BLOCKED REST IDLE
    INITIALIZING,IDLE,WAITING_FOR_USER,WAITING_FOR_TASKS,BLOCKED WORK WORKING
    INITIALIZING,IDLE,WORKING,WAITING_FOR_TASKS,BLOCKED ASK WAITING_FOR_USER
    INITIALIZING,IDLE,WORKING,WAITING_FOR_USER,BLOCKED AWAIT_TASKS WAITING_FOR_TASKS
    INITIALIZING,IDLE,WORKING,WAITING_FOR_USER,WAITING_FOR_TASKS BLOCK BLOCKED
    INITIALIZING,IDLE,WORKING,WAITING_FOR_USER,WAITING_FOR_TASKS,BLOCKED COMPLETE COMPLETED
    INITIALIZING,IDLE,WORKING,WAITING_FOR_USER,WAITING_FOR_TASKS,BLOCKED FAIL FAILED
    INITIALIZING,IDLE,WORKING,WAITING_FOR_USER,WAITING_FOR_TASKS,BLOCKED INTERRUPT INTERRUPTED
    INITIALIZING,IDLE,WORKING,WAITING_FOR_USER,WAITING_FOR_TASKS,BLOCKED,COMPLETED,FAILED,INTERRUPTED RESTART INITIALIZING
"""
RESTORATION_STORY = """
    STATE_LOADED,STARTED_FRESH,CHECKPOINT_TAKEN,CONVERSATION_RESTORED,QUESTIONS_DELIVERED,TASKS_AWAITED LOAD STATE_LOADED
    CONTEXT_HANDED_OVER,RESUMED LOAD STATE_LOADED
    STATE_LOADED START_FRESH STARTED_FRESH
    STATE_LOADED TAKE_CHECKPOINT CHECKPOINT_TAKEN
    STATE_LOADED,CHECKPOINT_TAKEN RESTORE_CONVERSATION CONVERSATION_RESTORED
    STARTED_FRESH,CONVERSATION_RESTORED DELIVER_QUESTIONS QUESTIONS_DELIVERED
    CONVERSATION_RESTORED,QUESTIONS_DELIVERED AWAIT_TASKS TASKS_AWAITED
    STARTED_FRESH,CONVERSATION_RESTORED,QUESTIONS_DELIVERED,TASKS_AWAITED HAND_OVER CONTEXT_HANDED_OVER
    CONTEXT_HANDED_OVER GO_ON RESUMED
"""
STORIES = {
    "supervisor": SUPERVISOR_STORY,
    "restoration": RESTORATION_STORY,
    "run": RUN_STORY,
    "phase": PHASE_STORY,
    "deliverable": DELIVERABLE_STORY,
    "task": TASK_STORY,
    "worker": WORKER_STORY,
    "attention item": ATTENTION_STORY,
    "command": COMMAND_STORY,
}


def told(machine: Machine[Any, Any]) -> dict[tuple[str, str], str]:
    lines = [line.split() for line in STORIES[machine.noun].splitlines() if line.strip()]
    return {(origin, move): target for origins, move, target in lines for origin in origins.split(",")}


@pytest.mark.parametrize(("machine", "state", "move"), EVERYTHING)
def test_only_the_moves_of_the_story_are_possible(
    machine: Machine[Any, Any], state: StrEnum, move: StrEnum
) -> None:
    target = told(machine).get((state.value, move.value))
    assert machine.allows(state, move) == (target is not None)
    if target is not None:
        assert machine.after(state, move) == target
        return
    with pytest.raises(AppError) as refused:
        machine.after(state, move)
    assert refused.value.code is ErrorCode.INVALID_TRANSITION
    assert f"A {machine.noun} that is {state} cannot " in refused.value.message
    origins = {origin for origin, other in told(machine) if other == move.value}
    assert refused.value.suggestion is not None
    assert (
        set(refused.value.suggestion.removeprefix("It can when it is ").rstrip(".").split(" or ")) == origins
    )


@pytest.mark.parametrize(("machine", "states", "moves"), BY_NOUN)
def test_every_state_can_be_reached_and_every_move_can_be_made(
    machine: Machine[Any, Any], states: type[StrEnum], moves: type[StrEnum]
) -> None:
    reached = {machine.start}
    while True:
        further = {target for (origin, _), target in machine.moves.items() if origin in reached}
        if further <= reached:
            break
        reached |= further
    assert reached == set(states)
    assert {move for _, move in machine.moves} == set(moves)


@pytest.mark.parametrize(("machine", "states", "moves"), BY_NOUN)
def test_what_is_allowed_in_a_state_is_what_the_table_lists_for_it(
    machine: Machine[Any, Any], states: type[StrEnum], moves: type[StrEnum]
) -> None:
    for state in states:
        allowed = machine.allowed(state)
        assert len(allowed) == len(set(allowed))
        assert set(allowed) == {move for move in moves if machine.allows(state, move)}
        assert machine.is_final(state) == (not allowed)


def test_what_has_ended_stays_ended() -> None:
    assert {state for state in WorkerStatus if WORKER.is_final(state)} == set(WorkerStatus) - LIVE
    assert {state for state in RunStatus if RUN.is_final(state)} == {RunStatus.ARCHIVED}
    for state in ENDED:
        assert set(RUN.allowed(state)) <= {RunMove.ARCHIVE, RunMove.RETRY}
    for status in FINISHED:
        assert TASK.allowed(status) == [TaskMove.RETRY]
    assert {state for state in AttentionStatus if not ATTENTION.is_final(state)} == {AttentionStatus.OPEN}
    assert {state for state in CommandStatus if not COMMAND.is_final(state)} == set(UNDER_WAY)


def test_a_pair_that_is_listed_twice_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="listed twice"):
        table(
            ((PhaseStatus.PENDING,), PhaseMove.BEGIN, PhaseStatus.ACTIVE),
            ((PhaseStatus.PENDING,), PhaseMove.BEGIN, PhaseStatus.COMPLETED),
        )


@pytest.mark.parametrize("state", SupervisorState)
@pytest.mark.parametrize("target", SupervisorState)
def test_a_supervisor_comes_from_any_state_to_any_other(
    state: SupervisorState, target: SupervisorState
) -> None:
    here = state
    for move in moves_to(state, target):
        here = SUPERVISOR.after(here, move)
    assert here is target


def test_the_built_in_supervisor_is_over_exactly_when_its_run_is() -> None:
    assert set(BUILT_IN) == set(RunStatus)
    for status, state in BUILT_IN.items():
        if state is not None:
            assert (state in OVER) == (status in ENDED)

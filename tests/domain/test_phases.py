"""What gates ask, and what a phase does by itself, over every combination of what it is judged by."""

from dataclasses import replace
from itertools import product

import pytest

from app.domain.phases import (
    PHASE,
    Gate,
    PhaseMove,
    PhaseStanding,
    PhaseStatus,
    TaskRequirement,
    gate_holds,
    gate_problem,
    next_phase_move,
)

S, M, Q = PhaseStatus, PhaseMove, TaskRequirement
STANDINGS = [
    PhaseStanding(*values)
    for values in product(
        *(PhaseStatus, TaskRequirement, (0, 2), (0, 1, 3), (0, 1, 2, 3), (0, 1), (0, 1)),
        *((False, True), (False, True)),
    )
]


@pytest.mark.parametrize(
    ("standing", "holds"),
    [
        (PhaseStanding(S.ACTIVE), True),
        (PhaseStanding(S.ACTIVE, unfinished=1), False),
        (PhaseStanding(S.ACTIVE, owed=1), False),
        (PhaseStanding(S.ACTIVE, Q.NONE, unfinished=9), True),
        (PhaseStanding(S.ACTIVE, Q.NONE, owed=1), False),
        (PhaseStanding(S.ACTIVE, Q.MIN, minimum=2, unfinished=1, done=1), False),
        (PhaseStanding(S.ACTIVE, Q.MIN, minimum=2, unfinished=1, done=2), True),
        (PhaseStanding(S.ACTIVE, Q.MIN, minimum=2, unfinished=1, done=3), True),
        (PhaseStanding(S.ACTIVE, Q.NAMED, named_left=1), False),
        (PhaseStanding(S.ACTIVE, Q.NAMED, unfinished=5), True),
        (PhaseStanding(S.ACTIVE, Q.NAMED, unfinished=5, owed=2), False),
    ],
)
def test_a_gate_holds_when_its_tasks_and_deliverables_do(standing: PhaseStanding, holds: bool) -> None:
    assert gate_holds(standing) is holds


def test_a_phase_makes_no_move_that_it_has_no_reason_for() -> None:
    for phase in STANDINGS:
        move = next_phase_move(phase)
        if move is None:
            continue
        assert PHASE.allows(phase.status, move)
        assert move in (M.AWAIT_CONFIRMATION, M.REOPEN, M.COMPLETE)
        if move is M.COMPLETE:
            assert gate_holds(phase)
            assert phase.auto_advance
            assert not phase.guarded
        if move is M.AWAIT_CONFIRMATION:
            assert gate_holds(phase)
            assert phase.guarded


def test_every_phase_comes_to_rest_and_a_guarded_one_before_its_end() -> None:
    for phase in STANDINGS:
        now = phase
        for _ in range(4):
            move = next_phase_move(now)
            if move is None:
                break
            now = replace(now, status=PHASE.after(now.status, move))
        else:
            raise AssertionError(f"never comes to rest: {phase}")
        if phase.guarded and phase.status is not S.COMPLETED:
            assert now.status is not S.COMPLETED


@pytest.mark.parametrize(
    ("gate", "problem"),
    [
        (Gate(), None),
        (Gate(Q.NONE), None),
        (Gate(Q.MIN, 2), None),
        (Gate(Q.MIN, 3), "the phase has 2 tasks, fewer than the minimum of 3."),
        (Gate(Q.MIN, 0), "MIN needs a minimum of at least 1."),
        (Gate(Q.MIN), "MIN needs a minimum of at least 1."),
        (Gate(Q.ALL, 1), "minimum goes with MIN, not with ALL."),
        (Gate(Q.NAMED, None, ("b",)), None),
        (Gate(Q.NAMED, None, ("b", "c")), "the phase has no task 'c'."),
        (Gate(Q.NAMED), "NAMED needs the keys of tasks."),
        (Gate(Q.NONE, None, ("a",)), "tasks go with NAMED, not with NONE."),
    ],
)
def test_a_gate_that_could_never_hold_is_told_from_one_that_can(gate: Gate, problem: str | None) -> None:
    assert gate_problem(gate, ["a", "b"]) == problem

"""Phases, their gates and their order."""

from collections import defaultdict
from collections.abc import Iterator

from app.domain.phases import (
    COUNTING,
    OPEN,
    Gate,
    PhaseStanding,
    PhaseStatus,
    TaskRequirement,
    gate_holds,
    gate_problem,
    next_phase_move,
)
from app.domain.runs import ENDED, RunStatus
from app.domain.tasks import FINISHED, TaskStatus
from tests.invariants.rows import Look, Row, rule, value


@rule
def a_phase_that_awaits_confirmation_is_guarded_and_ready(seen: Look) -> Iterator[str]:
    for run in seen.run.values():
        awaiting = [phase for phase in seen.of_run[run.id]["phase"] if is_awaiting(phase)]
        for phase in awaiting:
            facts = phase_standing(run, phase)
            if not is_over(run) and not (facts.guarded and gate_holds(facts)):
                yield f"phase {phase.key} waits to be confirmed: {facts}"
        asked = [
            item
            for item in seen.of_run[run.id]["attention"]
            if item.status == "OPEN" and item.kind == "PHASE_CONFIRMATION"
        ]
        if len(asked) > len(awaiting):
            yield f"{run.id} asks {len(asked)} times to confirm {len(awaiting)} phases"
        if asked and (
            run.status in (RunStatus.COMPLETED, RunStatus.CANCELLED, RunStatus.ARCHIVED, RunStatus.STOPPING)
        ):
            yield f"{run.id} is {run.status}, and asks to confirm a phase"


def is_over(run: Row) -> bool:
    return run.status in ENDED or run.status == RunStatus.STOPPING


def is_awaiting(phase: Row) -> bool:
    return bool(phase.status == PhaseStatus.AWAITING_CONFIRMATION)


def phase_standing(run: Row, phase: Row) -> PhaseStanding:
    return PhaseStanding(
        PhaseStatus(phase.status),
        TaskRequirement(phase.requirement),
        phase.minimum or 0,
        phase.unfinished,
        phase.done,
        phase.named_left,
        phase.owed,
        bool(run.phase_guard if phase.guard is None else phase.guard),
        bool(run.auto_advance),
    )


@rule
def phases_follow_one_another(seen: Look) -> Iterator[str]:
    order = [PhaseStatus.COMPLETED, *OPEN, PhaseStatus.PENDING]
    for run in seen.run.values():
        phases = sorted(seen.of_run[run.id]["phase"], key=lambda phase: phase.ordinal)
        statuses = [phase.status for phase in phases]
        if statuses != sorted(statuses, key=order.index) or sum(status in OPEN for status in statuses) > 1:
            yield f"{run.id} has phases {statuses}"
        begun = [phase for phase in phases if phase.status != PhaseStatus.PENDING]
        if run.phase_id != (begun[-1].id if begun else None):
            yield f"{run.id} is in phase {run.phase_id}, but has begun {[phase.key for phase in begun]}"
        for phase in phases:
            if not is_over(run):
                move = next_phase_move(phase_standing(run, phase))
                if move is not None:
                    yield f"phase {phase.key} is {phase.status}, but should {move}"
            if (phase.completed_at is not None) != (phase.status == PhaseStatus.COMPLETED):
                yield f"phase {phase.key} is {phase.status}, completed at {phase.completed_at}"
            if (phase.started_at is None) != (phase.status == PhaseStatus.PENDING):
                yield f"phase {phase.key} is {phase.status}, started at {phase.started_at}"


@rule
def behind_a_completed_phase_only_workers_are_left(seen: Look) -> Iterator[str]:
    for task in seen.task.values():
        left_over = task.status not in FINISHED and task.worker_id is None
        if left_over and seen.phase[task.phase_id].status == PhaseStatus.COMPLETED:
            yield f"task {task.key} is {task.status} without a worker in a phase that is over"


@rule
def a_gate_that_counts_tasks_has_them(seen: Look) -> Iterator[str]:
    keys = defaultdict(list)
    for task in seen.task.values():
        if task.status != TaskStatus.CANCELLED:
            keys[task.phase_id].append(task.key)
    for phase in seen.phase.values():
        gate = Gate(TaskRequirement(phase.requirement), phase.minimum, tuple(value(phase.gate_tasks) or ()))
        wanted = phase.status != PhaseStatus.COMPLETED and not is_over(seen.run[phase.run_id])
        if wanted and gate.requirement in COUNTING:
            problem = gate_problem(gate, keys[phase.id])
            if problem is not None:
                yield f"the gate of {phase.key} can never hold: {problem}"

"""A run's verbs, from its making out of a plan to its archiving."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from app import store
from app.commands import budgets, conflicts, moves, orders, supervision, tasks, workers
from app.commands.audit import Change
from app.domain import dag
from app.domain.budgets import Limit, money, said
from app.domain.conflicts import ConflictPolicy
from app.domain.deliverables import DELIVERABLE
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.phases import PhaseStatus
from app.domain.plans import (
    SETTLED,
    Plan,
    PlanDeliverable,
    PlanStatus,
    PlanTask,
    runtime_values,
)
from app.domain.project_settings import UNCHANGED, ProjectSettings
from app.domain.runs import ENDED, RUN, Patience, RunMove, RunStatus, Urgency
from app.domain.tasks import FINISHED, TaskMove, TaskStatus
from app.domain.workers import Desire
from app.store.collecting import uncollected
from app.store.db import Tx
from app.store.deliverable_tables import DeliverableRow
from app.store.tables import PhaseRow, RunRow

IMPORTED: Final = {
    PlanStatus.DONE: (TaskStatus.COMPLETED, "The plan marks it as done."),
    PlanStatus.CANCELLED: (TaskStatus.SKIPPED, "The plan marks it as cancelled."),
}
"""What a plan says of a task that is not to be run, and why, for people. Everything else is still to do."""


@dataclass(frozen=True, slots=True)
class PlanSource:
    """The document a run was made from; kept whole, with its hash."""

    path: str | None = None
    format: str | None = None
    hash: str = ""
    text: str = ""


def create(
    tx: Tx,
    *,
    project_id: str,
    plan: Plan,
    source: PlanSource,
    name: str | None = None,
    runtime: dict[str, Any] | None = None,
    supervisor: dict[str, Any] | None = None,
    max_workers: int | None = None,
    budget: int | None = None,
    phase_guard: bool | None = None,
    auto_advance: bool | None = None,
    auto_complete: bool | None = None,
    conflict_policy: ConflictPolicy | None = None,
    server: ProjectSettings = UNCHANGED,
    start: bool = False,
) -> Change:
    """Make a run of a plan that has been read and checked. `runtime` is for tasks that do not say themselves.

    With `supervisor` an agent is started to look after it, in place of the built-in one. What is None here, and the plan
    does not say either, is as the project has it, or the server.
    """
    project = store.projects.get(tx, project_id)
    usual = store.project_flags.settings(tx, project.id, server)
    keys = {task.key: list(task.depends_on) for task in plan.tasks()}
    dag.refuse_cycle(keys, "input", "plan")
    run = RunRow(
        id=store.ids.new("run"),
        project_id=project.id,
        name=name or plan.title or "Untitled",
        status=RUN.start,
        runtime=runtime or usual.runtime,
        max_workers=max_workers or plan.max_workers or usual.max_workers,
        budget=plan.budget if budget is None else budget,
        phase_guard=usual.phase_guard if phase_guard is None else phase_guard,
        auto_advance=usual.auto_advance if auto_advance is None else auto_advance,
        auto_complete=usual.auto_complete if auto_complete is None else auto_complete,
        conflict_policy=conflict_policy or plan.conflict_policy or usual.conflict_policy,
        plan_path=source.path,
        plan_format=source.format,
        plan_hash=source.hash,
        plan_text=source.text,
        created_at=tx.now,
        last_activity_at=tx.now,
    )
    tx.session.add(run)
    tx.session.flush()
    with uncollected():
        _add_tasks(tx, run, plan)
    store.events.append(tx, EventKind.RUN_STATUS_CHANGED, run=run, old=None, new=run.status, reason=None)
    supervision.begin(tx, run, runtime=supervisor)
    if start:
        _start(tx, run)
    return Change({"run": run.id}, run=run)


def _add_tasks(tx: Tx, run: RunRow, plan: Plan) -> None:
    """Write phases, tasks, edges and subtasks in bulk: a plan may have a hundred thousand of them."""
    depths = dag.Dag({task.key: task.depends_on for task in plan.tasks()}).depths()
    done = {task.key for task in plan.tasks() if task.status in SETTLED}
    ids = {task.key: store.ids.new("task") for task in plan.tasks()}
    rows: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    subtasks: list[dict[str, Any]] = []
    owed: list[DeliverableRow] = []
    for ordinal, planned in enumerate(plan.phases, 1):
        phase = PhaseRow(
            id=store.ids.new("phase"),
            run_id=run.id,
            ordinal=ordinal,
            key=planned.key,
            title=planned.title,
            status=PhaseStatus.PENDING,
            requirement=planned.gate.requirement,
            minimum=planned.gate.minimum,
            gate_tasks=list(planned.gate.tasks) or None,
            guard=planned.guard,
            unfinished=sum(task.key not in done for task in planned.tasks),
            done=sum(task.key in done for task in planned.tasks),
            named_left=len(set(planned.gate.tasks) - done),
            owed=sum(one.required for one in planned.deliverables),
        )
        tx.session.add(phase)
        owed += [owed_row(phase, position, one) for position, one in enumerate(planned.deliverables, 1)]
        for task in planned.tasks:
            needs = set(task.depends_on)
            task_id = ids[task.key]
            rows.append(
                {
                    **task_values(run, task),
                    "id": ids[task.key],
                    "phase_id": phase.id,
                    "ordinal": len(rows) + 1,
                    "depth": depths[task.key],
                    "waiting_for": len(needs - done),
                }
            )
            edges += [{"task_id": task_id, "needs_id": ids[key], "run_id": run.id} for key in needs]
            subtasks += subtask_values(task_id, task)
    for status, number in Counter(row["status"] for row in rows).items():
        moves.count(run, status, number)
    tx.session.flush()
    tx.session.add_all(owed)
    store.tasks.insert(tx, tasks=rows, edges=edges, subtasks=subtasks)


def subtask_values(task_id: str, task: PlanTask) -> list[dict[str, Any]]:
    return [
        {
            "id": store.ids.new("sub"),
            "task_id": task_id,
            "ordinal": position,
            "title": subtask.title,
            "completed": subtask.status in SETTLED,
        }
        for position, subtask in enumerate(task.subtasks, 1)
    ]


def owed_row(phase: PhaseRow, ordinal: int, planned: PlanDeliverable) -> DeliverableRow:
    return DeliverableRow(
        id=store.ids.new("dlv"),
        run_id=phase.run_id,
        phase_id=phase.id,
        ordinal=ordinal,
        key=planned.key,
        title=planned.title,
        required=planned.required,
        status=DELIVERABLE.start,
    )


def task_values(run: RunRow, task: PlanTask) -> dict[str, Any]:
    """The columns of a task that follow from its plan and its run's defaults."""
    status, reason = IMPORTED.get(task.status, (TaskStatus.PENDING, None))
    own = runtime_values(task.runtime) if task.runtime is not None else None
    return {
        "run_id": run.id,
        "key": task.key,
        "title": task.title,
        "description": task.description,
        "status": status,
        "status_reason": reason,
        "priority": task.priority,
        "max_attempts": task.max_attempts or 1,
        "timeout_seconds": task.timeout_seconds,
        "budget": task.budget,
        "runtime": own or run.runtime,
        "paths": task.paths,
        "skill": task.skill,
    }


def start(tx: Tx, *, run_id: str, expected_version: int | None = None) -> Change:
    run = store.runs.lock(tx, run_id, version=expected_version)
    _start(tx, run)
    run.version += 1
    return Change({"run": run.id}, run=run)


def _start(tx: Tx, run: RunRow) -> None:
    moves.move_run(tx, run, RunMove.START)
    first = store.phases.of_run(tx, run.id)[0]
    moves.begin(tx, run, first, old=None)
    moves.settle(tx, run)


def pause(
    tx: Tx, *, run_id: str, mode: Urgency, reason: str | None = None, expected_version: int | None = None
) -> Change:
    """DRAIN starts nothing more and lets workers finish; NOW also pauses them. DRAIN may be raised to NOW."""
    run = store.runs.lock(tx, run_id, version=expected_version)
    if run.status == RunStatus.PAUSING and (run.urgency == Urgency.NOW or mode is Urgency.DRAIN):
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            f"The run is already pausing ({run.urgency}).",
            suggestion="Wait for PAUSED, pause it with mode NOW, or resume it.",
        )
    moves.move_run(tx, run, RunMove.PAUSE, reason=reason)
    run.urgency = mode
    run.version += 1
    if mode is Urgency.NOW:
        for worker in store.workers.live(tx, run_id=run.id):
            orders.want(tx, run, worker, Desire.PAUSE)
    moves.settle(tx, run)
    return Change({"run": run.id}, run=run)


def resume(tx: Tx, *, run_id: str, expected_version: int | None = None) -> Change:
    run = store.runs.lock(tx, run_id, version=expected_version)
    RUN.after(RunStatus(run.status), RunMove.RESUME)
    refuse_used_up(tx, run)
    moves.move_run(tx, run, RunMove.RESUME)
    run.version += 1
    for worker in store.workers.live(tx, run_id=run.id):
        task = store.tasks.find(tx, worker.task_id) if worker.task_id else None
        if task is None or task.status != TaskStatus.BLOCKED:
            orders.want(tx, run, worker, Desire.RUN)
    moves.settle(tx, run)
    return Change({"run": run.id}, run=run)


def stop(
    tx: Tx, *, run_id: str, mode: Urgency, reason: str | None = None, expected_version: int | None = None
) -> Change:
    """DRAIN lets running workers finish; NOW kills them. Tasks that no worker is on are cancelled at once."""
    run = store.runs.lock(tx, run_id, version=expected_version)
    if run.status == RunStatus.STOPPING and (run.urgency == Urgency.NOW or mode is Urgency.DRAIN):
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            f"The run is already stopping ({run.urgency}).",
            suggestion="Wait for CANCELLED, or stop it with mode NOW.",
        )
    moves.move_run(tx, run, RunMove.STOP, reason=reason)
    run.urgency = mode
    run.version += 1
    tx.session.flush()
    for task in store.tasks.of_run(tx, run.id, set(TaskStatus) - FINISHED - {TaskStatus.FAILED}):
        if task.worker_id is None:
            moves.move_task(tx, run, task, TaskMove.CANCEL, reason="The run was stopped.")
    for worker in store.workers.live(tx, run_id=run.id):
        if mode is Urgency.NOW:
            workers.stop(tx, run, worker, reason="The run was stopped.")
        else:
            orders.want(tx, run, worker, Desire.RUN)  # a paused worker could never finish
            if store.budgets.stopped_by(tx, run, worker) is not None:
                workers.stop(tx, run, worker, reason="Its budget is used up.")
    moves.settle(tx, run)
    return Change({"run": run.id}, run=run)


def refuse_used_up(tx: Tx, run: RunRow) -> None:
    """A run does not go on past its budget: that has to be raised first. Behind its last gate there is nothing to spend."""
    phase = store.phases.find(tx, run.phase_id)
    done = phase is not None and phase.status == PhaseStatus.COMPLETED
    if store.budgets.of_run(run).is_used_up and not done:
        raise AppError(
            ErrorCode.BUDGET_EXCEEDED,
            f"The run has spent {money(run.cost)} of its budget of {money(run.budget or 0)}.",
            suggestion="Answer the BUDGET item, or raise the budget with configureRun: what it has paused goes on by itself.",
        )


def retry(tx: Tx, *, run_id: str, reason: str | None = None, expected_version: int | None = None) -> Change:
    """Make every failed task ready again and go on. A failed run whose failed tasks are gone goes on without them."""
    run = store.runs.lock(tx, run_id, version=expected_version)
    failed = store.tasks.of_run(tx, run.id, [TaskStatus.FAILED])
    if not failed and run.status != RunStatus.FAILED:
        RUN.after(RunStatus(run.status), RunMove.RETRY)
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            "No task of this run has failed.",
            suggestion="retryTask repeats a single task.",
        )
    refuse_used_up(tx, run)
    if run.status not in (RunStatus.PAUSED, RunStatus.PAUSING, RunStatus.ACTIVE, RunStatus.WAITING_FOR_INPUT):
        moves.move_run(tx, run, RunMove.RETRY, reason=reason)
    run.version += 1
    for task in failed:
        tasks.make_again(tx, run, task, reason=reason)
    moves.settle(tx, run)
    return Change({"run": run.id}, run=run)


def configure(
    tx: Tx,
    *,
    run_id: str,
    max_workers: int | None = None,
    phase_guard: bool | None = None,
    auto_advance: bool | None = None,
    auto_complete: bool | None = None,
    budget: Limit | None = None,
    conflict_policy: ConflictPolicy | None = None,
    expected_version: int | None = None,
) -> Change:
    """Change settings; None leaves one as it is. What waited for a setting goes on at once."""
    run = store.runs.lock(tx, run_id, version=expected_version)
    if run.status in ENDED and run.status != RunStatus.FAILED:
        raise AppError(ErrorCode.INVALID_TRANSITION, f"A run that is {run.status} cannot be configured.")
    if max_workers is not None:
        run.max_workers = max_workers
    if phase_guard is not None:
        run.phase_guard = phase_guard
    if auto_advance is not None:
        run.auto_advance = auto_advance
    if auto_complete is not None:
        run.auto_complete = auto_complete
    if conflict_policy is not None:
        run.conflict_policy = conflict_policy
    if budget is not None:
        budgets.limit_run(tx, run, budget)
        budgets.review(tx, run, answer=said(budget))
    moves.touch(tx, run)
    budgets.tell_of_run(tx, run)
    conflicts.follow_policy(tx, run)
    moves.settle(tx, run)
    return Change({"run": run.id}, run=run)


def archive(tx: Tx, *, run_id: str, reason: str | None = None, expected_version: int | None = None) -> Change:
    run = store.runs.lock(tx, run_id, version=expected_version)
    RUN.after(RunStatus(run.status), RunMove.ARCHIVE)
    moves.drop_items(tx, run, over=True)  # before the end, after which nothing comes
    moves.move_run(tx, run, RunMove.ARCHIVE, reason=reason)
    run.version += 1
    return Change({"run": run.id}, run=run)


def announce_stale(tx: Tx, patience: Patience) -> int:
    """Say once of each run that should be getting on that it has stood still for too long. Returns how many there were."""
    told = 0
    for run_id in store.runs.newly_stale(tx, patience):
        run = store.runs.lock(tx, run_id)
        if not (tx.exclusive or store.runs.newly_stale(tx, patience, run_id)):
            continue  # it has gone on, or ended, while we waited for the lock
        told += 1
        run.stale_announced_at = tx.now
        seconds = int((tx.now - run.last_activity_at).total_seconds())
        last = run.last_activity_at.isoformat()
        store.events.append(
            tx, EventKind.STALE_DETECTED, run=run, last_activity_at=last, stale_seconds=seconds
        )
    return told

"""Changing the DAG of a run under way: all operations or none."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app import store
from app.commands import budgets, moves, workers
from app.commands.audit import Change
from app.domain import dag, limits
from app.domain.budgets import Limit, said
from app.domain.edits import AddDependency, AddTask, Edit, EditTask, RemoveDependency, RemoveTask
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.phases import COUNTING, Gate, PhaseStatus, TaskRequirement, gate_problem
from app.domain.runs import EDITABLE
from app.domain.tasks import TaskMove, TaskStatus
from app.store.db import Tx
from app.store.tables import PhaseRow, RunRow, TaskRow

NOT_STARTED = frozenset({TaskStatus.PENDING, TaskStatus.READY, TaskStatus.BLOCKED})


def mutate(tx: Tx, *, run_id: str, edits: Sequence[Edit], expected_version: int | None = None) -> Change:
    """Apply `edits` in their order; refuse all of them where one cannot be done or a circle would come of it."""
    run = store.runs.lock(tx, run_id, version=expected_version)
    if run.status not in EDITABLE:
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            f"The tasks of a run that is {run.status} stay as they are.",
            suggestion="Make a new run.",
        )
    change = _Draft.of(tx, run)
    for position, edit in enumerate(edits):
        change.apply(edit, ["input", "operations", str(position)])
    dag.refuse_cycle(change.needs, "input", "operations")
    change.refuse_backward_edges()
    change.refuse_gates_that_cannot_hold()
    return _write(tx, run, change)


@dataclass(slots=True)
class _Draft:
    """The graph as it would be, and what the edits touched."""

    tx: Tx
    run: RunRow
    tasks: dict[str, TaskRow]
    needs: dict[str, set[str]]
    phases: dict[str, PhaseRow]
    by_id: dict[str, PhaseRow]
    added: dict[str, TaskRow] = field(default_factory=dict)
    changed: dict[str, TaskRow] = field(default_factory=dict)
    removed: dict[str, TaskRow] = field(default_factory=dict)
    killed: list[str] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    rewired: dict[str, list[str]] = field(default_factory=dict)
    """Tasks whose dependencies change, with the input path that did it."""

    @classmethod
    def of(cls, tx: Tx, run: RunRow) -> "_Draft":
        tasks = store.tasks.by_keys(tx, run.id)
        keys = {task.id: task.key for task in tasks.values()}
        needs: dict[str, set[str]] = {key: set() for key in tasks}
        for edge in store.tasks.edges(tx, run.id):
            needs[keys[edge.task_id]].add(keys[edge.needs_id])
        phases = store.phases.of_run(tx, run.id)
        return cls(
            tx,
            run,
            tasks,
            needs,
            {phase.key: phase for phase in phases},
            {phase.id: phase for phase in phases},
        )

    def apply(self, edit: Edit, path: list[str]) -> None:
        match edit:
            case AddTask():
                self._add(edit, [*path, "addTask"])
            case RemoveTask():
                self._remove(edit, [*path, "removeTask"])
            case AddDependency():
                path = [*path, "addDependency"]
                task = self._unstarted(edit.task, [*path, "task"])
                needed = self._task(edit.depends_on, [*path, "dependsOn"])
                self.needs[task.key].add(needed.key)
                self.rewired[task.key] = path
            case RemoveDependency():
                path = [*path, "removeDependency"]
                task = self._task(edit.task, [*path, "task"])
                if edit.depends_on not in self.needs[task.key]:
                    raise _unknown(
                        f"{edit.task!r} does not depend on {edit.depends_on!r}.", [*path, "dependsOn"]
                    )
                self.needs[task.key].discard(edit.depends_on)
                self.rewired[task.key] = path
            case EditTask():
                self._edit(edit, [*path, "updateTask"])

    def refuse_backward_edges(self) -> None:
        """A task may not wait for one of a later phase: that one would never start."""
        for key, path in self.rewired.items():
            if key not in self.tasks:
                continue
            own = self.by_id[self.tasks[key].phase_id]
            for needed in self.needs[key]:
                other = self.by_id[self.tasks[needed].phase_id]
                if other.ordinal > own.ordinal:
                    raise limits.invalid(
                        f"{key!r} of phase {own.key!r} cannot wait for {needed!r} of the later phase {other.key!r}.",
                        path,
                        "Move one of them to another phase in the same change.",
                    )

    def refuse_gates_that_cannot_hold(self) -> None:
        """A task that a gate counts on is not taken away from it: what was agreed would never be met, or be less."""
        if not self.removed and not self.changed:
            return
        for phase in self.by_id.values():
            gate = Gate(TaskRequirement(phase.requirement), phase.minimum, tuple(phase.gate_tasks or ()))
            if phase.status == PhaseStatus.COMPLETED or gate.requirement not in COUNTING:
                continue
            own = [
                task.key
                for task in self.tasks.values()
                if task.phase_id == phase.id and task.status != TaskStatus.CANCELLED
            ]
            if (problem := gate_problem(gate, own)) is not None:
                raise limits.invalid(
                    f"The gate of phase {phase.key!r} could never hold after this: {problem}",
                    ["input", "operations"],
                    "Skip a task instead of removing it: gates take what is skipped as done.",
                )

    def _add(self, edit: AddTask, path: list[str]) -> None:
        if edit.key in self.tasks or edit.key in self.removed:
            taken = self.tasks.get(edit.key) or self.removed[edit.key]
            hint = "retryTask brings it back." if taken.status == TaskStatus.CANCELLED else None
            raise limits.invalid(
                f"This run already has a task {edit.key!r}.", [*path, "key"], hint or "Choose another key."
            )
        task = TaskRow(
            id=store.ids.new("task"),
            run_id=self.run.id,
            phase_id=self._phase(edit.phase, [*path, "phase"]).id,
            ordinal=0,
            key=edit.key,
            title=edit.title,
            description=edit.description,
            status=TaskStatus.PENDING,
            priority=edit.priority,
            max_attempts=edit.max_attempts,
            timeout_seconds=edit.timeout_seconds,
            runtime=edit.runtime or self.run.runtime,
            skill=edit.skill,
            budget=edit.budget,
            paths=edit.paths,
        )
        self.tasks[edit.key] = self.added[edit.key] = task
        self.needs[edit.key] = set()
        for needed in edit.depends_on:
            self.needs[edit.key].add(self._task(needed, [*path, "dependsOn"]).key)
        self.rewired[edit.key] = [*path, "dependsOn"]

    def _remove(self, edit: RemoveTask, path: list[str]) -> None:
        task = self._task(edit.task, [*path, "task"])
        if task.status in (TaskStatus.COMPLETED, TaskStatus.SKIPPED, TaskStatus.CANCELLED):
            raise AppError(
                ErrorCode.INVALID_TRANSITION, f"Task {task.key!r} is already {task.status}.", path=path
            )
        if task.worker_id is not None:
            if not edit.kill_worker:
                raise AppError(
                    ErrorCode.INVALID_TRANSITION,
                    f"A worker is on task {task.key!r}.",
                    suggestion="Set killWorker to end it.",
                    path=[*path, "killWorker"],
                )
            self.killed.append(task.worker_id)
        for key, needed in self.needs.items():
            if task.key in needed:
                needed.discard(task.key)
                self.rewired.setdefault(key, path)
        del self.tasks[task.key], self.needs[task.key]
        self.rewired.pop(task.key, None)
        self.changed.pop(task.key, None)
        if self.added.pop(task.key, None) is None:
            self.removed[task.key] = task

    def _edit(self, edit: EditTask, path: list[str]) -> None:
        task = self._task(edit.task, [*path, "task"])
        if edit.phase is not None:
            task = self._unstarted(edit.task, [*path, "task"])
            phase = self._phase(edit.phase, [*path, "phase"])
            if task.key in self.added:
                task.phase_id = phase.id
            else:
                self._move_to(task, phase)
            self.rewired.setdefault(task.key, path)
            for key, needed in self.needs.items():
                if task.key in needed:
                    self.rewired.setdefault(key, path)
        for name in (
            "title",
            "description",
            "priority",
            "max_attempts",
            "timeout_seconds",
            "runtime",
            "skill",
            "paths",
        ):
            value = getattr(edit, name)
            if value is not None:
                setattr(task, name, value)
        if edit.budget is not None:
            budgets.limit_task(self.tx, self.run, task, edit.budget)
            self.limits.append(edit.budget)
        if task.key not in self.added:
            self.changed[task.key] = task

    def _move_to(self, task: TaskRow, phase: PhaseRow) -> None:
        self.by_id[task.phase_id].unfinished -= 1
        phase.unfinished += 1
        task.phase_id = phase.id

    def _task(self, key: str, path: list[str]) -> TaskRow:
        task = self.tasks.get(key)
        if task is None or task.status == TaskStatus.CANCELLED:
            raise _unknown(f"This run has no task {key!r}.", path)
        return task

    def _unstarted(self, key: str, path: list[str]) -> TaskRow:
        task = self._task(key, path)
        if task.status not in NOT_STARTED or task.worker_id is not None:
            raise AppError(
                ErrorCode.INVALID_TRANSITION,
                f"Task {key!r} is {task.status}: it waits for nothing any more.",
                suggestion="Only a task that has not started can be given another place.",
                path=path,
            )
        return task

    def _phase(self, key: str | None, path: list[str]) -> PhaseRow:
        if key is None:
            current = store.phases.find(self.tx, self.run.phase_id) or next(iter(self.phases.values()))
            key = current.key
        phase = self.phases.get(key)
        if phase is None:
            raise _unknown(f"This run has no phase {key!r}. It has: {', '.join(self.phases)}.", path)
        if phase.status == PhaseStatus.COMPLETED:
            raise AppError(
                ErrorCode.INVALID_TRANSITION,
                f"Phase {key!r} is completed.",
                suggestion="Choose the current phase or a later one.",
                path=path,
            )
        return phase


def _write(tx: Tx, run: RunRow, draft: _Draft) -> Change:
    ordinal = store.tasks.last_ordinal(tx, run.id)
    for position, task in enumerate(draft.added.values(), 1):
        task.ordinal = ordinal + position
        tx.session.add(task)
        run.pending += 1
        draft.by_id[task.phase_id].unfinished += 1
    tx.session.flush()
    for task in draft.removed.values():
        _take_out(tx, run, task)
    _rewire(tx, run, draft)
    run.version += 1
    moves.touch(tx, run)
    touched = [draft.tasks[key] for key in draft.rewired if key in draft.tasks]
    store.events.append(
        tx,
        EventKind.DAG_MUTATED,
        run=run,
        version=run.version,
        added=[task.id for task in draft.added.values()],
        changed=sorted(
            {task.id for task in [*draft.changed.values(), *touched] if task.key not in draft.added}
        ),
        removed=[task.id for task in draft.removed.values()],
    )
    for task in touched:
        moves.recount(tx, run, task)
    if draft.limits:
        budgets.review(tx, run, answer=said(draft.limits[-1]))
    moves.settle(tx, run)
    return Change({"run": run.id, "impact": _impact(tx, draft)}, run=run)


def _take_out(tx: Tx, run: RunRow, task: TaskRow) -> None:
    store.tasks.remove_edges(tx, task.id)
    task.waiting_for = task.depth = 0
    worker_id = task.worker_id
    moves.move_task(tx, run, task, TaskMove.CANCEL, reason="It was removed from the run.")
    if worker_id is not None:
        workers.stop(tx, run, store.workers.get(tx, worker_id), reason="Its task was removed.")


def _rewire(tx: Tx, run: RunRow, draft: _Draft) -> None:
    """Make the edges in the database those of the draft, for the tasks that changed."""
    rows: list[dict[str, Any]] = []
    for key in draft.rewired:
        task = draft.tasks.get(key)
        if task is None:
            continue
        before = {needed.key for needed in store.tasks.needs_of(tx, [task.id])[task.id]}
        for needed in before - draft.needs[key]:
            other = draft.tasks.get(needed) or draft.removed[needed]
            store.tasks.remove_edges(tx, task.id, other.id)
        rows += (
            {"task_id": task.id, "needs_id": draft.tasks[needed].id, "run_id": run.id}
            for needed in sorted(draft.needs[key] - before)
        )
    store.tasks.insert(tx, edges=rows)
    for key, depth in dag.Dag(draft.needs).depths().items():
        if draft.tasks[key].depth != depth:
            draft.tasks[key].depth = depth


def _impact(tx: Tx, draft: _Draft) -> dict[str, Any]:
    """What the change does, told in ids and keys: the same for a rehearsal and for the real thing."""
    new_status = {
        fact.task_id: fact.data["new"]
        for fact in tx.facts
        if fact.kind == EventKind.TASK_STATUS_CHANGED and fact.task_id is not None
    }
    own = {task.id for task in draft.added.values()}

    def became(status: TaskStatus) -> list[str]:
        return [task_id for task_id, new in new_status.items() if new == status and task_id not in own]

    return {
        "ready": became(TaskStatus.READY),
        "pending": became(TaskStatus.PENDING),
        "added": [
            {
                "key": task.key,
                "title": task.title,
                "phase": draft.by_id[task.phase_id].key,
                "dependsOn": sorted(draft.needs[task.key]),
                "task": task.id,
            }
            for task in draft.added.values()
        ],
        "removed": [task.id for task in draft.removed.values()],
        "killedWorkers": draft.killed,
    }


def _unknown(message: str, path: list[str]) -> AppError:
    return AppError(
        ErrorCode.NOT_FOUND, message, suggestion="Keys are spelled as in the run's tasks.", path=path
    )

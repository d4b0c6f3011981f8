"""A run as an import of a plan sees it, and what it is once the difference is applied."""

from dataclasses import replace
from typing import Any

from app.domain.edits import AddDependency, AddTask, EditTask, RemoveDependency, RemoveTask
from app.domain.phases import PhaseStatus
from app.domain.plan_changes import FIELDS, Difference, Held, HeldPhase, HeldTask
from app.domain.plans import Plan, PlanTask
from app.domain.tasks import TaskStatus

RUNTIME = {"kind": "command", "argv": ["true"]}


def values(task: PlanTask) -> dict[str, Any]:
    return {
        **{name: getattr(task, name) for name in FIELDS},
        "max_attempts": task.max_attempts or 1,
        "runtime": {"kind": "command", "argv": list(task.runtime.argv)} if task.runtime else RUNTIME,
    }


def run_of(plan: Plan, **statuses: TaskStatus) -> Held:
    """As createRun makes it."""
    return Held(
        [HeldPhase(phase.key, phase.title, PhaseStatus.PENDING) for phase in plan.phases],
        [
            HeldTask(
                task.key,
                task.title,
                phase.key,
                frozenset(task.depends_on),
                statuses.get(task.key, TaskStatus.PENDING),
                values(task),
                has_worker=statuses.get(task.key) is TaskStatus.RUNNING,
            )
            for phase in plan.phases
            for task in phase.tasks
        ],
        RUNTIME,
    )


def applied(held: Held, found: Difference) -> Held:
    """What the run is afterwards, by the plain meaning of the operations."""
    phases = {
        phase.key: replace(phase, title=found.titles.get(phase.key, phase.title)) for phase in held.phases
    }
    order = [phase.key for phase in held.phases]
    for new in found.phases:
        phases[new.key] = HeldPhase(new.key, new.title, PhaseStatus.PENDING)
        order.insert(order.index(new.after) + 1 if new.after is not None else 0, new.key)
    tasks = {task.key: task for task in held.tasks}
    for edit in found.edits:
        match edit:
            case AddTask():
                assert edit.key not in tasks
                assert set(edit.depends_on) <= tasks.keys()
                said = {name: getattr(edit, name) for name in FIELDS}
                said["runtime"] = said["runtime"] or held.runtime
                assert edit.phase is not None
                tasks[edit.key] = HeldTask(
                    edit.key, edit.title, edit.phase, frozenset(edit.depends_on), TaskStatus.PENDING, said
                )
            case RemoveTask():
                del tasks[edit.task]
                tasks = {key: replace(task, needs=task.needs - {edit.task}) for key, task in tasks.items()}
            case EditTask():
                task = tasks[edit.task]
                said = {name: getattr(edit, name) for name in FIELDS if getattr(edit, name) is not None}
                tasks[edit.task] = replace(
                    task,
                    title=edit.title or task.title,
                    phase=edit.phase or task.phase,
                    values={**task.values, **said},
                )
            case AddDependency():
                assert edit.depends_on in tasks
                tasks[edit.task] = replace(tasks[edit.task], needs=tasks[edit.task].needs | {edit.depends_on})
            case RemoveDependency():
                assert edit.depends_on in tasks[edit.task].needs
                tasks[edit.task] = replace(tasks[edit.task], needs=tasks[edit.task].needs - {edit.depends_on})
    return Held([phases[key] for key in order], list(tasks.values()), held.runtime)


def shown(held: Held) -> Any:
    """A run without its keys, which need not be those of the document: titles are all different here."""
    titles = {task.key: task.title for task in held.tasks}
    phases = {phase.key: phase.title for phase in held.phases}
    filled = {task.phase for task in held.tasks}
    return (
        [phase.title for phase in held.phases if phase.key in filled],
        {
            task.title: (phases[task.phase], {titles[on] for on in task.needs}, dict(task.values))
            for task in held.tasks
        },
    )

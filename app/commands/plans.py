"""Reading a run's plan again: what its document says otherwise now is done to the run, all of it or nothing."""

from dataclasses import asdict
from typing import Any, Final

from app import store
from app.commands import dag as graph
from app.commands.audit import Change
from app.commands.runs import PlanSource, owed_row, subtask_values
from app.domain import dag, limits
from app.domain.edits import AddDependency, AddTask, Edit, EditTask, RemoveDependency, RemoveTask
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.phases import PHASE, PhaseStatus
from app.domain.plan_changes import FIELDS, Difference, Held, HeldPhase, HeldTask, NewPhase, difference
from app.domain.plans import Plan
from app.domain.runs import EDITABLE
from app.domain.tasks import TaskStatus
from app.store.db import Tx
from app.store.deliverable_tables import DeliverableRow
from app.store.tables import PhaseRow, RunRow

_NO_IMPACT: Final[dict[str, Any]] = {
    "ready": [],
    "pending": [],
    "added": [],
    "removed": [],
    "killedWorkers": [],
}


def import_plan(
    tx: Tx,
    *,
    run_id: str,
    old: Plan | None,
    old_hash: str,
    new: Plan,
    source: PlanSource,
    kill: bool = False,
    expected_version: int | None = None,
) -> Change:
    """Bring a run to what `new` says, as far as it says otherwise than `old`, which the run was last made of.

    `old_hash` is that of the document that `old` was read from: another import may have come between.
    """
    run = store.runs.lock(tx, run_id, version=expected_version)
    _refuse_unless_editable(run, old_hash)
    dag.refuse_cycle({task.key: list(task.depends_on) for task in new.tasks()}, "input", "plan")
    found = difference(_held(tx, run), old, new, kill=kill)
    if found.size > limits.OPERATIONS:
        raise limits.too_large("What this plan changes", limits.OPERATIONS, "operations", ["input", "plan"])
    _add_phases(tx, run, found.phases)
    _rename_phases(tx, run, found.titles)
    version = run.version
    impact: dict[str, Any] = _NO_IMPACT
    if found.edits:
        impact = graph.mutate(tx, run_id=run.id, edits=found.edits).refs["impact"]
        _add_subtasks(tx, found, impact)
    run.version = max(run.version, version + 1)
    run.plan_path, run.plan_format = source.path or run.plan_path, source.format
    run.plan_hash, run.plan_text = source.hash, source.text
    store.events.append(
        tx,
        EventKind.PLAN_IMPORTED,
        run=run,
        path=run.plan_path,
        old=old_hash,
        new=source.hash,
        version=run.version,
    )
    return Change({"run": run.id, "impact": impact, **_told(found)}, run=run)


def notice(tx: Tx, *, run_id: str, hash: str) -> bool:
    """Say that the file of a run is at this hash now, unless that is what was said last."""
    run = store.runs.lock(tx, run_id)
    if run.status not in EDITABLE or run.plan_path is None:
        return False
    known = known_hash(tx, run.id)
    if known == hash:
        return False
    store.events.append(tx, EventKind.PLAN_CHANGED, run=run, path=run.plan_path, old=known, new=hash)
    return True


def known_hash(tx: Tx, run_id: str) -> str:
    """The hash that the log told last of a run's file, or that of the run's plan."""
    last = store.events.last_of(tx, run_id, (EventKind.PLAN_CHANGED, EventKind.PLAN_IMPORTED))
    return str(last.data["new"]) if last is not None else store.runs.get(tx, run_id).plan_hash


def _refuse_unless_editable(run: RunRow, old_hash: str) -> None:
    if run.status not in EDITABLE:
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            f"The tasks of a run that is {run.status} stay as they are.",
            suggestion="Make a new run of the plan.",
        )
    if run.plan_hash != old_hash:
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            "The plan was imported by somebody else at this moment.",
            suggestion="Look at the difference again.",
        )


def _held(tx: Tx, run: RunRow) -> Held:
    phases = store.phases.of_run(tx, run.id)
    names = {phase.id: phase.key for phase in phases}
    tasks = store.tasks.by_keys(tx, run.id)
    keys = {task.id: key for key, task in tasks.items()}
    needs: dict[str, set[str]] = {key: set() for key in tasks}
    for edge in store.tasks.edges(tx, run.id):
        needs[keys[edge.task_id]].add(keys[edge.needs_id])
    return Held(
        [HeldPhase(phase.key, phase.title, PhaseStatus(phase.status)) for phase in phases],
        [
            HeldTask(
                key=task.key,
                title=task.title,
                phase=names[task.phase_id],
                needs=frozenset(needs[task.key]),
                status=TaskStatus(task.status),
                values={name: getattr(task, name) for name in FIELDS},
                has_worker=task.worker_id is not None,
            )
            for task in tasks.values()
        ],
        run.runtime,
    )


def _add_phases(tx: Tx, run: RunRow, wanted: list[NewPhase]) -> None:
    """Each behind the one that it follows in the document, but never before one that has begun."""
    if not wanted:
        return
    order = list(store.phases.of_run(tx, run.id))
    if order and order[-1].status == PhaseStatus.COMPLETED:
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            "The last phase of the run is completed: no other can follow.",
            suggestion="Make a new run of the plan.",
        )
    earliest = sum(phase.status != PhaseStatus.PENDING for phase in order)
    owed: list[DeliverableRow] = []
    for new in wanted:
        places = {phase.key: place for place, phase in enumerate(order, 1)}
        row = PhaseRow(
            id=store.ids.new("phase"),
            run_id=run.id,
            ordinal=0,
            key=new.key,
            title=new.title,
            status=PHASE.start,
            requirement=new.gate.requirement,
            minimum=new.gate.minimum,
            gate_tasks=list(new.gate.tasks) or None,
            guard=new.guard,
            unfinished=0,
            named_left=len(set(new.gate.tasks)),
            owed=sum(one.required for one in new.deliverables),
        )
        owed += [owed_row(row, position, one) for position, one in enumerate(new.deliverables, 1)]
        place = max(earliest, places[new.after] if new.after is not None else 0)
        order.insert(place, row)
        earliest = place + 1
    # in two steps, because two phases may not even for a moment have the same place
    for step in (len(order) + max(phase.ordinal for phase in order), 0):
        for place, phase in enumerate(order, 1):
            phase.ordinal = place + step
            tx.session.add(phase)
        tx.session.flush()
    tx.session.add_all(owed)


def _add_subtasks(tx: Tx, found: Difference, impact: dict[str, Any]) -> None:
    rows = [row for new in impact["added"] for row in subtask_values(new["task"], found.added[new["key"]])]
    store.tasks.insert(tx, subtasks=rows)


def _rename_phases(tx: Tx, run: RunRow, titles: dict[str, str]) -> None:
    if titles:
        for phase in store.phases.of_run(tx, run.id):
            phase.title = titles.get(phase.key, phase.title)


def _told(found: Difference) -> dict[str, Any]:
    """What was done and what was not, as its answer tells it."""
    return {
        "operations": [
            *({"kind": "ADD_PHASE", "key": new.key, "title": new.title} for new in found.phases),
            *({"kind": "RENAME_PHASE", "key": key, "title": title} for key, title in found.titles.items()),
            *(_operation(edit) for edit in found.edits),
        ],
        "remarks": [asdict(remark) for remark in found.remarks],
    }


def _operation(edit: Edit) -> dict[str, Any]:
    match edit:
        case AddTask():
            told = {"title": edit.title, "phase": edit.phase, "dependsOn": edit.depends_on}
            return {"kind": "ADD_TASK", "key": edit.key, **told}
        case RemoveTask():
            return {"kind": "REMOVE_TASK", "key": edit.task}
        case EditTask():
            changed = [name for name in ("phase", *FIELDS) if getattr(edit, name) is not None]
            told = {"title": edit.title, "phase": edit.phase, "fields": changed}
            return {"kind": "EDIT_TASK", "key": edit.task, **told}
        case AddDependency():
            return {"kind": "ADD_DEPENDENCY", "key": edit.task, "dependsOn": [edit.depends_on]}
        case RemoveDependency():
            return {"kind": "REMOVE_DEPENDENCY", "key": edit.task, "dependsOn": [edit.depends_on]}

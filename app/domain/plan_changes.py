"""What importing a plan again would change in a run that was made of an earlier version of it.

Three things are compared: the run as it is, the plan it was last made of, and the plan as it is now. Only what the document
says otherwise than before is changed: what was done to the run by hand, by an operator or an orchestrator, stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import Any, Final

from app.domain.budgets import Limit
from app.domain.dag import Dag
from app.domain.edits import AddDependency, AddTask, Edit, EditTask, RemoveDependency, RemoveTask
from app.domain.phases import Gate, PhaseStatus
from app.domain.plan_gates import in_run, otherwise, over
from app.domain.plan_matching import match
from app.domain.plans import SETTLED, Plan, PlanDeliverable, PlanStatus, PlanTask, runtime_values
from app.domain.tasks import FINISHED, TaskStatus

FIELDS: Final = (
    "title",
    "description",
    "priority",
    "max_attempts",
    "timeout_seconds",
    "runtime",
    "skill",
    "budget",
    "paths",
)
"""What a document says of a task beside its place."""

_LIKE: Final = 0.6
_NOT_STARTED: Final = frozenset({TaskStatus.PENDING, TaskStatus.READY, TaskStatus.BLOCKED})


@dataclass(frozen=True, slots=True)
class HeldTask:
    """A task as the run has it. `values` are those of `FIELDS`."""

    key: str
    title: str
    phase: str
    needs: frozenset[str]
    status: TaskStatus
    values: Mapping[str, Any]
    has_worker: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it can still be given another place."""
        return self.status in _NOT_STARTED and not self.has_worker


@dataclass(frozen=True, slots=True)
class HeldPhase:
    key: str
    title: str
    status: PhaseStatus


@dataclass(frozen=True, slots=True)
class Held:
    """A run as it is. `runtime` is what tasks run that do not say so themselves."""

    phases: Sequence[HeldPhase]
    tasks: Sequence[HeldTask]
    runtime: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class NewPhase:
    """A phase to add behind another, or before all others. Its gate speaks of tasks by their keys in the run."""

    key: str
    title: str
    after: str | None
    gate: Gate = field(default_factory=Gate)
    guard: bool | None = None
    deliverables: Sequence[PlanDeliverable] = ()


@dataclass(frozen=True, slots=True)
class Remark:
    """Something the document says that an import leaves as it is, and why; `task` is its key in the run, if it has one."""

    task: str | None
    message: str


@dataclass(slots=True)
class Difference:
    """To be done in this order: phases, their titles, edits. `added` holds the new tasks by their keys in the run."""

    phases: list[NewPhase] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    edits: list[Edit] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    added: dict[str, PlanTask] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.phases) + len(self.titles) + len(self.edits)


def difference(held: Held, old: Plan | None, new: Plan, *, kill: bool = False) -> Difference:
    """What to do to `held` so that it is as `new` says. `old` is the plan it was last made of, if that is known.

    `kill` takes out tasks that a worker is on.
    """
    return _Comparison(held, old, new, kill).made()


class _Comparison:
    def __init__(self, held: Held, old: Plan | None, new: Plan, kill: bool) -> None:
        self._held = held
        self._old = old
        self._new = new
        self._kill = kill
        self._made = Difference()
        self._phases = self._phases_in_run(new)
        self._phase_of_new = {
            task.key: self._phases[phase.key] for phase in new.phases for task in phase.tasks
        }
        self._tasks = match(list(new.tasks()), held.tasks, _is_same_task)
        # the plan as it was, by the keys that its tasks have in the run
        before = match(list(old.tasks()), held.tasks) if old is not None else {}
        self._before = (
            {before[task.key].key: task for task in old.tasks() if task.key in before} if old else {}
        )
        self._old_keys = {key: other.key for key, other in before.items()}
        self._phases_before = self._phases_in_run(old) if old is not None else {}
        self._phase_before = self._phases_of_tasks(old) if old is not None else {}
        self._keys = self._keys_in_run()

    def made(self) -> Difference:
        self._compare_phases()
        by_key = {task.key: task for task in self._new.tasks()}
        for task in by_key.values():
            there = self._tasks.get(task.key)
            if there is not None:
                self._change(task, there)
        order = Dag(
            {key: [on for on in task.depends_on if on in by_key] for key, task in by_key.items()}
        ).order()
        for key in order:
            if key not in self._tasks:
                self._add(by_key[key])
        removed = self._removed()
        staying = {task.key for task in self._held.tasks} - {edit.task for edit in removed}
        for key, there in self._tasks.items():
            self._rewire(by_key[key], there, staying)
        self._made.edits += removed
        self._set_gates()
        self._compare_settings()
        return self._made

    def _remark(self, task: str | None, message: str) -> None:
        self._made.remarks.append(Remark(task, message))

    # ------------------------------------------------------------------ phases

    def _phases_in_run(self, plan: Plan) -> dict[str, str]:
        """By key of the document, key of the run; what is new keeps its own, or gets one that is free."""
        held = self._held.phases
        found = {key: other.key for key, other in match(plan.phases, held).items()}
        taken = set(found.values())
        for place, phase in enumerate(plan.phases):
            if phase.key not in found and place < len(held) and held[place].key not in taken:
                found[phase.key] = held[place].key
                taken.add(held[place].key)
        for phase in plan.phases:
            if phase.key not in found:
                found[phase.key] = _free(phase.key, taken | {other.key for other in held})
                taken.add(found[phase.key])
        return found

    def _compare_phases(self) -> None:
        held = {phase.key: phase for phase in self._held.phases}
        after = None
        for phase in self._new.phases:
            key = self._phases[phase.key]
            if key not in held:
                new = NewPhase(key, phase.title, after, guard=phase.guard, deliverables=phase.deliverables)
                self._made.phases.append(new)
            elif held[key].title != phase.title:
                self._made.titles[key] = phase.title
            after = key
        for key in held.keys() - set(self._phases.values()):
            self._remark(
                None, f"The plan has no phase {key!r} any more: it stays, and is passed when it is empty."
            )

    def _set_gates(self) -> None:
        """Of new phases, over the tasks that come into them; those of phases that are there stay as they were agreed."""
        wanted = {self._phases[phase.key]: phase for phase in self._new.phases}
        for place, new in enumerate(self._made.phases):
            phase = wanted[new.key]
            coming = {
                edit.key if isinstance(edit, AddTask) else edit.task
                for edit in self._made.edits
                if isinstance(edit, AddTask | EditTask) and edit.phase == new.key
            }
            asked = in_run(phase.gate, self._keys)
            gate = over(asked, coming, left_out=len(phase.tasks) - len(coming))
            self._made.phases[place] = replace(new, gate=gate)
            if gate != asked:
                self._remark(
                    None, f"The gate of phase {new.key!r} asks less: some of its tasks do not come into it."
                )
        for phase in self._old.phases if self._old is not None else ():
            key = self._phases_before[phase.key]
            changed = otherwise(phase, wanted[key], self._old_keys, self._keys) if key in wanted else []
            if changed:
                self._remark(
                    None,
                    f"The plan says otherwise of phase {key!r} ({', '.join(changed)}): what was agreed stays as it is.",
                )

    def _phases_of_tasks(self, old: Plan) -> dict[str, str]:
        """By keys of the run: in which phase the document had a task before."""
        return {
            self._old_keys[task.key]: self._phases_before[phase.key]
            for phase in old.phases
            for task in phase.tasks
            if task.key in self._old_keys
        }

    # ------------------------------------------------------------------ tasks

    def _keys_in_run(self) -> dict[str, str]:
        """By key of the document, key of the run; what is new keeps its own unless another task has it."""
        keys = {key: there.key for key, there in self._tasks.items()}
        taken = {task.key for task in self._held.tasks}
        for task in self._new.tasks():
            if task.key not in keys:
                keys[task.key] = _free(task.key, taken)
                taken.add(keys[task.key])
        return keys

    def _change(self, task: PlanTask, there: HeldTask) -> None:
        before = self._before.get(there.key)
        known = _values(before, self._held.runtime) if before is not None else there.values
        said = _values(task, self._held.runtime)
        changed = {name: said[name] for name in FIELDS if said[name] not in (known[name], there.values[name])}
        for name in [name for name, value in changed.items() if value is None]:
            del changed[name]  # None leaves a value as it is: nothing else can be said of a running DAG
            self._remark(there.key, f"The plan says nothing of its {name} any more: it stays as it is.")
        phase = self._moved(task, there)
        if there.status == TaskStatus.CANCELLED:
            if changed or phase:
                self._remark(there.key, "It was taken out of the run: retryTask brings it back.")
        elif changed or phase:
            if "budget" in changed:
                changed["budget"] = Limit(changed["budget"])
            self._made.edits.append(EditTask(there.key, phase=phase, **changed))
        self._remark_on(task, before, there)

    def _moved(self, task: PlanTask, there: HeldTask) -> str | None:
        phase = self._phase_of_new[task.key]
        was = self._phase_before.get(there.key)
        moved = phase != there.phase and (was is None or was != phase)
        if not moved or there.status in FINISHED:
            return None
        if not there.is_open:
            self._remark(there.key, f"It is {there.status}, so it stays in the phase {there.phase!r}.")
            return None
        return phase if self._can_take(phase, there.key) else None

    def _can_take(self, phase: str, key: str) -> bool:
        completed = any(one.key == phase and one.status is PhaseStatus.COMPLETED for one in self._held.phases)
        if completed:
            self._remark(key, f"Phase {phase!r} is completed: nothing can be added to it.")
        return not completed

    def _remark_on(self, task: PlanTask, before: PlanTask | None, there: HeldTask) -> None:
        """What a change of the DAG cannot say."""
        if task.status in SETTLED and there.status not in FINISHED:
            verb = "completeTask" if task.status is PlanStatus.DONE else "skipTask"
            self._remark(there.key, f"The plan marks it as {task.status}: {verb} says so to the run.")
        if before is None:
            return
        if before.status in SETTLED and task.status not in SETTLED and there.status in FINISHED:
            self._remark(there.key, "The plan no longer marks it as done: retryTask does it again.")
        if [part.title for part in before.subtasks] != [part.title for part in task.subtasks]:
            self._remark(
                there.key, "Its subtasks were changed in the plan: those of the run stay as they are."
            )

    def _add(self, task: PlanTask) -> None:
        key, phase = self._keys[task.key], self._phase_of_new[task.key]
        if task.status in SETTLED:
            self._remark(None, f"Task {task.key!r} is new and {task.status} already: it is not added.")
            return
        if not self._can_take(phase, key):
            return
        said = _values(task, None)
        needs = [on for on in (self._needed(key, other) for other in task.depends_on) if on is not None]
        self._made.added[key] = task
        self._made.edits.append(AddTask(key=key, phase=phase, depends_on=needs, **said))

    def _needed(self, key: str, other: str) -> str | None:
        """The key in the run of what a task waits for; None where nothing of it is left to wait for."""
        on = self._keys.get(other)
        there = self._tasks.get(other)
        if on is None or (there is None and on not in self._made.added):
            return None
        if there is not None and there.status == TaskStatus.CANCELLED:
            self._remark(key, f"It cannot wait for {on!r}, which was taken out of the run.")
            return None
        return on

    def _rewire(self, task: PlanTask, there: HeldTask, staying: set[str]) -> None:
        if there.status in FINISHED:
            return
        before = self._before.get(there.key)
        was = (
            {self._old_keys.get(on, on) for on in before.depends_on}
            if before is not None
            else set(there.needs)
        )
        wanted = {self._keys[on] for on in task.depends_on if on in self._keys}
        names = {self._keys[on]: on for on in task.depends_on if on in self._keys}
        for on in sorted(wanted - was - there.needs):
            if self._needed(there.key, names[on]) is None:
                continue
            if there.is_open:
                self._made.edits.append(AddDependency(there.key, on))
            else:
                self._remark(there.key, f"It is {there.status}: it cannot wait for {on!r} any more.")
        for on in sorted((was - wanted) & there.needs & staying):
            self._made.edits.append(RemoveDependency(there.key, on))

    def _removed(self) -> list[RemoveTask]:
        """Tasks that the plan had and has no more. What was never in it is somebody else's."""
        wanted = {there.key for there in self._tasks.values()}
        removed = []
        for there in self._held.tasks:
            if there.key in wanted or there.key not in self._before or there.status in FINISHED:
                continue
            if there.has_worker and not self._kill:
                self._remark(
                    there.key, "A worker is on it: it stays in the run, unless its worker may be killed."
                )
            else:
                removed.append(RemoveTask(there.key, kill_worker=there.has_worker))
        return removed

    def _compare_settings(self) -> None:
        old = self._old
        if old is not None and _settings(old) != _settings(self._new):
            self._remark(
                None, "What the plan says of the whole run has changed: its settings stay as they are."
            )


def _settings(plan: Plan) -> tuple[Any, ...]:
    return plan.runtime, plan.supervisor, plan.max_workers, plan.budget, plan.conflict_policy


def _is_same_task(wanted: PlanTask, there: HeldTask) -> bool:
    """What has begun was begun under its title: another one under the same key is another task, that nobody has done."""
    if there.is_open:
        return True
    return SequenceMatcher(None, wanted.title.lower(), there.title.lower()).ratio() >= _LIKE


def _values(task: PlanTask, default: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "title": task.title,
        "description": task.description,
        "priority": task.priority,
        "max_attempts": task.max_attempts or 1,
        "timeout_seconds": task.timeout_seconds,
        "runtime": runtime_values(task.runtime) if task.runtime is not None else default,
        "skill": task.skill,
        "budget": task.budget,
        "paths": list(task.paths),
    }


def _free(key: str, taken: set[str]) -> str:
    number = 2
    found = key
    while found in taken:
        found, number = f"{key}~{number}", number + 1
    return found

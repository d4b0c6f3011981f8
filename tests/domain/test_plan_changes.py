"""Applying what an import would do to the run that was made of the old plan gives the new plan."""

import random
from dataclasses import replace
from typing import Any

import pytest

from app.domain.edits import AddDependency, AddTask, EditTask, RemoveDependency, RemoveTask
from app.domain.phases import Gate, PhaseStatus, TaskRequirement as Q
from app.domain.plan_changes import FIELDS, Difference, Held, HeldPhase, HeldTask, difference
from app.domain.plan_matching import match
from app.domain.plans import (
    CommandRuntime,
    Plan,
    PlanDeliverable,
    PlanFormat,
    PlanPhase,
    PlanStatus,
    PlanSubtask,
    PlanTask,
)
from app.domain.tasks import TaskStatus
from tests.factories import a_plan, a_task

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


# ---------------------------------------------------------------- any plan, any change


class Author:
    """Writes a plan, and changes it as authors do."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.count = 0

    def title(self) -> str:
        self.count += 1
        return f"title {self.count}"

    def plan(self, phases: list[list[tuple[str, dict[str, Any]]]], titles: list[str]) -> Plan:
        """Tasks are named by their title; what they wait for too. Keys are those of the format: counted or of the author."""
        keys = {}
        counted = self.random.random() < 0.5
        for number, tasks in enumerate(phases, 1):
            for place, (title, _) in enumerate(tasks, 1):
                keys[title] = (
                    f"{number}.{place}" if counted else self.known.setdefault(title, f"T{len(self.known)}")
                )
        return Plan(
            PlanFormat.TRACKSIDE,
            "x",
            [
                PlanPhase(
                    f"phase-{number}",
                    phase_title,
                    [
                        PlanTask(
                            keys[title],
                            title,
                            depends_on=[keys[on] for on in said["needs"] if on in keys],
                            **{name: value for name, value in said.items() if name != "needs"},
                        )
                        for title, said in tasks
                    ],
                )
                for number, (phase_title, tasks) in enumerate(zip(titles, phases, strict=True), 1)
            ],
        )

    known: dict[str, str]

    def said(self, before: list[str]) -> dict[str, Any]:
        pick = self.random
        return {
            "needs": pick.sample(before, min(len(before), pick.randint(0, 2))),
            "description": pick.choice(["", "a", "b"]),
            "priority": pick.randint(-1, 1),
            "max_attempts": pick.choice([None, 1, 2]),
            "paths": pick.choice([[], ["src"]]),
            "runtime": pick.choice([None, CommandRuntime(("make",))]),
        }

    def two(self) -> tuple[Plan, Plan]:
        self.known = {}
        pick = self.random
        phases: list[list[tuple[str, dict[str, Any]]]] = []
        before: list[str] = []
        titles = []
        for _ in range(pick.randint(1, 4)):
            titles.append(self.title())
            tasks = []
            for _ in range(pick.randint(0, 5)):
                title = self.title()
                tasks.append((title, self.said(before)))
                before.append(title)
            phases.append(tasks)
        state = pick.getstate()
        old = self.plan(phases, titles)
        for _ in range(pick.randint(0, 6)):
            self.change(phases, titles)
        after = pick.getstate()
        pick.setstate(state)  # the same author: keys are counted in both or in none
        new = self.plan(phases, titles)
        pick.setstate(after)
        return old, new

    def change(self, phases: list[list[tuple[str, dict[str, Any]]]], titles: list[str]) -> None:
        pick = self.random
        place = pick.randrange(len(phases))
        tasks = phases[place]
        before = [title for some in phases[:place] for title, _ in some]
        match pick.randint(0, 5):
            case 0:
                tasks.insert(
                    at := pick.randint(0, len(tasks)),
                    (self.title(), self.said(before + [one for one, _ in tasks[:at]])),
                )
            case 1 if tasks:
                tasks.pop(pick.randrange(len(tasks)))
            case 2 if tasks:
                at = pick.randrange(len(tasks))
                tasks[at] = (tasks[at][0], self.said(before + [one for one, _ in tasks[:at]]))
            case 3:
                titles[place] = self.title()
            case 4:
                phases.insert(place, [(self.title(), self.said(before))])
                titles.insert(place, self.title())
            case 5 if len(phases) > 1:
                phases.pop(place)
                titles.pop(place)


@pytest.mark.parametrize("seed", range(400))
def test_a_run_of_the_old_plan_becomes_one_of_the_new(seed: int) -> None:
    old, new = Author(seed).two()
    held = run_of(old)
    after = applied(held, difference(held, old, new))
    assert shown(after) == shown(run_of(new))
    again = difference(after, new, new)
    assert (again.size, [one.message for one in again.remarks if one.task]) == (0, [])


@pytest.mark.parametrize("seed", range(50))
def test_what_was_done_by_hand_stays(seed: int) -> None:
    old, new = Author(seed).two()
    held = run_of(old)
    if not held.tasks:
        return
    own = replace(held.tasks[0], key="own", title="by hand", needs=frozenset({held.tasks[0].key}))
    by_hand = replace(
        held,
        tasks=[
            replace(held.tasks[0], values={**held.tasks[0].values, "skill": "mine"}),
            *held.tasks[1:],
            own,
        ],
    )
    tasks = {task.title: task for task in applied(by_hand, difference(by_hand, old, new)).tasks}
    assert "by hand" in tasks
    if held.tasks[0].title in tasks:
        assert tasks[held.tasks[0].title].values["skill"] == "mine"


# ---------------------------------------------------------------- one rule each


def edits_of(held: Held, old: Plan | None, new: Plan, **more: Any) -> list[Any]:
    return difference(held, old, new, **more).edits


def remarks(held: Held, old: Plan | None, new: Plan) -> list[tuple[str | None, str]]:
    return [(one.task, one.message) for one in difference(held, old, new).remarks]


def test_nothing_is_done_where_the_document_says_what_it_said():
    plan = a_plan("a", "b < a")
    by_hand = replace(run_of(plan), tasks=run_of(a_plan("a", "b", "c")).tasks)
    assert difference(by_hand, plan, plan).size == 0


def test_a_task_that_was_inserted_renames_nothing_behind_it():
    old = a_plan(*(a_task(f"1.{n}", title=title) for n, title in enumerate("AB", 1)))
    new = a_plan(*(a_task(f"1.{n}", title=title) for n, title in enumerate("AXB", 1)))
    (added,) = edits_of(run_of(old), old, new)
    assert (added.key, added.title) == ("1.2~2", "X")
    after = applied(run_of(old), difference(run_of(old), old, new))
    assert difference(after, new, new).size == 0


@pytest.mark.parametrize("status", [TaskStatus.COMPLETED, TaskStatus.RUNNING, TaskStatus.FAILED])
def test_another_title_under_the_same_key_is_an_edit_and_of_what_has_begun_another_task(status):
    old, new = a_plan(a_task("a", title="Write the parser")), a_plan(a_task("a", title="Paint the fence"))
    (edit,) = edits_of(run_of(old), old, new)
    assert edit == EditTask("a", title="Paint the fence")
    added, *_ = edits_of(run_of(old, a=status), old, new)
    assert (added.key, added.title) == ("a~2", "Paint the fence")
    typo = a_plan(a_task("a", title="Write the parsers"))
    assert edits_of(run_of(old, a=TaskStatus.COMPLETED), old, typo) == [
        EditTask("a", title="Write the parsers")
    ]


def test_what_is_over_is_not_taken_out_and_what_runs_only_when_asked_to():
    old, new = a_plan("a", "b", "c < b"), a_plan("c")
    held = run_of(old, a=TaskStatus.COMPLETED, b=TaskStatus.RUNNING)
    assert edits_of(held, old, new) == [RemoveDependency("c", "b")]
    assert ("b", "A worker is on it: it stays in the run, unless its worker may be killed.") in remarks(
        held, old, new
    )
    assert edits_of(held, old, new, kill=True) == [RemoveTask("b", kill_worker=True)]


def test_what_has_started_waits_for_nothing_more_and_does_not_move():
    old, new = a_plan(["a", "b"], ["c"]), a_plan(["a"], ["b < a", "c"])
    held = run_of(old, b=TaskStatus.RUNNING)
    assert edits_of(held, old, new) == []
    assert [one for one, _ in remarks(held, old, new)] == ["b", "b"]


def test_new_tasks_that_are_done_are_not_added():
    old = a_plan("a")
    new = a_plan("a", "b*", "c < b a")
    (added,) = edits_of(run_of(old), old, new)
    assert (added.key, added.depends_on) == ("c", ["a"])
    assert any("already" in message for _, message in remarks(run_of(old), old, new))


@pytest.mark.parametrize(
    ("status", "verb"), [(PlanStatus.DONE, "completeTask"), (PlanStatus.CANCELLED, "skipTask")]
)
def test_a_mark_is_told_and_not_carried_out(status, verb):
    old, new = a_plan("a"), a_plan(PlanTask("a", "Do a", status=status))
    assert edits_of(run_of(old), old, new) == []
    assert verb in remarks(run_of(old), old, new)[0][1]
    assert remarks(run_of(old, a=TaskStatus.COMPLETED), old, new) == []
    assert "retryTask" in remarks(run_of(old, a=TaskStatus.COMPLETED), new, old)[0][1]


def test_what_cannot_be_said_of_a_running_dag_is_told():
    old = a_plan(a_task("a", timeout_seconds=5, skill="x", subtasks=[PlanSubtask("one")]))
    found = remarks(run_of(old), old, a_plan(a_task("a")))
    assert [message.split(":")[0] for _, message in found] == [
        "The plan says nothing of its timeout_seconds any more",
        "The plan says nothing of its skill any more",
        "Its subtasks were changed in the plan",
    ]
    changed = a_plan("a")
    changed.max_workers = 9
    assert "whole run" in remarks(run_of(a_plan("a")), a_plan("a"), changed)[0][1]


def test_what_was_taken_out_by_hand_stays_out():
    old, new = a_plan("a", "b"), a_plan(a_task("a", title="Do a well"), "b < a")
    held = run_of(old, a=TaskStatus.CANCELLED)
    assert edits_of(held, old, new) == []
    assert {one for one, _ in remarks(held, old, new)} == {"a", "b"}


def test_nothing_is_added_to_a_completed_phase():
    old, new = a_plan(["a"], ["b"]), a_plan(["a", "c"], ["b"])
    held = run_of(old, a=TaskStatus.COMPLETED)
    held = replace(held, phases=[replace(held.phases[0], status=PhaseStatus.COMPLETED), held.phases[1]])
    assert edits_of(held, old, new) == []
    assert "is completed" in remarks(held, old, new)[0][1]


def test_without_an_old_plan_nothing_is_taken_out():
    assert edits_of(run_of(a_plan("a", "b")), None, a_plan("b", "c")) == [
        AddTask("c", "Do c", phase="phase-1", depends_on=[])
    ]


def test_titles_that_several_have_are_told_apart_by_their_keys():
    there = [a_task("1", title="x"), a_task("2", title="x"), a_task("3", title="y")]
    wanted = [a_task("2", title="x"), a_task("3", title="x"), a_task("4", title="y")]
    assert {key: other.key for key, other in match(wanted, there).items()} == {"2": "2", "3": "1", "4": "3"}


def gated(plan: Plan, place: int, gate: Gate, **values: Any) -> Plan:
    """The same plan, with this gate at the end of one of its phases."""
    plan.phases[place] = replace(plan.phases[place], gate=gate, **values)
    return plan


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        (Gate(Q.ALL), Gate(Q.ALL)),
        (Gate(Q.MIN, 2), Gate(Q.MIN, 1)),
        (Gate(Q.MIN, 1), Gate(Q.NONE)),
        (Gate(Q.NAMED, None, ("b", "made")), Gate(Q.NAMED, None, ("b~2",))),
        (Gate(Q.NAMED, None, ("made",)), Gate(Q.NONE)),
    ],
)
def test_the_gate_of_a_new_phase_is_over_the_tasks_that_come_into_it(gate, expected):
    old = a_plan(["a"])
    held = run_of(a_plan(["a", a_task("b", title="By hand")]))
    new = gated(a_plan(["a"], [a_task("b", title="Another"), a_task("made", done=True), "c"]), 1, gate)
    held = replace(held, tasks=[replace(task, status=TaskStatus.RUNNING) for task in held.tasks])
    found = difference(held, old, new)
    (phase,) = found.phases
    assert phase.gate == expected
    assert any("asks less" in remark.message for remark in found.remarks) == (gate.requirement != Q.ALL)


def test_what_was_agreed_of_a_phase_that_is_there_is_told_and_stays():
    old, new = a_plan(["a"], ["b"]), a_plan(["a"], ["b"])
    held = run_of(old)
    gated(new, 1, Gate(Q.NONE), guard=True, deliverables=[PlanDeliverable("paper", "The paper")])
    assert remarks(held, old, new) == [
        (
            None,
            "The plan says otherwise of phase 'phase-2' (its gate, its guard, its deliverables): "
            "what was agreed stays as it is.",
        )
    ]
    assert difference(held, old, new).size == 0
    assert remarks(held, new, new) == []


def test_a_gate_whose_tasks_have_got_other_keys_is_the_same_gate():
    old = gated(a_plan([a_task("a", title="Sow"), a_task("b", title="Reap")]), 0, Gate(Q.NAMED, None, ("b",)))
    new = gated(a_plan([a_task("b", title="Sow"), a_task("c", title="Reap")]), 0, Gate(Q.NAMED, None, ("c",)))
    assert remarks(run_of(old), old, new) == []

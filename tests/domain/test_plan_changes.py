"""What an import changes in a run: one rule each."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.edits import AddTask, EditTask, RemoveDependency, RemoveTask
from app.domain.phases import Gate, PhaseStatus, TaskRequirement as Q
from app.domain.plan_changes import Held, difference
from app.domain.plan_matching import match
from app.domain.plans import (
    Plan,
    PlanDeliverable,
    PlanStatus,
    PlanSubtask,
    PlanTask,
)
from app.domain.tasks import TaskStatus
from tests.domain.held_runs import applied, run_of
from tests.factories import a_plan, a_task


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
    for name, value in (("max_workers", 9), ("conflict_policy", "ALLOW")):
        changed = a_plan("a")
        setattr(changed, name, value)
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

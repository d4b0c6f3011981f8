"""What a gate asks for before a run leaves its phase."""

from typing import Any

import pytest

from app import commands, store
from app.commands.dag import AddTask, EditTask, RemoveTask
from app.domain.errors import ErrorCode
from app.domain.phases import Gate, TaskRequirement
from app.domain.plans import PlanDeliverable
from tests import invariants
from tests.factories import a_plan, gated
from tests.fleet import Fleet

Q = TaskRequirement


async def missing(fleet: Fleet, run_id: str) -> list[str]:
    phase_id = (await fleet.run(run_id)).phase_id
    assert phase_id is not None
    return (await fleet.db.read(store.gates.missing_of, [phase_id]))[phase_id]


@pytest.mark.parametrize(
    ("gate", "enough"),
    [
        (Gate(Q.ALL), ["a", "b", "c"]),
        (Gate(Q.MIN, 2), ["b", "c"]),
        (Gate(Q.NAMED, None, ("c",)), ["c"]),
    ],
)
async def test_a_run_goes_on_with_the_last_task_that_its_gate_asks_for(
    fleet: Fleet, gate: Gate, enough: list[str]
) -> None:
    run_id = await fleet.a_run(plan=gated(a_plan(["a", "b", "c"], ["next"]), gate))
    for key in enough[:-1]:
        await fleet.finish(run_id, key)
        assert (await fleet.phases(run_id))["phase-1"] == "ACTIVE"
    await fleet.finish(run_id, enough[-1])
    assert await fleet.phases(run_id) == {"phase-1": "COMPLETED", "phase-2": "ACTIVE"}
    await fleet.db.read(invariants.check)


async def test_what_is_skipped_counts_as_done_for_every_gate(fleet: Fleet) -> None:
    run_id = await fleet.a_run(plan=gated(a_plan(["a", "b"], ["next"]), Gate(Q.NAMED, None, ("a",))))
    await fleet.do(commands.tasks.skip, task_id=(await fleet.task(run_id, "a")).id)
    assert (await fleet.statuses(run_id))["next"] == "READY"


async def test_a_gate_of_none_waits_for_its_deliverables_alone(fleet: Fleet) -> None:
    run_id = await fleet.a_run(plan=gated(a_plan(["a"], ["next"]), Gate(Q.NONE), owes=("paper",)))
    assert (await fleet.phases(run_id))["phase-1"] == "ACTIVE"
    await fleet.do(commands.deliverables.complete, run_id=run_id, phase="phase-1", deliverable="paper")
    assert await fleet.statuses(run_id) == {"a": "SKIPPED", "next": "READY"}


async def test_what_is_missing_is_named(fleet: Fleet) -> None:
    plan = gated(a_plan(["a", "b < a", "c*"], ["next"]), owes=("spec", "paper"))
    plan.phases[0].deliverables.append(PlanDeliverable("extra", "Nice to have", required=False))
    run_id = await fleet.a_run(plan=plan)
    everything = [
        "deliverable 'spec'",
        "deliverable 'paper'",
        "task 'a', which is READY",
        "task 'b', which is PENDING",
    ]
    assert await missing(fleet, run_id) == everything
    refused = await fleet.refused(commands.phases.advance, run_id=run_id)
    assert refused.code is ErrorCode.VALIDATION_FAILED
    assert refused.details["missing"] == everything
    later = (await fleet.phase(run_id, "phase-2")).id
    assert (await fleet.db.read(store.gates.missing_of, [later]))[later] == [
        "phase 'phase-2' to begin",
        "task 'next', which is PENDING",
    ]


async def test_of_many_tasks_the_first_hundred_are_named_and_the_rest_is_counted(fleet: Fleet) -> None:
    run_id = await fleet.a_run(*(f"t{number}" for number in range(130)))
    found = await missing(fleet, run_id)
    assert len(found) == 101
    assert found[99:] == ["task 't99', which is READY", "30 more tasks"]


async def test_a_gate_of_so_many_says_how_many_more(fleet: Fleet) -> None:
    run_id = await fleet.a_run(plan=gated(a_plan(["a", "b", "c"], ["next"]), Gate(Q.MIN, 2)))
    await fleet.finish(run_id, "a")
    assert await missing(fleet, run_id) == ["1 more of 2 tasks that are not done"]


async def test_a_failure_that_the_gate_does_not_mind_is_left_behind(fleet: Fleet) -> None:
    run_id = await fleet.a_run(plan=gated(a_plan(["a", "b"], ["next"]), Gate(Q.MIN, 1)))
    await fleet.fail(run_id, "a")
    await fleet.finish(run_id, "b")
    assert await fleet.statuses(run_id) == {"a": "SKIPPED", "b": "COMPLETED", "next": "READY"}


async def test_who_works_already_may_finish_behind_the_gate(fleet: Fleet) -> None:
    run_id = await fleet.a_run(
        plan=gated(a_plan(["a", "slow", "bad", "after < slow"], ["next"]), Gate(Q.NAMED, None, ("a",)))
    )
    slow, bad = await fleet.working(run_id, "slow"), await fleet.working(run_id, "bad")
    await fleet.finish(run_id, "a")
    assert await fleet.statuses(run_id) == {
        "a": "COMPLETED",
        "slow": "RUNNING",
        "bad": "RUNNING",
        "after": "SKIPPED",
        "next": "READY",
    }
    await fleet.finish(run_id, "next")
    assert (await fleet.run(run_id)).status == "COMPLETING"
    await fleet.exit(slow)
    await fleet.exit(bad, 1)
    statuses = await fleet.statuses(run_id)
    assert (statuses["slow"], statuses["bad"]) == ("COMPLETED", "SKIPPED")
    assert (await fleet.run(run_id)).status == "COMPLETED"
    await fleet.db.read(invariants.check)


@pytest.mark.parametrize(
    "edit",
    [RemoveTask("a"), EditTask("a", phase="phase-2")],
    ids=["removed", "moved"],
)
@pytest.mark.parametrize("gate", [Gate(Q.NAMED, None, ("a",)), Gate(Q.MIN, 2)], ids=["named", "min"])
async def test_no_edit_takes_a_task_away_that_a_gate_counts_on(fleet: Fleet, edit: Any, gate: Gate) -> None:
    run_id = await fleet.a_run(plan=gated(a_plan(["a", "b"], ["next"]), gate), runtime=None)
    refused = await fleet.refused(commands.dag.mutate, run_id=run_id, edits=[edit])
    assert refused.code is ErrorCode.INVALID_INPUT
    assert "could never hold" in refused.message
    assert "Skip a task" in str(refused.suggestion)
    if gate.requirement is Q.MIN:  # one for another is no less
        await fleet.do(
            commands.dag.mutate, run_id=run_id, edits=[AddTask("c", "More", phase="phase-1"), edit]
        )

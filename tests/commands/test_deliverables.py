"""What phases owe, and how it is settled."""

from typing import Any

import pytest

from app import commands, store
from app.domain.errors import ErrorCode
from app.domain.events import EventKind
from app.domain.phases import Gate, TaskRequirement
from app.domain.plans import Plan, PlanDeliverable
from app.store.deliverable_tables import DeliverableRow
from tests.factories import a_plan, an_actor
from tests.fleet import Fleet

complete, waive = commands.deliverables.complete, commands.deliverables.waive


def owing(*keys: str, plan: Plan | None = None) -> Plan:
    plan = plan or a_plan(["a*"], ["next"])
    plan.phases[0].deliverables = [PlanDeliverable(key, key.title()) for key in keys]
    return plan


async def owed(fleet: Fleet, run_id: str) -> dict[str, DeliverableRow]:
    phase_id = (await fleet.phase(run_id, "phase-1")).id
    found = await fleet.db.read(store.deliverables.of_phases, [phase_id])
    return {row.key: row for row in found[phase_id]}


async def test_a_phase_is_left_when_everything_required_is_completed_or_waived(fleet: Fleet) -> None:
    plan = owing("spec", "paper")
    plan.phases[0].deliverables.append(PlanDeliverable("extra", "Extra", required=False))
    run_id = await fleet.a_run(plan=plan)
    run = await fleet.run(run_id)
    assert (run.status, run.status_reason) == (
        "BLOCKED",
        "Phase 'phase-1' waits for deliverable 'spec', deliverable 'paper'.",
    )
    where = {"run_id": run_id, "phase": "phase-1"}
    await fleet.do(complete, **where, deliverable="spec", evidence="docs/spec.md")
    assert (await fleet.phases(run_id))["phase-1"] == "ACTIVE"
    await fleet.do(waive, **where, deliverable="paper", reason="No time.", by=an_actor(id="tok_2"))
    assert await fleet.phases(run_id) == {"phase-1": "COMPLETED", "phase-2": "ACTIVE"}
    assert (await fleet.run(run_id)).status == "ACTIVE"
    rows = await owed(fleet, run_id)
    assert {key: (row.status, row.evidence, row.reason, row.changed_by) for key, row in rows.items()} == {
        "spec": ("COMPLETED", "docs/spec.md", None, "olga"),
        "paper": ("WAIVED", None, "No time.", "operator"),
        "extra": ("PENDING", None, None, None),
    }


async def test_a_deliverable_is_told_of_in_the_log_and_moves_the_version(fleet: Fleet) -> None:
    run_id = await fleet.a_run(plan=owing("spec", "paper", plan=a_plan(["a"])))
    version = (await fleet.run(run_id)).version
    where = {"run_id": run_id, "phase": "phase-1"}
    await fleet.do(complete, **where, deliverable="spec", expected_version=version)
    await fleet.do(waive, **where, deliverable="paper", expected_version=version + 1)
    facts = await fleet.events(EventKind.DELIVERABLE_CHANGED, EventKind.DELIVERABLE_COMPLETED)
    assert [(fact.kind, fact.data["key"], fact.data.get("status")) for fact in facts] == [
        ("DeliverableChanged", "spec", "COMPLETED"),
        ("DeliverableCompleted", "spec", None),
        ("DeliverableChanged", "paper", "WAIVED"),
    ]
    refused = await fleet.refused(complete, **where, deliverable="paper", expected_version=version)
    assert refused.code is ErrorCode.VERSION_CONFLICT


async def test_what_is_settled_stays_but_what_was_waived_may_still_come(fleet: Fleet) -> None:
    run_id = await fleet.a_run(plan=owing("spec", "paper", plan=a_plan(["a"])))
    where: dict[str, Any] = {"run_id": run_id, "phase": "phase-1"}
    await fleet.do(complete, **where, deliverable="spec")
    for verb in (complete, waive):
        refused = await fleet.refused(verb, **where, deliverable="spec")
        assert refused.code is ErrorCode.INVALID_TRANSITION
    await fleet.do(waive, **where, deliverable="paper", reason="No time.")
    await fleet.do(complete, **where, deliverable="paper", evidence="Time after all.")
    row = (await owed(fleet, run_id))["paper"]
    assert (row.status, row.reason, row.evidence) == ("COMPLETED", None, "Time after all.")
    assert (await fleet.phase(run_id, "phase-1")).owed == 0


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [("papre", "Did you mean 'paper'? It owes: spec, paper."), ("xyz", "It owes: spec, paper.")],
)
async def test_an_unknown_one_is_refused_with_the_known(fleet: Fleet, key: str, suggestion: str) -> None:
    run_id = await fleet.a_run(plan=owing("spec", "paper"))
    for verb in (complete, waive):
        refused = await fleet.refused(verb, run_id=run_id, phase="phase-1", deliverable=key)
        assert (refused.code, refused.suggestion) == (ErrorCode.INVALID_DELIVERABLE, suggestion)
        assert refused.path == ["input", "deliverable"]
    nothing = await fleet.refused(complete, run_id=run_id, phase="phase-2", deliverable="spec")
    assert (nothing.code, nothing.suggestion) == (ErrorCode.INVALID_DELIVERABLE, "It owes nothing.")
    phase = await fleet.refused(complete, run_id=run_id, phase="phase-3", deliverable="spec")
    assert (phase.code, phase.path) == (ErrorCode.NOT_FOUND, ["input", "phase"])


async def test_a_deliverable_brings_a_failed_run_on_whose_gate_it_was(fleet: Fleet) -> None:
    plan = owing("spec", plan=a_plan(["a", "b"], ["next"]))
    plan.phases[0].gate = Gate(TaskRequirement.MIN, 1)
    run_id = await fleet.a_run(plan=plan)
    await fleet.finish(run_id, "a")
    await fleet.fail(run_id, "b")
    assert (await fleet.run(run_id)).status == "FAILED"
    await fleet.do(complete, run_id=run_id, phase="phase-1", deliverable="spec")
    assert (await fleet.run(run_id)).status == "ACTIVE"
    assert (await fleet.statuses(run_id))["next"] == "READY"

"""Gates, guards, and how a run goes from phase to phase."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from app import commands, store
from app.commands.dag import AddTask, EditTask, RemoveTask
from app.domain.access import Role
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.phases import Gate, TaskRequirement
from app.domain.plans import Plan, PlanDeliverable
from app.domain.runs import Urgency
from app.store.tables import AttentionRow
from tests import invariants
from tests.conftest import Clock
from tests.factories import COMMAND, a_plan, an_actor
from tests.fleet import Fleet

Q = TaskRequirement
advance = commands.phases.advance


def gated(
    plan: Plan, gate: Gate | None = None, *, guard: bool | None = None, owes: tuple[str, ...] = ()
) -> Plan:
    """The same plan with this gate before the second phase."""
    first = plan.phases[0]
    first.gate, first.guard = gate or Gate(), guard
    first.deliverables = [PlanDeliverable(key, key.title()) for key in owes]
    return plan


async def the_item(fleet: Fleet, run_id: str) -> AttentionRow:
    (item,) = await fleet.db.read(store.attention.open_of_run, run_id)
    return item


async def missing(fleet: Fleet, run_id: str) -> list[str]:
    phase_id = (await fleet.run(run_id)).phase_id
    assert phase_id is not None
    return (await fleet.db.read(store.gates.missing_of, [phase_id]))[phase_id]


# ---------------------------------------------------------------- gates


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
    refused = await fleet.refused(advance, run_id=run_id)
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


# ---------------------------------------------------------------- guards


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN, Role.ORCHESTRATOR])
async def test_a_guarded_phase_stops_for_everybody_until_one_confirms(fleet: Fleet, role: Role) -> None:
    run_id = await fleet.a_run(plan=gated(a_plan(["a"], ["next"]), guard=True))
    await fleet.finish(run_id, "a")
    assert (await fleet.phases(run_id))["phase-1"] == "AWAITING_CONFIRMATION"
    assert (await fleet.run(run_id)).status == "WAITING_FOR_INPUT"
    item = await the_item(fleet, run_id)
    assert (item.kind, item.blocked_tasks) == ("PHASE_CONFIRMATION", 1)

    project_id = (await fleet.run(run_id)).project_id
    by = replace(an_actor(role), name=f"one {role}", project_id=project_id)
    refused = await fleet.refused(advance, run_id=run_id, by=by)
    assert refused.code is ErrorCode.PHASE_GUARD_REQUIRED
    assert refused.details["item"] == item.id
    assert (await fleet.phases(run_id))["phase-1"] == "AWAITING_CONFIRMATION"

    version = (await fleet.run(run_id)).version
    await fleet.do(advance, run_id=run_id, confirmed=True, expected_version=version, by=by)
    phase, run = await fleet.phase(run_id, "phase-1"), await fleet.run(run_id)
    assert (phase.status, phase.confirmed_by) == ("COMPLETED", f"one {role}")
    assert (run.status, run.version, run.open_attention) == ("ACTIVE", version + 1, 0)
    settled = await fleet.item(item.id)
    assert (settled.status, settled.answered_by) == ("ANSWERED", f"one {role}")
    assert (await fleet.statuses(run_id))["next"] == "READY"
    await fleet.db.read(invariants.check)


@pytest.mark.parametrize("answer", ["confirm", True])
async def test_answering_the_item_confirms(fleet: Fleet, answer: Any) -> None:
    run_id = await fleet.a_run(plan=gated(a_plan(["a"], ["next"]), guard=True))
    await fleet.finish(run_id, "a")
    item = await the_item(fleet, run_id)
    for no in ("no", False, None):
        refused = await fleet.refused(commands.attention.answer, item_id=item.id, answer=no)
        assert refused.code is ErrorCode.INVALID_INPUT
    await fleet.do(commands.attention.answer, item_id=item.id, answer=answer)
    assert await fleet.phases(run_id) == {"phase-1": "COMPLETED", "phase-2": "ACTIVE"}
    assert (await fleet.phase(run_id, "phase-1")).confirmed_by == "olga"
    assert (await fleet.run(run_id)).status == "ACTIVE"


async def test_a_dismissed_item_confirms_nothing(fleet: Fleet) -> None:
    run_id = await fleet.a_run(plan=gated(a_plan(["a"], ["next"]), guard=True))
    await fleet.finish(run_id, "a")
    await fleet.do(commands.attention.dismiss, item_id=(await the_item(fleet, run_id)).id)
    run = await fleet.run(run_id)
    assert (run.status, run.open_attention) == ("BLOCKED", 0)
    assert (
        run.status_reason == "Phase 'phase-1' waits to be confirmed: advancePhase, with confirmed, goes on."
    )
    refused = await fleet.refused(advance, run_id=run_id)
    assert refused.code is ErrorCode.PHASE_GUARD_REQUIRED
    assert refused.details["item"] is None
    await fleet.do(advance, run_id=run_id, confirmed=True)
    assert (await fleet.run(run_id)).status == "ACTIVE"


async def test_force_skips_the_gate_and_not_the_guard(fleet: Fleet) -> None:
    run_id = await fleet.a_run(plan=gated(a_plan(["a", "b < a"], ["next < b"]), guard=True, owes=("paper",)))
    refused = await fleet.refused(advance, run_id=run_id, force=True)
    assert refused.code is ErrorCode.PHASE_GUARD_REQUIRED
    await fleet.do(advance, run_id=run_id, force=True, confirmed=True)
    assert await fleet.statuses(run_id) == {"a": "SKIPPED", "b": "SKIPPED", "next": "READY"}
    assert (await fleet.phase(run_id, "phase-1")).confirmed_by == "olga"


async def test_force_brings_a_failed_run_back(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a"], ["next"])
    await fleet.fail(run_id, "a")
    assert (await fleet.run(run_id)).status == "FAILED"
    await fleet.do(advance, run_id=run_id, force=True)
    assert (await fleet.run(run_id)).status == "ACTIVE"
    assert await fleet.statuses(run_id) == {"a": "SKIPPED", "next": "READY"}


async def test_more_work_takes_the_question_back(fleet: Fleet) -> None:
    run_id = await fleet.a_run(plan=gated(a_plan(["a"], ["next"]), guard=True))
    await fleet.finish(run_id, "a")
    item = await the_item(fleet, run_id)
    await fleet.do(commands.dag.mutate, run_id=run_id, edits=[AddTask("b", "More", runtime=COMMAND)])
    assert (await fleet.phases(run_id))["phase-1"] == "ACTIVE"
    assert (await fleet.item(item.id)).status == "DISMISSED"
    assert (await fleet.statuses(run_id))["b"] == "READY"
    await fleet.finish(run_id, "b")
    assert (await the_item(fleet, run_id)).id != item.id


async def test_a_guard_may_be_taken_away_and_set_for_a_run_under_way(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a"], ["next"], ["last"], phase_guard=True)
    await fleet.finish(run_id, "a")
    item = await the_item(fleet, run_id)
    await fleet.do(commands.runs.configure, run_id=run_id, phase_guard=False)
    assert (await fleet.phases(run_id))["phase-2"] == "ACTIVE"
    assert (await fleet.item(item.id)).status == "DISMISSED"
    await fleet.do(commands.runs.configure, run_id=run_id, phase_guard=True)
    await fleet.finish(run_id, "next")
    assert (await fleet.phases(run_id))["phase-2"] == "AWAITING_CONFIRMATION"


async def test_a_phase_that_says_so_itself_heeds_no_setting(fleet: Fleet) -> None:
    run_id = await fleet.a_run(plan=gated(a_plan(["a"], ["next"]), guard=False), phase_guard=True)
    await fleet.finish(run_id, "a")
    assert (await fleet.phases(run_id))["phase-2"] == "ACTIVE"


async def test_a_run_that_is_stopped_asks_no_more(fleet: Fleet) -> None:
    run_id = await fleet.a_run(plan=gated(a_plan(["a"], ["next"]), guard=True))
    await fleet.finish(run_id, "a")
    item = await the_item(fleet, run_id)
    await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.DRAIN)
    assert (await fleet.item(item.id)).status == "DISMISSED"
    assert (await fleet.run(run_id)).status == "CANCELLED"


async def test_a_paused_run_is_confirmed_and_starts_nothing(fleet: Fleet) -> None:
    run_id = await fleet.a_run(plan=gated(a_plan(["a"], ["next"]), guard=True))
    await fleet.finish(run_id, "a")
    await fleet.do(commands.runs.pause, run_id=run_id, mode=Urgency.DRAIN)
    await fleet.do(advance, run_id=run_id, confirmed=True)
    assert (await fleet.run(run_id)).status == "PAUSED"
    assert (await fleet.statuses(run_id))["next"] == "READY"
    assert await fleet.claim() == []


# ---------------------------------------------------------------- by hand


async def test_without_auto_advance_a_run_waits_for_its_verb(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a"], ["next"], auto_advance=False)
    await fleet.finish(run_id, "a")
    run = await fleet.run(run_id)
    assert (run.status, run.status_reason) == (
        "BLOCKED",
        "The gate of phase 'phase-1' holds: advancePhase goes on.",
    )
    await fleet.do(advance, run_id=run_id, expected_version=run.version)
    after = await fleet.run(run_id)
    assert (after.status, after.version) == ("ACTIVE", run.version + 1)
    assert (await fleet.phase(run_id, "phase-1")).confirmed_by is None


async def test_the_phase_that_is_to_begin_may_be_named(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a*"], ["b*"], ["c"], auto_advance=False)
    wrong = await fleet.refused(advance, run_id=run_id, to_phase="phase-3")
    assert (wrong.code, wrong.suggestion) == (ErrorCode.INVALID_TRANSITION, "'phase-2' does.")
    unknown = await fleet.refused(advance, run_id=run_id, to_phase="phase-4")
    assert (unknown.code, unknown.path) == (ErrorCode.NOT_FOUND, ["input", "toPhase"])
    await fleet.do(advance, run_id=run_id, to_phase="phase-2")
    again = await fleet.refused(advance, run_id=run_id, to_phase="phase-2")
    assert again.code is ErrorCode.INVALID_TRANSITION


async def test_there_is_nothing_to_leave_before_the_start_and_behind_the_end(fleet: Fleet) -> None:
    created = await fleet.a_run("a", start=False)
    assert (await fleet.refused(advance, run_id=created)).code is ErrorCode.INVALID_TRANSITION
    over = await fleet.a_run("a")
    await fleet.finish(over, "a")
    assert (await fleet.refused(advance, run_id=over)).code is ErrorCode.INVALID_TRANSITION


async def test_of_a_hundred_who_saw_the_same_version_one_advances(fleet: Fleet) -> None:
    run_id = await fleet.a_run(["a*"], ["b"], auto_advance=False)
    version = (await fleet.run(run_id)).version
    answers = await asyncio.gather(
        *(fleet.do(advance, run_id=run_id, expected_version=version) for _ in range(100)),
        return_exceptions=True,
    )
    refusals = [answer for answer in answers if isinstance(answer, AppError)]
    assert len(refusals) == 99
    assert {refusal.code for refusal in refusals} == {ErrorCode.VERSION_CONFLICT}
    details = {"expected": version, "actual": version + 1, "currentPhase": "phase-2"}
    assert all(refusal.details == details for refusal in refusals)
    assert (await fleet.run(run_id)).version == version + 1
    assert len(await fleet.events(EventKind.PHASE_CHANGED)) == 2


# ---------------------------------------------------------------- completion


async def check(fleet: Fleet, run_id: str, **more: Any) -> tuple[bool, bool, list[str]]:
    refs = (await fleet.do(commands.phases.check_completion, run_id=run_id, **more)).refs
    return refs["ready"], refs["wouldComplete"], refs["missing"]


async def test_without_auto_complete_a_run_waits_behind_its_last_gate(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", auto_complete=False)
    assert await check(fleet, run_id) == (False, False, ["phase 'phase-1': task 'a', which is READY"])
    await fleet.finish(run_id, "a")
    run = await fleet.run(run_id)
    assert (run.status, run.status_reason) == (
        "BLOCKED",
        "Every gate is met: checkCompletion completes the run.",
    )
    assert await fleet.phases(run_id) == {"phase-1": "COMPLETED"}
    assert await check(fleet, run_id, expected_version=run.version) == (True, True, [])
    after = await fleet.run(run_id)
    assert (after.status, after.version) == ("COMPLETED", run.version + 1)
    assert [fact.data["new"] for fact in await fleet.events(EventKind.RUN_STATUS_CHANGED)] == [
        *("CREATED", "ACTIVE", "BLOCKED", "ACTIVE", "COMPLETING", "COMPLETED"),
    ]
    assert await check(fleet, run_id) == (True, False, [])


async def test_a_setting_that_is_turned_on_lets_a_waiting_run_complete(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", auto_complete=False)
    await fleet.finish(run_id, "a")
    await fleet.do(commands.runs.configure, run_id=run_id, auto_complete=True)
    assert (await fleet.run(run_id)).status == "COMPLETED"


async def test_what_a_run_waits_for_before_it_completes_is_named(fleet: Fleet) -> None:
    run_id = await fleet.a_run(plan=gated(a_plan(["a*"], ["b"]), guard=True))
    assert await check(fleet, run_id) == (
        False,
        False,
        [
            "phase 'phase-1': a confirmation",
            "phase 'phase-2': phase 'phase-2' to begin",
            "phase 'phase-2': task 'b', which is PENDING",
        ],
    )
    await fleet.do(commands.runs.pause, run_id=run_id, mode=Urgency.DRAIN)
    assert await check(fleet, run_id) == (False, False, ["the run, which is PAUSED, to go on"])


# ---------------------------------------------------------------- activity


async def test_what_happens_to_phases_and_deliverables_is_activity(fleet: Fleet, clock: Clock) -> None:
    run_id = await fleet.a_run(plan=gated(a_plan(["a*"], ["b"]), owes=("paper", "spec")), auto_advance=False)

    async def moved(change: Any, **arguments: Any) -> bool:
        now = clock.advance(minutes=1)
        await fleet.do(change, run_id=run_id, **arguments)
        return (await fleet.run(run_id)).last_activity_at == now

    owed = {"phase": "phase-1", "deliverable": "paper"}
    assert await moved(commands.deliverables.complete, **owed)
    assert await moved(commands.deliverables.waive, **{**owed, "deliverable": "spec"})
    assert await moved(advance)
    assert await moved(commands.runs.configure, max_workers=2)
    assert await moved(commands.dag.mutate, edits=[EditTask("b", title="Another")])
    assert await moved(commands.attention.ask, question="Which?")
    assert not await moved(commands.phases.check_completion)

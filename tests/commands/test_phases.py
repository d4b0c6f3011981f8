"""Gates, guards, and how a run goes from phase to phase."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from app import commands, store
from app.commands.dag import AddTask, EditTask
from app.domain.access import Role
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.phases import TaskRequirement
from app.domain.runs import Urgency
from app.store.tables import AttentionRow
from tests import invariants
from tests.conftest import Clock
from tests.factories import COMMAND, a_plan, an_actor, gated
from tests.fleet import Fleet

Q = TaskRequirement
advance = commands.phases.advance


async def the_item(fleet: Fleet, run_id: str) -> AttentionRow:
    (item,) = await fleet.db.read(store.attention.open_of_run, run_id)
    return item


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
        assert refused.suggestion == "Answer one of: confirm, true."
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

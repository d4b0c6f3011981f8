"""A run is over behind its last gate, or waits to be told so."""

from typing import Any

from app import commands
from app.domain.events import EventKind
from app.domain.runs import Urgency
from tests.factories import a_plan, gated
from tests.fleet import Fleet


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

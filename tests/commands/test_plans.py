"""Reading a run's plan again: the run afterwards, on real databases."""

from typing import Any

from app import commands, store
from app.commands.runs import PlanSource
from app.domain.errors import ErrorCode
from app.domain.events import EventKind
from app.domain.phases import Gate, TaskRequirement
from app.domain.plans import Plan, PlanDeliverable, PlanStatus, PlanSubtask
from app.store.db import Tx
from tests import invariants
from tests.factories import OPERATOR, a_plan, a_task
from tests.fleet import Fleet

BEFORE, AFTER = (
    PlanSource("plan.yaml", "TRACKSIDE", "h1", "old"),
    PlanSource("plan.yaml", "TRACKSIDE", "h2", "new"),
)


async def a_run(fleet: Fleet, plan: Plan, *, start: bool = True) -> str:
    made = await fleet.do(
        commands.runs.create,
        project_id=await fleet.a_project(),
        plan=plan,
        source=BEFORE,
        runtime={"kind": "command", "argv": ["true"]},
        start=start,
    )
    return str(made.refs["run"])


def arguments(run_id: str, old: Plan | None, new: Plan, **more: Any) -> dict[str, Any]:
    return {"run_id": run_id, "old": old, "old_hash": "h1", "new": new, "source": AFTER, **more}


async def import_plan(fleet: Fleet, run_id: str, old: Plan | None, new: Plan, **more: Any) -> dict[str, Any]:
    receipt = await fleet.do(commands.plans.import_plan, **arguments(run_id, old, new, **more))
    return receipt.refs


async def needs(fleet: Fleet, run_id: str) -> dict[str, list[str]]:
    def read(tx: Tx) -> dict[str, list[str]]:
        tasks = store.tasks.by_keys(tx, run_id)
        found = store.tasks.needs_of(tx, [task.id for task in tasks.values()])
        return {key: [one.key for one in found[task.id]] for key, task in tasks.items()}

    return await fleet.db.read(read)


async def phases(fleet: Fleet, run_id: str) -> list[tuple[int, str, str, int]]:
    rows = await fleet.db.read(store.phases.of_run, run_id)
    return [(row.ordinal, row.key, row.status, row.unfinished) for row in rows]


async def test_the_run_is_as_the_plan_says_and_made_of_it(fleet: Fleet) -> None:
    old = a_plan("a", "b < a", "c < b")
    run_id = await a_run(fleet, old)
    await fleet.finish(run_id, "a")
    part = PlanSubtask("tick", PlanStatus.DONE)
    new = a_plan("a", a_task("b", title="Do b well", needs=["a"]), a_task("d", needs=["a"], subtasks=[part]))
    version = (await fleet.run(run_id)).version

    told = await import_plan(fleet, run_id, old, new, expected_version=version)

    assert await fleet.statuses(run_id) == {"a": "COMPLETED", "b": "READY", "c": "CANCELLED", "d": "READY"}
    assert await needs(fleet, run_id) == {"a": [], "b": ["a"], "c": [], "d": ["a"]}
    assert (await fleet.task(run_id, "b")).title == "Do b well"
    run = await fleet.run(run_id)
    texts = await fleet.db.read(store.runs.plan_texts, [run.id])
    assert (run.plan_hash, texts[run.id], run.version) == ("h2", "new", version + 1)
    (event,) = await fleet.events(EventKind.PLAN_IMPORTED)
    assert event.data == {"path": "plan.yaml", "old": "h1", "new": "h2", "version": version + 1}
    assert [(one["kind"], one["key"]) for one in told["operations"]] == [
        ("EDIT_TASK", "b"),
        ("ADD_TASK", "d"),
        ("REMOVE_TASK", "c"),
    ]
    task_id = (await fleet.task(run_id, "d")).id
    (box,) = (await fleet.db.read(store.subtasks.of_tasks, [task_id]))[task_id]
    assert (box.title, box.completed) == ("tick", True)
    await fleet.finish(run_id, "b", "d")
    assert (await fleet.run(run_id)).status == "COMPLETED"


async def test_a_document_that_changes_nothing_else_is_kept_all_the_same(fleet: Fleet) -> None:
    plan = a_plan("a")
    run_id = await a_run(fleet, plan)
    version = (await fleet.run(run_id)).version
    told = await import_plan(fleet, run_id, plan, plan)
    run = await fleet.run(run_id)
    assert (told["operations"], run.plan_hash, run.version) == ([], "h2", version + 1)
    assert not await fleet.events(EventKind.DAG_MUTATED)


async def test_phases_are_added_in_their_place_but_never_before_one_that_has_begun(fleet: Fleet) -> None:
    old = a_plan(["a"], ["b"], ["c"])
    run_id = await a_run(fleet, old)
    await fleet.finish(run_id, "a")
    new = a_plan(["a"], ["b"], ["c"])
    for place, key in ((3, "late"), (2, "middle"), (0, "early")):
        extra = a_plan([f"task-{key}"]).phases[0]
        extra.key, extra.title = key, key.title()
        new.phases.insert(place, extra)
    new.phases[-2].title = "Renamed"

    await import_plan(fleet, run_id, old, new)

    assert await phases(fleet, run_id) == [
        (1, "phase-1", "COMPLETED", 0),
        (2, "phase-2", "ACTIVE", 1),
        (3, "early", "PENDING", 1),
        (4, "middle", "PENDING", 1),
        (5, "phase-3", "PENDING", 1),
        (6, "late", "PENDING", 1),
    ]
    await fleet.finish(run_id, "b", "task-early", "task-middle", "c", "task-late")
    assert (await fleet.run(run_id)).status == "COMPLETED"


async def test_a_phase_that_loses_its_tasks_is_passed(fleet: Fleet) -> None:
    old, new = a_plan(["a"], ["b"], ["c"]), a_plan(["a"], ["c"])
    new.phases[1].key, new.phases[1].title = "phase-3", "Phase 3"
    run_id = await a_run(fleet, old)
    await import_plan(fleet, run_id, old, new)
    await fleet.finish(run_id, "a")
    assert [status for _, _, status, _ in await phases(fleet, run_id)] == ["COMPLETED", "COMPLETED", "ACTIVE"]


async def test_a_rehearsal_tells_the_same_and_changes_nothing(fleet: Fleet) -> None:
    old, new = a_plan("a", "b"), a_plan("b", "c < b")
    run_id = await a_run(fleet, old)
    before = (await fleet.run(run_id), await fleet.statuses(run_id))
    told = await fleet.db.rehearse(
        commands.audit.rehearse, OPERATOR, commands.plans.import_plan, **arguments(run_id, old, new)
    )
    assert [one["kind"] for one in told.refs["operations"]] == ["ADD_TASK", "REMOVE_TASK"]
    assert (await fleet.run(run_id), await fleet.statuses(run_id)) == before
    done = await import_plan(fleet, run_id, old, new)
    assert done["operations"] == told.refs["operations"]


async def test_a_running_task_is_taken_out_only_with_its_worker(fleet: Fleet) -> None:
    old, new = a_plan("a", "b"), a_plan("b")
    run_id = await a_run(fleet, old)
    worker = await fleet.working(run_id, "a")
    told = await import_plan(fleet, run_id, old, new)
    assert (told["operations"], told["remarks"][0]["task"]) == ([], "a")
    receipt = await fleet.do(
        commands.plans.import_plan, **{**arguments(run_id, old, new, kill=True), "old_hash": "h2"}
    )
    assert receipt.refs["impact"]["killedWorkers"] == [worker]


async def test_what_somebody_else_did_meanwhile_is_not_undone(fleet: Fleet) -> None:
    old, new = a_plan("a"), a_plan("a", "b")
    run_id = await a_run(fleet, old)
    version = (await fleet.run(run_id)).version
    await import_plan(fleet, run_id, old, new)
    late = await fleet.refused(commands.plans.import_plan, **arguments(run_id, old, new))
    assert late.code is ErrorCode.INVALID_TRANSITION
    stale = await fleet.refused(
        commands.plans.import_plan, **arguments(run_id, old, new, expected_version=version)
    )
    assert stale.code is ErrorCode.VERSION_CONFLICT


async def test_a_circle_is_refused_and_nothing_is_done(fleet: Fleet) -> None:
    old = a_plan("a", "b")
    run_id = await a_run(fleet, old)
    refused = await fleet.refused(
        commands.plans.import_plan, **arguments(run_id, old, a_plan("a < b", "b < a", "c"))
    )
    assert refused.details["cycle"]
    assert set(await fleet.statuses(run_id)) == {"a", "b"}
    assert (await fleet.run(run_id)).plan_hash == "h1"


async def test_a_run_that_is_over_stays_as_it_is(fleet: Fleet) -> None:
    plan = a_plan("a")
    run_id = await a_run(fleet, plan)
    await fleet.finish(run_id, "a")
    refused = await fleet.refused(commands.plans.import_plan, **arguments(run_id, plan, a_plan("a", "b")))
    assert refused.code is ErrorCode.INVALID_TRANSITION


async def test_a_run_that_was_not_started_takes_everything(fleet: Fleet) -> None:
    old, new = a_plan(["a"], ["b"]), a_plan(["x"], ["a < x"], ["b"])
    new.phases[0].key, new.phases[0].title = "first", "First"
    run_id = await a_run(fleet, old, start=False)
    await import_plan(fleet, run_id, old, new)
    assert await phases(fleet, run_id) == [
        (1, "phase-1", "PENDING", 1),
        (2, "phase-2", "PENDING", 1),
        (3, "phase-3", "PENDING", 1),
    ]
    assert await needs(fleet, run_id) == {"a": ["x"], "b": [], "x": []}


async def test_a_new_phase_keeps_its_gate_its_guard_and_what_it_owes(fleet: Fleet) -> None:
    old, new = a_plan(["a"], ["z"]), a_plan(["a"], ["b", "c"], ["z"])
    new.phases[1].key, new.phases[2].key = "middle", "phase-2"
    new.phases[1].title, new.phases[2].title = "The middle", old.phases[1].title
    new.phases[1].gate, new.phases[1].guard = Gate(TaskRequirement.NAMED, None, ("b",)), True
    new.phases[1].deliverables = [
        PlanDeliverable("paper", "The paper"),
        PlanDeliverable("sketch", "A sketch", required=False),
    ]
    run_id = await a_run(fleet, old)
    await import_plan(fleet, run_id, old, new)
    await fleet.finish(run_id, "a")

    (middle,) = [row for row in await fleet.db.read(store.phases.of_run, run_id) if row.key == "middle"]
    assert (middle.requirement, middle.gate_tasks, middle.named_left) == ("NAMED", ["b"], 1)
    assert (await fleet.db.read(store.gates.missing_of, [middle.id]))[middle.id] == [
        "deliverable 'paper'",
        "task 'b', which is READY",
    ]
    await fleet.db.read(invariants.check)
    await fleet.finish(run_id, "b")
    refused = await fleet.refused(commands.phases.advance, run_id=run_id, confirmed=True)
    assert refused.code is ErrorCode.VALIDATION_FAILED
    await fleet.do(
        commands.deliverables.complete, run_id=run_id, phase="middle", deliverable="paper", evidence="x.md"
    )
    refused = await fleet.refused(commands.phases.advance, run_id=run_id)
    assert refused.code is ErrorCode.PHASE_GUARD_REQUIRED
    await fleet.do(commands.phases.advance, run_id=run_id, confirmed=True)
    assert (await fleet.task(run_id, "z")).status == "READY"
    await fleet.db.read(invariants.check)

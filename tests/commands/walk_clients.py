"""What clients do on a walk, sensible or not."""

from typing import Any

from app import commands, store
from app.commands.context import Item
from app.commands.failures import FailureAnswer
from app.commands.runs import PlanSource
from app.domain.access import Role
from app.domain.attention import AttentionKind, AttentionStatus
from app.domain.budgets import DOUBLE, NO_LIMIT, STOP
from app.domain.conflicts import ConflictAnswer, ConflictPolicy
from app.domain.deliverables import DeliverableStatus
from app.domain.edits import AddDependency, AddTask, Edit, EditTask, RemoveDependency, RemoveTask
from app.domain.plans import Plan, PlanFormat, PlanPhase, PlanTask
from app.domain.runs import EDITABLE, ENDED, RunStatus, Urgency
from app.domain.supervisors import SupervisorState
from app.domain.tasks import TaskStatus
from app.domain.usage import dollars
from app.domain.workers import LIVE, WorkerStatus
from tests.commands.walk import Walk, often
from tests.factories import COMMAND, an_actor

R, T, W = RunStatus, TaskStatus, WorkerStatus
OPEN = set(RunStatus) - ENDED
RUN_VERBS: list[tuple[Any, set[RunStatus]]] = [
    (commands.runs.start, {R.CREATED}),
    (commands.runs.pause, {R.ACTIVE, R.WAITING_FOR_INPUT, R.BLOCKED, R.PAUSING}),
    (commands.runs.pause, {R.PAUSING, R.WAITING_FOR_INPUT}),
    (commands.runs.resume, {R.PAUSED, R.PAUSING}),
    (commands.runs.resume, {R.PAUSED, R.PAUSING}),
    (commands.runs.retry, {R.FAILED, R.BLOCKED}),
    (commands.runs.retry, {R.FAILED, R.PAUSED, R.ACTIVE}),
    (commands.runs.configure, OPEN),
]
TASK_VERBS: list[tuple[Any, set[TaskStatus]]] = [
    (commands.tasks.block, {T.PENDING, T.READY, T.RUNNING}),
    (commands.tasks.block, {T.RUNNING}),
    (commands.tasks.unblock, {T.BLOCKED}),
    (commands.tasks.unblock, {T.BLOCKED}),
    (commands.tasks.complete, {T.READY, T.RUNNING, T.WAITING_FOR_INPUT}),
    (commands.tasks.skip, {T.PENDING, T.READY, T.BLOCKED, T.FAILED}),
    (commands.tasks.retry, {T.FAILED}),
    (commands.tasks.retry, {T.COMPLETED, T.SKIPPED, T.CANCELLED}),
]
WORKER_VERBS: list[tuple[Any, set[WorkerStatus]]] = [
    (commands.workers.kill, set(LIVE)),
    (commands.workers.pause, {W.SPAWNING, W.RUNNING, W.WAITING_FOR_INPUT}),
    (commands.workers.pause, {W.RUNNING, W.WAITING_FOR_INPUT}),
    (commands.workers.resume, {W.PAUSED}),
    (commands.workers.resume, set(LIVE)),
    (commands.workers.report_progress, set(LIVE)),
]

ANSWERS: dict[str, list[str]] = {
    AttentionKind.CONFLICT: [*ConflictAnswer],
    AttentionKind.PERMISSION: ["yes", "no"],
    AttentionKind.PHASE_CONFIRMATION: ["confirm"],
    AttentionKind.BUDGET: [NO_LIMIT],
    AttentionKind.FAILURE: [*FailureAnswer],
}


@often(2)
async def create(walk: Walk) -> None:
    if sum(run.status in OPEN for run in walk.now.run.values()) < 3:
        await walk.begin(start=walk.chance(0.7))


@often(5)
async def steer_a_run(walk: Walk) -> None:
    verb, statuses = walk.random.choice(RUN_VERBS)
    run = walk.some("run", statuses)
    if run is None:
        return
    arguments: dict[str, Any] = {"run_id": run.id, "expected_version": walk.version(run)}
    if verb is commands.runs.pause:
        arguments["mode"] = walk.random.choice(list(Urgency))
    if verb is commands.runs.configure:
        arguments["max_workers"] = walk.random.randint(1, 5)
        for name in ("phase_guard", "auto_advance", "auto_complete"):
            arguments[name] = walk.random.choice([None, None, True, False])
        arguments["conflict_policy"] = walk.random.choice([None, None, None, *ConflictPolicy])
    await walk.do(verb, **arguments)


@often(1)
async def configure_the_project(walk: Walk) -> None:
    settings: dict[str, Any] = {
        "phase_guard": walk.chance(0.3),
        "auto_complete": walk.chance(0.7),
        "skills": walk.chance(0.7),
        "question_deadline_seconds": walk.random.randint(1, 600),
    }
    name = walk.random.choice(list(settings))
    if walk.chance(0.5):
        await walk.do(commands.projects.configure, project_id=walk.project, reset=[name])
    else:
        await walk.do(commands.projects.configure, project_id=walk.project, settings={name: settings[name]})


@often(2)
async def look_after_a_run(walk: Walk) -> None:
    run = walk.some("run", set(RunStatus))
    if run is None:
        return
    verbs = (commands.supervisors.restart, commands.supervisors.sync, None)
    verb = walk.random.choice(verbs)
    if verb is not None:
        await walk.do(verb, run_id=run.id, expected_version=walk.version(run))
        return
    row = next(one for one in walk.now.supervisor.values() if one.run_id == run.id)
    token = walk.random.choice(["tok_one", "tok_two", row.agent or "tok_one", row.agent or "tok_two"])
    actor = an_actor(Role.ORCHESTRATOR, id=token, run_id=run.id)
    if walk.chance(0.3):
        question = walk.random.choice(["Which?", "How?"])
        await walk.do(commands.attention.ask, by=actor, run_id=run.id, question=question)
        return
    state, memo = walk.random.choice(list(SupervisorState)), walk.random.choice([None, "Mind the gap."])
    await walk.fleet.db.write(commands.supervisors.beat, actor=actor, run_id=run.id, state=state, memo=memo)


@often(1)
async def put_a_run_away(walk: Walk) -> None:
    if walk.chance(0.5):
        run = walk.some("run", OPEN)
        if run is not None:
            await walk.do(commands.runs.stop, run_id=run.id, mode=walk.random.choice(list(Urgency)))
    elif run := walk.some("run", ENDED):
        await walk.do(commands.runs.archive, run_id=run.id)


@often(8)
async def steer_a_task(walk: Walk) -> None:
    verb, statuses = walk.random.choice(TASK_VERBS)
    task = walk.some("task", statuses)
    if task is not None and (walk.now.run[task.run_id].status in EDITABLE or walk.chance(0.2)):
        await walk.do(verb, task_id=task.id)


@often(7)
async def steer_a_worker(walk: Walk) -> None:
    verb, statuses = walk.random.choice(WORKER_VERBS)
    worker = walk.some("worker", statuses)
    if worker is not None:
        await walk.do(verb, worker_id=worker.id)


@often(2)
async def spawn(walk: Walk) -> None:
    run = walk.some("run", OPEN)
    if run is not None:
        task = walk.some("task", {T.READY}, run_id=run.id) if walk.chance(0.7) else None
        await walk.do(
            commands.workers.spawn, run_id=run.id, task_id=task.id if task else None, runtime=COMMAND
        )


@often(6)
async def ask(walk: Walk) -> None:
    worker = walk.some("worker", {W.SPAWNING, W.RUNNING, W.PAUSED, W.WAITING_FOR_INPUT})
    if worker is None:
        return
    arguments: dict[str, Any] = {"question": walk.random.choice(["Which?", "Why?", "Now?"])}
    if walk.chance(0.3):
        arguments["default_answer"] = "whatever"
    if walk.chance(0.5):
        arguments["expires_in_seconds"] = walk.random.randint(1, 60)
    asker = None if walk.chance(0.1) else worker.id
    await walk.do(commands.attention.ask, run_id=worker.run_id, worker_id=asker, **arguments)


@often(4)
async def settle_a_question(walk: Walk) -> None:
    item = walk.some("attention", {AttentionStatus.OPEN})
    if item is None:
        return
    if item.kind == AttentionKind.BUDGET:
        answer = walk.random.choice([NO_LIMIT, DOUBLE, STOP, *[str(dollars(walk.random.randint(5, 90)))] * 5])
        await walk.do(commands.attention.answer, item_id=item.id, answer=answer)
    elif walk.chance(0.7):
        await walk.do(commands.attention.answer, item_id=item.id, answer=an_answer(walk, item))
    else:
        await walk.do(commands.attention.dismiss, item_id=item.id)


@often(3)
async def note(walk: Walk) -> None:
    task = walk.some("task", set(TaskStatus))
    if task is None:
        return
    found = await walk.fleet.db.read(store.subtasks.of_tasks, [task.id])
    if walk.chance(0.3):
        await walk.do(commands.findings.add, task_id=task.id, title="Seen", content="Nothing.")
    elif not found[task.id] or walk.chance(0.3):
        await walk.do(commands.subtasks.create, task_id=task.id, title="Look")
    elif walk.chance(0.7):
        await walk.do(commands.subtasks.update, subtask_id=found[task.id][0].id, completed=walk.chance(0.5))
    else:
        await walk.do(commands.subtasks.delete, subtask_id=found[task.id][0].id)


def an_answer(walk: Walk, item: Any) -> str:
    return walk.random.choice(ANSWERS.get(item.kind, ["this one"]))


@often(5)
async def leave_a_phase(walk: Walk) -> None:
    run = walk.some("run", {R.ACTIVE, R.WAITING_FOR_INPUT, R.BLOCKED, R.PAUSED, R.FAILED})
    if run is None:
        return
    await walk.do(
        commands.phases.advance,
        run_id=run.id,
        confirmed=walk.chance(0.6),
        force=walk.chance(0.1),
        expected_version=walk.version(run),
    )


@often(4)
async def settle_a_deliverable(walk: Walk) -> None:
    owed = walk.some("deliverable", {DeliverableStatus.PENDING})
    if owed is None:
        return
    verb = commands.deliverables.complete if walk.chance(0.6) else commands.deliverables.waive
    phase = walk.now.phase[owed.phase_id]
    await walk.do(verb, run_id=owed.run_id, phase=phase.key, deliverable=owed.key)


@often(2)
async def check_completion(walk: Walk) -> None:
    run = walk.some("run", {R.BLOCKED, R.ACTIVE})
    if run is not None:
        await walk.do(commands.phases.check_completion, run_id=run.id, expected_version=walk.version(run))


@often(4)
async def inject(walk: Walk) -> None:
    items = [Item("TEXT", "hello", 1)] * walk.random.randint(1, 2)
    target, statuses = walk.random.choice(
        [("run", {R.ACTIVE}), ("task", {T.PENDING, T.READY, T.RUNNING}), ("worker", LIVE)]
    )
    row = walk.some(target, statuses)
    if row is not None:
        await walk.do(commands.context.inject, items=items, **{f"{target}_id": row.id})


@often(6)
async def mutate(walk: Walk) -> None:
    run = walk.some("run", EDITABLE)
    if run is None:
        return
    edits = [an_edit(walk, run.id) for _ in range(walk.random.choice([1, 1, 1, 2, 3]))]
    arguments = {"run_id": run.id, "edits": edits, "expected_version": walk.version(run)}
    if walk.chance(0.2):
        await walk.fleet.db.rehearse(commands.dag.mutate, **arguments)
    else:
        await walk.do(commands.dag.mutate, **arguments)


@often(2)
async def import_a_plan(walk: Walk) -> None:
    """The run's tasks as a document: some of them gone, some moved or renamed, some new, and now and then a new phase."""
    run = walk.some("run", EDITABLE)
    if run is None:
        return
    old, new = as_planned(walk, run.id), as_planned(walk, run.id)
    if walk.chance(0.3):
        place = walk.random.randint(0, len(new.phases))
        new.phases.insert(place, PlanPhase(f"extra{place}", f"Extra {place}", []))
    for phase in new.phases:
        phase.tasks = [task for task in phase.tasks if walk.chance(0.9)]
        if walk.chance(0.3):
            number = walk.random.randint(21, 30)
            phase.tasks.append(PlanTask(f"new{number}", f"Plan {number}"))
    keys = {task.key for task in new.tasks()}
    for task in new.tasks():
        task.depends_on = [key for key in task.depends_on if key in keys and walk.chance(0.9)]
        if walk.chance(0.1):
            task.title += "!"
    source = PlanSource(None, new.format, f"hash {walk.random.random()}", "")
    arguments = {"run_id": run.id, "old": old, "old_hash": run.plan_hash, "new": new, "source": source}
    await walk.do(
        commands.plans.import_plan, **arguments, kill=walk.chance(0.3), expected_version=walk.version(run)
    )


def as_planned(walk: Walk, run_id: str) -> Plan:
    rows = [task for task in walk.now.task.values() if task.run_id == run_id]
    keys = {task.id: task.key for task in rows}
    phases = sorted(walk.now.of_run[run_id]["phase"], key=lambda phase: phase.ordinal)
    return Plan(
        PlanFormat.TRACKSIDE,
        phases=[
            PlanPhase(
                phase.key,
                phase.title,
                [
                    PlanTask(
                        task.key,
                        task.title,
                        depends_on=[keys[on] for on in walk.now.needs[task.id]],
                        priority=task.priority,
                        max_attempts=task.max_attempts,
                    )
                    for task in rows
                    if task.phase_id == phase.id and task.status != T.CANCELLED
                ],
            )
            for phase in phases
        ],
    )


def an_edit(walk: Walk, run_id: str) -> Edit:
    random = walk.random
    keys = [task.key for task in walk.now.task.values() if task.run_id == run_id]
    phases = [phase.key for phase in walk.now.phase.values() if phase.run_id == run_id]
    started = [task.key for task in walk.now.task.values() if task.run_id == run_id and task.worker_id]
    key, other = random.choice(keys), random.choice(keys)
    return random.choice(
        [
            AddTask(f"new{random.randint(0, 20)}", "More", depends_on=[key]),
            AddTask(f"new{random.randint(0, 20)}", "More", phase=random.choice(phases), runtime=COMMAND),
            RemoveTask(random.choice(started or keys), kill_worker=walk.chance(0.7)),
            RemoveTask(key),
            AddDependency(key, other),
            AddDependency(key, other),
            RemoveDependency(key, other),
            EditTask(key, priority=random.randint(0, 3), max_attempts=random.randint(1, 3)),
            EditTask(key, phase=random.choice(phases)),
            EditTask(key, runtime=COMMAND),
        ]
    )


@often(1)
async def switch_the_pipeline(walk: Walk) -> None:
    await walk.do(commands.pipeline.pause if walk.chance(0.3) else commands.pipeline.resume)

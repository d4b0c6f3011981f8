"""For each mutation inputs that are carried out, together using every field that its input has.

An example takes a world, makes what it needs, and returns the input.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from app import commands
from app.domain.plans import Plan, PlanDeliverable, PlanFormat, PlanPhase, PlanTask
from app.domain.runs import Urgency
from tests.fleet import HOST
from tests.schema.world import World

Input = dict[str, Any]
Example = Callable[[World], Awaitable[Input]]

WHY: Final = {"reason": "because", "idempotencyKey": "key-1"}
AT: Final = "2026-01-01T12:00:00Z"
TRUE: Final = {"command": ["true"]}
PLAN: Final = "title: As text\ntasks:\n  - key: one\n    title: Do it\n"


async def versioned(world: World, run: str) -> Input:
    return {"runId": run, "expectedVersion": (await world.fleet.run(run)).version, **WHY}


# ---------------------------------------------------------------- projects and runs


async def create_project(world: World) -> Input:
    return {"name": "another", "root": str(world.root), "idempotencyKey": "key-1"}


async def create_run_of_tasks(world: World) -> Input:
    task = {
        "key": "one",
        "title": "Do it",
        "description": "All of it.",
        "phase": "first",
        "priority": 5,
        "maxAttempts": 3,
        "timeoutSeconds": 60,
        "runtime": TRUE,
        "skill": "writing",
        "paths": ["src/**"],
    }
    return {
        "projectId": world.project,
        "name": "Mine",
        "plan": {
            "tasks": [task, {"key": "two", "title": "Then this", "dependsOn": ["one"], "phase": "first"}]
        },
        "phases": [
            {
                "key": "first",
                "title": "The first",
                "guard": True,
                "gate": {"taskRequirement": "NAMED", "tasks": ["one"]},
                "deliverables": [{"key": "paper", "title": "The paper", "required": False}],
            },
        ],
        "phaseGuard": False,
        "autoAdvance": True,
        "autoComplete": True,
        "runtime": TRUE,
        "maxWorkers": 2,
        "start": True,
        "idempotencyKey": "key-1",
    }


async def create_run_of_text(world: World) -> Input:
    return {
        "projectId": world.project,
        "plan": {"text": {"format": "TRACKSIDE", "content": PLAN}},
        "phases": [{"key": "tasks", "gate": {"taskRequirement": "MIN", "minimum": 1}}],
    }


async def create_run_of_file(world: World) -> Input:
    (world.root / "plan.yaml").write_text(PLAN)
    return {"projectId": world.project, "plan": {"path": "plan.yaml"}}


async def start_run(world: World) -> Input:
    return await versioned(world, await world.a_run(start=False))


async def pause_run(world: World) -> Input:
    return {**await versioned(world, world.run), "mode": "NOW"}


async def resume_run(world: World) -> Input:
    run = await world.a_run()
    await world.fleet.do(commands.runs.pause, run_id=run, mode=Urgency.DRAIN)
    return await versioned(world, run)


async def stop_run(world: World) -> Input:
    return {**await versioned(world, world.run), "mode": "NOW"}


async def failed_run(world: World) -> str:
    run = await world.a_run("task")
    await world.fleet.fail(run, "task")
    return run


async def retry_run(world: World) -> Input:
    return await versioned(world, await failed_run(world))


async def archive_run(world: World) -> Input:
    return await versioned(world, await failed_run(world))


async def configure_run(world: World) -> Input:
    modes = {"phaseGuard": True, "autoAdvance": False, "autoComplete": False}
    return {**await versioned(world, world.run), "maxWorkers": 7, **modes}


async def advance_phase(world: World) -> Input:
    run = await world.a_guarded_run()
    return {**await versioned(world, run), "toPhase": "phase-2", "confirmed": True, "force": False}


async def a_deliverable(world: World) -> Input:
    phase = PlanPhase("phase-1", "First", [PlanTask("task", "Do it")])
    phase.deliverables = [PlanDeliverable("paper", "The paper")]
    run = await world.a_run(plan=Plan(PlanFormat.TRACKSIDE, "Owing", [phase]))
    return {**await versioned(world, run), "phase": "phase-1", "deliverable": "paper"}


async def complete_deliverable(world: World) -> Input:
    input = {**await a_deliverable(world), "evidence": "docs/paper.md"}
    del input["reason"]
    return input


async def check_completion(world: World) -> Input:
    run = await world.a_run("task", auto_complete=False)
    await world.fleet.finish(run, "task")
    return await versioned(world, run)


# ---------------------------------------------------------------- the DAG and its tasks


async def batch_runs(world: World) -> Input:
    return {
        "operation": "PAUSE_ALL",
        "filter": {
            "projectId": world.project,
            "search": "plan",
            "createdAfter": "2020-01-01T00:00:00+00:00",
            "statuses": ["ACTIVE", "WAITING_FOR_INPUT"],
            "phase": "phase-1",
            "stale": False,
            "staleAfterSeconds": 60,
            "waitingForInput": True,
        },
        "olderThanHours": 0,
        "dryRun": False,
        **WHY,
    }


async def mutate_dag(world: World) -> Input:
    added = {
        "key": "extra",
        "title": "More",
        "description": "In full.",
        "phase": "phase-1",
        "dependsOn": ["build"],
        "priority": -1,
        "maxAttempts": 2,
        "timeoutSeconds": 5,
        "runtime": TRUE,
        "skill": "writing",
        "paths": ["docs/*"],
    }
    edited = {key: value for key, value in added.items() if key not in ("key", "dependsOn")}
    return {
        **await versioned(world, world.run),
        "dryRun": False,
        "operations": [
            {"addTask": added},
            {"addDependency": {"task": "ship", "dependsOn": "test"}},
            {"removeDependency": {"task": "test", "dependsOn": "build"}},
            {"updateTask": {"task": "test", **edited}},
            {"removeTask": {"task": "build", "killWorker": True}},
        ],
    }


async def import_plan_of_text(world: World) -> Input:
    return {
        **await versioned(world, world.run),
        "plan": {"text": {"format": "TRACKSIDE", "content": PLAN}},
        "killWorkers": True,
        "dryRun": False,
    }


async def import_plan_of_file(world: World) -> Input:
    (world.root / "plan.yaml").write_text(PLAN)
    return {"runId": world.run, "plan": {"path": "plan.yaml"}}


async def block_task(world: World) -> Input:
    return {"taskId": world.later_task, **WHY}


async def unblock_task(world: World) -> Input:
    await world.fleet.do(commands.tasks.block, task_id=world.later_task)
    return {"taskId": world.later_task, **WHY}


async def a_task(world: World) -> Input:
    return {"taskId": await world.a_task(), **WHY}


async def retry_task(world: World) -> Input:
    run = await failed_run(world)
    return {"taskId": (await world.fleet.task(run, "task")).id, **WHY}


async def a_subtask(world: World, task_id: str | None = None) -> str:
    made = await world.api.do(
        "createSubtask", "subtask { id }", taskId=task_id or world.task, title="Look twice"
    )
    return str(made["subtask"]["id"])


async def create_subtask(world: World) -> Input:
    return {"taskId": world.task, "title": "Look twice", "idempotencyKey": "key-1"}


async def update_subtask(world: World) -> Input:
    return {
        "subtaskId": await a_subtask(world),
        "title": "Look again",
        "completed": True,
        "idempotencyKey": "key-1",
    }


async def delete_subtask(world: World) -> Input:
    return {"subtaskId": await a_subtask(world), "idempotencyKey": "key-1"}


async def add_finding(world: World) -> Input:
    return {
        "taskId": world.task,
        "title": "What I saw",
        "content": "# Two gaps\n\nBoth small.",
        "idempotencyKey": "key-1",
    }


# ---------------------------------------------------------------- workers


async def spawn_worker(world: World) -> Input:
    plan = PlanTask(key="task", title="Do it")
    run = await world.a_run(plan, start=True)
    return {
        "runId": run,
        "taskId": (await world.fleet.task(run, "task")).id,
        "name": "By hand",
        "skill": "writing",
        "runtime": TRUE,
        "env": [{"name": "COLOUR", "value": "canary-0451"}],
        **WHY,
    }


async def kill_worker(world: World) -> Input:
    return {"workerId": world.worker, "graceSeconds": 1, **WHY}


async def pause_worker(world: World) -> Input:
    return {"workerId": world.worker, **WHY}


async def resume_worker(world: World) -> Input:
    await world.fleet.do(commands.workers.pause, worker_id=world.worker)
    return {"workerId": world.worker, **WHY}


async def report_progress(world: World) -> Input:
    return {"workerId": world.worker, "activity": "Reading", "progress": 40, "idempotencyKey": "key-1"}


async def inject_into_run(world: World) -> Input:
    (world.root / "notes.md").write_text("Mind the gap.")
    (world.root / "gap.py").write_text("def mind():\n    return 1\n")
    return {
        "target": {"runId": world.run},
        "items": [{"file": "notes.md"}, {"skeleton": "gap.py"}, {"text": "Use the second one."}],
        "deliver": "NEXT_TURN",
        **WHY,
    }


async def inject_into_task(world: World) -> Input:
    return {"target": {"taskId": world.later_task}, "items": [{"text": "Later."}], "deliver": "NOW"}


async def inject_into_worker(world: World) -> Input:
    return {"target": {"workerId": world.worker}, "items": [{"text": "Now."}]}


# ---------------------------------------------------------------- attention and the pipeline


async def ask_question(world: World) -> Input:
    return {
        "runId": world.run,
        "taskId": world.task,
        "workerId": world.worker,
        "question": "How many?",
        "detail": "It matters.",
        "options": ["1", "2"],
        "answerSchema": {"type": "string"},
        "defaultAnswer": "1",
        "expiresInSeconds": 60,
        "idempotencyKey": "key-1",
    }


async def answer_attention(world: World) -> Input:
    return {"itemId": world.item, "answer": "red", "idempotencyKey": "key-1"}


async def dismiss_attention(world: World) -> Input:
    return {"itemId": world.item, **WHY}


async def host(_world: World) -> Input:
    return {"hostId": HOST, **WHY}


async def pipeline(_world: World) -> Input:
    return dict(WHY)


# ---------------------------------------------------------------- tokens


async def create_project_token(world: World) -> Input:
    return {
        "name": "ci",
        "role": "OPERATOR",
        "projectId": world.project,
        "expiresAt": "2026-02-01T00:00:00+00:00",
        "idempotencyKey": "key-1",
    }


async def create_run_token(world: World) -> Input:
    return {"name": "conductor", "role": "ORCHESTRATOR", "runId": world.run}


async def create_worker_token(world: World) -> Input:
    return {"name": "agent", "role": "WORKER", "workerId": world.worker}


async def revoke_token(world: World) -> Input:
    return {"tokenId": world.token, **WHY}


# ---------------------------------------------------------------- runners


async def report_worker(world: World) -> Input:
    worker = await world.fleet.worker(world.worker)
    bodies: list[Input] = [
        {"started": {"pid": 7, "createTime": 1.5}},
        {"lines": [{"stream": "STDOUT", "text": "hello", "at": AT}]},
        {"paused": True},
        {"resumed": True},
        {"seen": 1},
        {"delivered": [world.context]},
        {"toolStarted": {"call": "1", "name": "Read", "inputSummary": "a.py"}},
        {"toolEnded": {"call": "1", "error": "There is no such file."}},
        {
            "usage": {
                "model": "m-1",
                "inputTokens": 1200,
                "outputTokens": 80,
                "cacheReadTokens": 0,
                "cacheWriteTokens": 0,
                "costUsd": "0.0125",
            }
        },
        {"exited": {"reason": "EXITED", "exitCode": 1, "signal": None, "message": "Done."}},
    ]
    reports = [{"n": worker.reports + n, "at": AT, **body} for n, body in enumerate(bodies, 1)]
    return {"workerId": world.worker, "fence": worker.fence, "reports": reports}


async def beat_worker(world: World) -> Input:
    return {"workerId": world.worker, "fence": 1}


async def heartbeat(world: World) -> Input:
    return {
        "runId": world.run,
        "state": "WORKING",
        "phase": "phase-1",
        "currentActivity": "Reading",
        "progress": 40,
        "pendingTaskIds": [world.task],
        "idempotencyKey": "key-1",
    }


async def of_supervisor(world: World) -> Input:
    return await versioned(world, world.run)


EXAMPLES: Final[dict[str, list[Example]]] = {
    "createProject": [create_project],
    "createRun": [create_run_of_tasks, create_run_of_text, create_run_of_file],
    "startRun": [start_run],
    "pauseRun": [pause_run],
    "resumeRun": [resume_run],
    "stopRun": [stop_run],
    "retryRun": [retry_run],
    "archiveRun": [archive_run],
    "configureRun": [configure_run],
    "advancePhase": [advance_phase],
    "completeDeliverable": [complete_deliverable],
    "waiveDeliverable": [a_deliverable],
    "checkCompletion": [check_completion],
    "mutateDag": [mutate_dag],
    "importPlan": [import_plan_of_text, import_plan_of_file],
    "blockTask": [block_task],
    "unblockTask": [unblock_task],
    "completeTask": [a_task],
    "skipTask": [a_task],
    "retryTask": [retry_task],
    "createSubtask": [create_subtask],
    "updateSubtask": [update_subtask],
    "deleteSubtask": [delete_subtask],
    "addFinding": [add_finding],
    "spawnWorker": [spawn_worker],
    "killWorker": [kill_worker],
    "pauseWorker": [pause_worker],
    "resumeWorker": [resume_worker],
    "reportProgress": [report_progress],
    "injectContext": [inject_into_run, inject_into_task, inject_into_worker],
    "askQuestion": [ask_question],
    "answerAttention": [answer_attention],
    "dismissAttention": [dismiss_attention],
    "pausePipeline": [pipeline],
    "resumePipeline": [pipeline],
    "heartbeat": [heartbeat],
    "restartSupervisor": [of_supervisor],
    "syncSupervisor": [of_supervisor],
    "batchRuns": [batch_runs],
    "createToken": [create_project_token, create_run_token, create_worker_token],
    "revokeToken": [revoke_token],
    "drainHost": [host],
    "resumeHost": [host],
    "reportWorker": [report_worker],
    "beatWorker": [beat_worker],
}

OTHER: Final[dict[str, Input]] = {
    "createProject": {"name": "a third"},
    "batchRuns": {"olderThanHours": 1},
    "createRun": {"name": "Another"},
    "createSubtask": {"title": "Look up"},
    "updateSubtask": {"completed": False},
    "deleteSubtask": {"subtaskId": "sub_another"},
    "addFinding": {"title": "What I missed"},
    "createToken": {"name": "another"},
    "reportProgress": {"progress": 41},
    "completeDeliverable": {"evidence": "docs/other.md"},
    "askQuestion": {"detail": "It does not."},
    "answerAttention": {"answer": "blue"},
}
"""What makes another request of an example; another reason does where nothing is said."""

OF_RUNNERS: Final = frozenset({"reportWorker", "beatWorker"})

UNRECORDED: Final = OF_RUNNERS | {"heartbeat"}
"""Mutations that leave no command: they come too often."""

SENT: Final = [mutation for mutation in EXAMPLES if mutation not in OF_RUNNERS]
"""Mutations that people and agents send."""

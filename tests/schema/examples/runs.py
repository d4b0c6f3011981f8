"""Projects and their runs."""

from typing import Final

from app import commands
from app.domain.runs import Urgency
from tests.schema.examples.inputs import AGENT, PLAN, TRUE, WHY, Example, Input, versioned
from tests.schema.world import World


async def create_project(world: World) -> Input:
    (world.root / "another").mkdir(exist_ok=True)
    return {"name": "another", "root": str(world.root / "another"), "idempotencyKey": "key-1"}


async def configure_project(world: World) -> Input:
    return {
        "projectId": world.project,
        "phaseGuard": True,
        "autoAdvance": False,
        "autoComplete": False,
        "maxWorkers": 7,
        "runtime": TRUE,
        "conflictPolicy": "SERIALIZE",
        "staleAfterSeconds": 60,
        "questionDeadlineSeconds": 3600,
        "skills": False,
        "indexFiles": False,
        "reset": ["watchPlans"],
        **WHY,
    }


async def configure_project_again(world: World) -> Input:
    more = {"watchPlans": False, "skills": True, "indexFiles": True}
    return {"projectId": world.project, "runtime": AGENT, **more}


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
        "budgetUsd": "2.5",
        "paths": ["src/**"],
    }
    return {
        "projectId": world.project,
        "name": "Mine",
        "plan": {
            "tasks": [
                task,
                {
                    "key": "two",
                    "title": "Then this",
                    "dependsOn": ["one"],
                    "phase": "first",
                    "runtime": AGENT,
                },
            ]
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
        "conflictPolicy": "SERIALIZE",
        "runtime": AGENT,
        "supervisor": TRUE,
        "maxWorkers": 2,
        "budgetUsd": "10",
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
    modes = {"phaseGuard": True, "autoAdvance": False, "autoComplete": False, "conflictPolicy": "ALLOW"}
    return {**await versioned(world, world.run), "maxWorkers": 7, "budgetUsd": "12.50", **modes}


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


async def check_completion(world: World) -> Input:
    run = await world.a_run("task", auto_complete=False)
    await world.fleet.finish(run, "task")
    return await versioned(world, run)


EXAMPLES: Final[dict[str, list[Example]]] = {
    "createProject": [create_project],
    "configureProject": [configure_project, configure_project_again],
    "createRun": [create_run_of_tasks, create_run_of_text, create_run_of_file],
    "startRun": [start_run],
    "pauseRun": [pause_run],
    "resumeRun": [resume_run],
    "stopRun": [stop_run],
    "retryRun": [retry_run],
    "archiveRun": [archive_run],
    "configureRun": [configure_run],
    "checkCompletion": [check_completion],
    "batchRuns": [batch_runs],
}

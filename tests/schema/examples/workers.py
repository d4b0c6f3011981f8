"""Workers, what they are given, and what their runners report."""

from typing import Final

from app import commands
from app.domain.plans import PlanTask
from tests.schema.examples.inputs import AGENT, AT, TRUE, WHY, Example, Input
from tests.schema.world import World


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
        "budgetUsd": "1.25",
        "hostLabels": ["linux"],
        **WHY,
    }


async def spawn_agent(world: World) -> Input:
    return {"runId": await world.a_run("task", start=True), "runtime": AGENT}


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
        {"activity": {"text": "Reads a.py", "progress": 30}},
        {"session": "ses_1"},
        {"asked": {"request": "1", "title": "execute: make", "detail": "make all", "options": ["Allow"]}},
        {"answered": ["1"]},
        {"exited": {"reason": "EXITED", "exitCode": 1, "signal": None, "message": "Done."}},
    ]
    reports = [{"n": worker.reports + n, "at": AT, **body} for n, body in enumerate(bodies, 1)]
    return {"workerId": world.worker, "fence": worker.fence, "reports": reports}


async def beat_worker(world: World) -> Input:
    return {"workerId": world.worker, "fence": 1}


EXAMPLES: Final[dict[str, list[Example]]] = {
    "spawnWorker": [spawn_worker, spawn_agent],
    "killWorker": [kill_worker],
    "pauseWorker": [pause_worker],
    "resumeWorker": [resume_worker],
    "reportProgress": [report_progress],
    "injectContext": [inject_into_run, inject_into_task, inject_into_worker],
    "reportWorker": [report_worker],
    "beatWorker": [beat_worker],
}

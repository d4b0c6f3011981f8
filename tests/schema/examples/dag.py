"""Changes to the tasks of a run."""

from typing import Final

from tests.schema.examples.inputs import AGENT, PLAN, TRUE, Example, Input, versioned
from tests.schema.world import World


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
        "budgetUsd": "2.5",
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
            {"updateTask": {"task": "test", **edited, "runtime": AGENT}},
            {"addTask": {"key": "asked", "title": "By an agent", "runtime": AGENT}},
            {"updateTask": {"task": "ship", "runtime": TRUE}},
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


EXAMPLES: Final[dict[str, list[Example]]] = {
    "mutateDag": [mutate_dag],
    "importPlan": [import_plan_of_text, import_plan_of_file],
}

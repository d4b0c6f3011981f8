"""One task, its subtasks and findings."""

from typing import Final

from app import commands
from tests.schema.examples.inputs import WHY, Example, Input
from tests.schema.examples.runs import failed_run
from tests.schema.world import World


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


EXAMPLES: Final[dict[str, list[Example]]] = {
    "blockTask": [block_task],
    "unblockTask": [unblock_task],
    "completeTask": [a_task],
    "skipTask": [a_task],
    "retryTask": [retry_task],
    "createSubtask": [create_subtask],
    "updateSubtask": [update_subtask],
    "deleteSubtask": [delete_subtask],
    "addFinding": [add_finding],
}

"""What stands above a run: hosts, the pipeline, supervisors."""

from typing import Final

from tests.fleet import HOST
from tests.schema.examples.inputs import WHY, Example, Input, versioned
from tests.schema.world import World


async def host(_world: World) -> Input:
    return {"hostId": HOST, **WHY}


async def pipeline(_world: World) -> Input:
    return dict(WHY)


async def heartbeat(world: World) -> Input:
    return {
        "runId": world.run,
        "state": "WORKING",
        "phase": "phase-1",
        "currentActivity": "Reading",
        "progress": 40,
        "pendingTaskIds": [world.task],
        "memo": "Red, not blue.",
        "sessionId": "ses_1",
        "idempotencyKey": "key-1",
    }


async def of_supervisor(world: World) -> Input:
    return await versioned(world, world.run)


EXAMPLES: Final[dict[str, list[Example]]] = {
    "pausePipeline": [pipeline],
    "resumePipeline": [pipeline],
    "heartbeat": [heartbeat],
    "restartSupervisor": [of_supervisor],
    "syncSupervisor": [of_supervisor],
    "drainHost": [host],
    "resumeHost": [host],
}

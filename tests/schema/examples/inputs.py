"""What the examples share."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from tests.schema.world import World

Input = dict[str, Any]
Example = Callable[[World], Awaitable[Input]]

WHY: Final = {"reason": "because", "idempotencyKey": "key-1"}
AT: Final = "2026-01-01T12:00:00Z"
TRUE: Final = {"command": ["true"]}
AGENT: Final = {"agent": {"name": "helper", "model": "m-2", "prompt": "Be brief."}}
PLAN: Final = "title: As text\ntasks:\n  - key: one\n    title: Do it\n"


async def versioned(world: World, run: str) -> Input:
    return {"runId": run, "expectedVersion": (await world.fleet.run(run)).version, **WHY}

"""Tokens."""

from typing import Final

from tests.schema.examples.inputs import WHY, Example, Input
from tests.schema.world import World


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


EXAMPLES: Final[dict[str, list[Example]]] = {
    "createToken": [create_project_token, create_run_token, create_worker_token],
    "revokeToken": [revoke_token],
}

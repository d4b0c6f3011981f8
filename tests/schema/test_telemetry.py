"""How the instance is doing, as clients see it."""

import pytest

from app.domain.access import Role
from tests.factories import an_actor
from tests.schema.api import Api, Refused
from tests.schema.world import World

FIELDS = "at cpuPercent rssBytes eventLoopLagMs subscribers queuedEvents databaseLatencyMs processes"


async def test_everything_is_a_number_with_a_time(api: Api) -> None:
    found = (await api.query(f"{{ telemetry {{ {FIELDS} }} }}"))["telemetry"]
    assert found.pop("at").endswith("Z")
    assert all(value >= 0 for value in found.values())
    assert found["rssBytes"] > 1_000_000


async def test_it_is_sent_again_and_again(api: Api) -> None:
    stream = api.follow("subscription { telemetry(intervalMs: 0) { at } }")
    first, second = await anext(stream), await anext(stream)
    assert first["telemetry"]["at"] < second["telemetry"]["at"]
    await stream.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN, Role.ORCHESTRATOR])
async def test_a_token_of_one_project_learns_nothing_of_the_machine(world: World, role: Role) -> None:
    scoped = world.api.by(an_actor(role, project_id=world.project))
    assert await scoped.query("{ telemetry { rssBytes } }") == {"telemetry": None}
    with pytest.raises(Refused, match="FORBIDDEN"):
        await anext(scoped.follow("subscription { telemetry { rssBytes } }"))

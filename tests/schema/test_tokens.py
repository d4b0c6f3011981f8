"""Tokens over the API: shown once, seen by ADMINs alone."""

import json

import pytest

from app.domain.access import Role
from tests.factories import an_actor
from tests.schema.api import Api
from tests.schema.examples import EXAMPLES
from tests.schema.world import World

NAMES = "{ tokens { edges { node { id name project { id } } } totalCount } }"
CHANGES = 'query { events(filter: {types: ["TokenChanged"]}) { edges { node { ... on TokenChanged { revoked token { id } } } } } }'


async def test_a_secret_is_shown_once_and_kept_nowhere(world: World) -> None:
    input = await EXAMPLES["createToken"][0](world)
    first = await world.api.do("createToken", "secret token { id }", **input)
    assert first["secret"].startswith("trk_")
    again = await world.api.do("createToken", "secret token { id }", **input)
    assert again == {**first, "secret": None, "userErrors": []}
    told = json.dumps(await world.dump())
    assert first["token"]["id"] in told
    assert first["secret"] not in told


async def test_a_project_admin_sees_the_tokens_of_its_project(world: World) -> None:
    await world.api.do("createToken", name="everywhere", role="ADMIN")
    us = world.api.by(an_actor(Role.ADMIN, project_id=world.project))
    found = await us.query(NAMES)
    assert found["tokens"] == {
        "edges": [{"node": {"id": world.token, "name": "Olga", "project": {"id": world.project}}}],
        "totalCount": 1,
    }
    assert (await world.api.query(NAMES))["tokens"]["totalCount"] == 2


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMIN, Role.RUNNER}))
async def test_nobody_else_knows_of_tokens(world: World, role: Role) -> None:
    await world.api.do("revokeToken", tokenId=world.token)
    other: Api = world.api.by(an_actor(role))
    node = "query($id: ID!) { node(id: $id) { id } }"
    assert await other.query(node, id=world.token) == {"node": None}
    assert (await world.api.query(node, id=world.token))["node"] == {"id": world.token}
    assert (await other.error(NAMES))["code"] == "FORBIDDEN"
    assert (await other.query(CHANGES))["events"]["edges"] == []
    told = [edge["node"] for edge in (await world.api.query(CHANGES))["events"]["edges"]]
    assert told == [{"revoked": revoked, "token": {"id": world.token}} for revoked in (False, True)]
    everything = 'subscription { events(after: "0") { __typename cursor } }'
    head = (await world.api.query("{ cursor }"))["cursor"]
    async for event in other.follow(everything):
        assert event["events"]["__typename"] != "TokenChanged"
        if event["events"]["cursor"] == head:
            break


@pytest.mark.parametrize("name", ["trackside", "Trackside", "worker:wrk_1", "runner:wrk_1"])
async def test_nobody_signs_for_somebody_else(world: World, name: str) -> None:
    refused = await world.api.refused("createToken", name=name, role="VIEWER")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["input", "name"])

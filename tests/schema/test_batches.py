"""batchRuns over the API: a rehearsal unless it is told otherwise, for those it can be done to, for ADMINs."""

from typing import Any

import pytest

from app.domain.access import Role
from tests.factories import an_actor
from tests.schema.world import World

FIELDS = "affectedCount affectedIds failures { runId code message } runs(first: 1) { id status }"


async def test_it_only_tells_what_it_would_do_unless_it_is_told_otherwise(world: World) -> None:
    admin = world.api.by(an_actor(Role.ADMIN))
    before = await world.dump()
    told = await admin.do("batchRuns", FIELDS, operation="PAUSE_ALL")
    assert (told["affectedIds"], told["affectedCount"], told["failures"]) == ([world.run], 1, [])
    assert told["runs"] == [{"id": world.run, "status": "WAITING_FOR_INPUT"}]
    assert await world.dump() == before
    done = await admin.do("batchRuns", FIELDS, operation="PAUSE_ALL", dryRun=False)
    assert done["runs"] == [{"id": world.run, "status": "PAUSING"}]


@pytest.mark.parametrize(
    "filter",
    [
        {"statuses": ["COMPLETED"]},
        {"search": "nothing of the kind"},
        {"projectId": "proj_none"},
        {"stale": True},
    ],
)
async def test_the_filter_narrows_what_is_meant(world: World, filter: dict[str, Any]) -> None:
    admin = world.api.by(an_actor(Role.ADMIN))
    told = await admin.do("batchRuns", FIELDS, operation="PAUSE_ALL", filter=filter)
    assert told["affectedIds"] == []


async def test_age_counts_where_nothing_is_said_of_it(world: World) -> None:
    admin = world.api.by(an_actor(Role.ADMIN))
    run = await world.a_run("a")
    await world.fleet.finish(run, "a")
    assert (await admin.do("batchRuns", FIELDS, operation="ARCHIVE_OLD"))["affectedIds"] == []
    told = await admin.do("batchRuns", FIELDS, operation="ARCHIVE_OLD", olderThanHours=0, dryRun=False)
    assert told["affectedIds"] == [run]
    gone = await admin.do("batchRuns", FIELDS, operation="CLEANUP_ARCHIVED", olderThanHours=0, dryRun=False)
    assert (gone["affectedIds"], gone["runs"]) == ([run], [])
    assert (await world.api.query("query($id: ID!) { run(id: $id) { id } }", id=run))["run"] is None


async def test_a_project_admin_reaches_its_own_runs_alone(world: World) -> None:
    admin = world.api.by(an_actor(Role.ADMIN, project_id="proj_other"))
    assert (await admin.do("batchRuns", FIELDS, operation="PAUSE_ALL"))["affectedIds"] == []


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ORCHESTRATOR])
async def test_it_is_for_admins(world: World, role: Role) -> None:
    refused = await world.api.by(an_actor(role, run_id=world.run)).refused("batchRuns", operation="PAUSE_ALL")
    assert refused["code"] == "FORBIDDEN"

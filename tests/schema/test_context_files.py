"""Files and skeletons as context: the index of a project, and what is given to a worker."""

import asyncio

import pytest

from app.domain.access import Role
from app.engine import indexing
from app.schema import context_files
from tests.conftest import Clock
from tests.factories import an_actor
from tests.schema.world import World

INDEX = """query($id: ID!, $first: Int) { contextState(projectId: $id, first: $first) {
  totalCount pageInfo { hasNextPage } edges { node { path language state tokens skeletonTokens error skeleton } } } }"""
SOURCE = 'def mind(the: str) -> int:\n    """Mind the gap."""\n    return len(the)\n'
SKELETON = 'def mind(the: str) -> int:\n    """Mind the gap."""\n    ...\n'


async def test_the_index_is_made_when_it_is_first_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.root / "gap.py").write_text(SOURCE)
    (world.root / "broken.go").write_text("package a\nfunc {\n")
    (world.root / "skills").rename(world.root.parent / "elsewhere")
    monkeypatch.setattr(context_files, "FIRST_LOOK_SECONDS", 60.0)
    asked = asyncio.create_task(world.api.query(INDEX, id=world.project))
    services = world.api.services
    async with asyncio.timeout(60):
        await services.tail.nudged(world.project, 0.1)
        await indexing.note(services.db, services.index_requests)
        await indexing.run_once(services.db, services.tail.nudge)
        found = (await asked)["contextState"]
    files = {edge["node"].pop("path"): edge["node"] for edge in found["edges"]}
    assert files["gap.py"] == {
        "language": "python",
        "state": "FRESH",
        "tokens": 18,
        "skeletonTokens": 15,
        "error": None,
        "skeleton": SKELETON,
    }
    assert files["broken.go"]["state"] == "FAILED"
    assert files["broken.go"]["error"] == "It has no skeleton: line 2 is no go."
    assert files["broken.go"]["skeleton"] is None
    assert found["totalCount"] == len(files)
    assert list(files) == sorted(files)
    first = (await world.api.query(INDEX, id=world.project, first=1))["contextState"]
    assert (len(first["edges"]), first["pageInfo"]["hasNextPage"]) == (1, True)


async def test_another_projects_index_is_not_there_and_is_not_made(world: World, clock: Clock) -> None:
    other = world.api.by(an_actor(Role.ADMIN, project_id="proj_other"))
    assert (await other.query(INDEX, id=world.project))["contextState"] is None
    assert (await world.api.query(INDEX, id="proj_none"))["contextState"] is None
    due = await world.api.services.db.read(
        indexing.store.context_files.due, rest=indexing.REST, every=indexing.EVERY
    )
    assert [project.id for project in due] == [world.project], (
        "for its run that goes on, and for nothing else"
    )


async def test_a_worker_is_given_signatures_without_bodies(world: World) -> None:
    (world.root / "gap.py").write_text(SOURCE)
    given = await world.api.do(
        "injectContext",
        "items { kind path tokens }",
        target={"workerId": world.worker},
        items=[{"skeleton": "gap.py"}],
    )
    assert given["items"] == [{"kind": "SKELETON", "path": "gap.py", "tokens": 15}]
    contents = [
        item.content
        for item in await world.api.services.db.read(indexing.store.context.undelivered, world.worker)
    ]
    assert contents[-1] == SKELETON


async def test_what_has_no_skeleton_is_refused_with_what_to_give_instead(world: World) -> None:
    (world.root / "notes.md").write_text("words")
    (world.root / "broken.py").write_text("class = 3\n")
    for path, words in (("notes.md", "There is no skeleton"), ("broken.py", "line 1 is no python")):
        refused = await world.api.refused(
            "injectContext", target={"workerId": world.worker}, items=[{"skeleton": path}]
        )
        assert words in refused["message"]
        assert "whole" in refused["suggestion"]
        assert refused["path"] == ["input", "items", "0", "skeleton"]

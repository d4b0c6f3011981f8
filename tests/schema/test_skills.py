"""Skills over the API: listed, checked where they are named, given to workers."""

from pathlib import Path
from typing import Any

import pytest

from app.domain.access import Role
from tests.factories import a_skill, an_actor
from tests.schema.world import World

LIST = """query($id: ID, $role: SkillRole) { skills(projectId: $id, role: $role) { name version role description instructions }
  skillProblems(projectId: $id) { code path message } }"""


async def test_skills_of_a_project_are_listed_by_role(world: World) -> None:
    a_skill(world.root, "editing")
    a_skill(world.root, "leading", role="ORCHESTRATOR")
    (world.root / "skills" / "empty").mkdir()
    found = await world.api.query(LIST, id=world.project, role="WORKER")
    assert found["skills"][0] == {
        "name": "editing",
        "version": "1.2",
        "role": "WORKER",
        "description": "How to write.",
        "instructions": "Write well.\n",
    }
    workers = [skill["name"] for skill in found["skills"]]
    assert workers == ["editing", "house", "writing", "x" * 200]
    assert [problem["code"] for problem in found["skillProblems"]] == ["MANIFEST_MISSING", "TEXT_MISSING"]
    both = await world.api.query(LIST, id=world.project)
    assert [skill["name"] for skill in both["skills"]] == sorted([*workers, "leading"])
    assert [skill["name"] for skill in (await world.api.query(LIST))["skills"]] == ["house"]


async def test_another_projects_skills_are_not_there(world: World) -> None:
    a_skill(world.root, "editing")
    other = world.api.by(an_actor(Role.ADMIN, project_id="proj_other"))
    for id in (world.project, "proj_none"):
        assert await other.query(LIST, id=id) == {"skills": None, "skillProblems": None}


async def test_a_worker_tells_its_skill(world: World) -> None:
    a_skill(world.root, "editing")
    given = await world.api.do(
        "spawnWorker",
        "worker { skill { name version } }",
        runId=world.run,
        skill="editing",
        runtime={"command": ["true"]},
    )
    assert given["worker"]["skill"] == {"name": "editing", "version": "1.2"}


def plan_of(skill: str) -> dict[str, Any]:
    return {"tasks": [{"key": "one", "title": "Do it", "skill": skill}]}


@pytest.mark.parametrize("mutation", ["createRun", "mutateDag", "spawnWorker"])
async def test_a_skill_that_cannot_be_used_is_refused_where_it_is_named(world: World, mutation: str) -> None:
    a_skill(world.root, "editing")
    a_skill(world.root, "leading", role="ORCHESTRATOR")
    a_skill(world.root, "broken", version=None)

    async def refused(skill: str) -> dict[str, Any]:
        inputs: dict[str, dict[str, Any]] = {
            "createRun": {"projectId": world.project, "plan": plan_of(skill)},
            "mutateDag": {
                "runId": world.run,
                "operations": [{"updateTask": {"task": "test", "skill": skill}}],
            },
            "spawnWorker": {"runId": world.run, "skill": skill, "runtime": {"command": ["true"]}},
        }
        return await world.api.refused(mutation, **inputs[mutation])

    unknown = await refused("nothing")
    assert (unknown["code"], unknown["path"][-1]) == ("INVALID_INPUT", "skill")
    assert unknown["message"] == "There is no skill 'nothing'."
    assert "editing" in unknown["suggestion"]
    assert "leading" not in unknown["suggestion"]
    assert "is for ORCHESTRATOR" in (await refused("leading"))["message"]
    assert "It does not say 'version'." in (await refused("broken"))["message"]


async def test_where_there_are_none_it_says_how_to_write_one(world: World, tmp_path: Path) -> None:
    (world.root / "skills").rename(world.root / "elsewhere")
    (tmp_path / "configuration").rename(tmp_path / "elsewhere")
    refused = await world.api.refused("createRun", projectId=world.project, plan=plan_of("nothing"))
    assert "skills/nothing/skill.md" in refused["suggestion"]

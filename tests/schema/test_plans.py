"""The plans of a project, as clients see them."""

from tests.factories import an_actor
from tests.schema.world import World

PLANS = "query($id: ID!) { plans(projectId: $id) { id path format title taskCount completedCount } }"


async def test_the_plans_of_a_project_are_found(world: World) -> None:
    (world.root / "docs").mkdir()
    (world.root / "docs" / "plan.md").write_text("# Tea\n\n- [x] Boil\n- [ ] Pour\n")
    (world.root / "tasks.json").write_text("{")
    (first,) = (await world.api.query(PLANS, id=world.project))["plans"]
    id = first.pop("id")
    assert first == {
        "path": "docs/plan.md",
        "format": "MARKDOWN",
        "title": "Tea",
        "taskCount": 2,
        "completedCount": 1,
    }
    made = await world.api.do(
        "createRun", "run { plan { path } }", projectId=world.project, plan={"path": first["path"]}
    )
    assert made["run"]["plan"]["path"] == "docs/plan.md"
    (again,) = (await world.api.query(PLANS, id=world.project))["plans"]
    assert again["id"] == id


async def test_the_plans_of_another_project_are_not_there(world: World) -> None:
    stranger = world.api.by(an_actor(project_id="proj_other"))
    assert (await stranger.query(PLANS, id=world.project))["plans"] is None
    assert (await world.api.query(PLANS, id="proj_none"))["plans"] is None

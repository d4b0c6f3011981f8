"""Skills that are changed while a run goes on reach the workers that start afterwards."""

from pathlib import Path

import pytest

from app import store
from app.domain.prompts import compose
from app.engine import skills
from tests.factories import a_skill, a_task
from tests.fleet import Fleet


@pytest.fixture
async def project(fleet: Fleet, tmp_path: Path) -> str:
    root = tmp_path / "project"
    a_skill(root)
    return (await fleet.db.write(store.projects.add, name="own", root=str(root))).id


async def test_what_changes_on_disk_is_taken_up_while_a_run_goes_on(
    fleet: Fleet, project: str, tmp_path: Path
) -> None:
    assert await skills.run_once(fleet.db, "") == 0, "no run goes on"
    await fleet.a_run(a_task("a", skill="writing"), "b", project_id=project)
    assert await skills.run_once(fleet.db, "") == 1
    assert await skills.run_once(fleet.db, "") == 0
    (tmp_path / "project/skills/writing/skill.md").write_text("Write better.")
    a_skill(tmp_path / "user", "testing")
    assert await skills.run_once(fleet.db, str(tmp_path / "user")) == 1
    assert set(await fleet.db.read(store.skills.digests, project)) == {"testing", "writing"}


async def test_a_worker_starts_with_the_text_of_its_skill(fleet: Fleet, project: str) -> None:
    run = await fleet.a_run(a_task("a", skill="writing"), project_id=project)
    await skills.run_once(fleet.db, "")
    await fleet.working(run, "a")
    (worker,) = await fleet.live(run)
    task = await fleet.task(run, "a")
    assert worker.prompt == compose("a", task.title, task.description, skill=("writing", "Write well.\n"))
    assert worker.prompt.startswith("# Skill: writing\n\nWrite well.\n\n---\n\n# a: ")


async def test_one_that_is_gone_stays_for_the_tasks_that_name_it(
    fleet: Fleet, project: str, tmp_path: Path
) -> None:
    a_skill(tmp_path / "project", "testing")
    run = await fleet.a_run(a_task("a", skill="writing"), "b", project_id=project)
    await skills.run_once(fleet.db, "")
    for name in ("writing", "testing"):
        (tmp_path / f"project/skills/{name}").rename(tmp_path / name)
    await skills.run_once(fleet.db, "")
    assert set(await fleet.db.read(store.skills.digests, project)) == {"writing"}
    await fleet.working(run, "a")
    assert (await fleet.live(run))[0].prompt.startswith("# Skill: writing")

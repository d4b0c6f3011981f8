"""A directory is one project, however often it is made known."""

from pathlib import Path

from tests.cli.program import Trackside, task, write_plan


def test_a_directory_that_is_a_project_already_stays_the_one_it_is(
    trackside: Trackside, project: Path
) -> None:
    first = trackside("projects", "create", "--name", "Orchard", "--output", "json").json["project"]
    plan = write_plan(project, "In the orchard", task("a"))

    again = trackside("projects", "create", "--name", "Garden")

    assert (again.status, again.out) == (0, f"{first['id']}\n")
    assert "Orchard in" in again.err
    assert "a project before this" in again.err
    assert trackside("projects", "show", ".", "--output", "json").json["name"] == "Orchard"
    made = trackside("runs", "create", plan, "--output", "json").json["run"]
    assert made["project"]["id"] == first["id"]

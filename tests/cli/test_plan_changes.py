"""A plan that is edited while its run goes on."""

import json
from pathlib import Path
from typing import Any

from tests.cli.program import Trackside, held, let_go, task, write_plan
from tests.e2e.served import Served


def started(trackside: Trackside, server: Served, project: Path, name: str, *more: dict[str, Any]) -> Any:
    """A run that is at work on `a`."""
    write_plan(project, name, held("a", project), task("b", "true", dependsOn=["a"]), *more)
    run = trackside.start("run", "plan.json", "--url", server.url, "--name", name)
    run.until_said("▶ a")
    return run


def test_what_an_edit_would_change_is_told_and_done_on_request(
    trackside: Trackside, server: Served, project: Path
) -> None:
    run = started(trackside, server, project, "Edited", task("c", "sleep", "600", dependsOn=["b"]))
    nothing = trackside("plan", "diff", "Edited")
    assert nothing.lines == ["The plan changes nothing in the run."]

    write_plan(project, "Edited", held("a", project), task("b", "true"), task("d", "true", dependsOn=["a"]))
    told = trackside("plan", "diff", "Edited")
    assert told.status == 0
    assert [line.split()[:3] for line in told.lines] == [
        ["+", "task", "d"],
        ["-", "wait", "b"],
        ["-", "task", "c"],
    ]
    as_json = trackside("plan", "diff", "Edited", "plan.json", "--output", "json").json
    assert not as_json["applied"]
    assert [one["kind"] for one in as_json["operations"]] == ["ADD_TASK", "REMOVE_DEPENDENCY", "REMOVE_TASK"]
    version = as_json["run"]["version"]

    rehearsed = trackside("plan", "apply", "Edited")
    assert rehearsed.lines == told.lines
    assert "--yes" in rehearsed.err
    applied = trackside("plan", "apply", "Edited", "--yes", "--reason", "more to do", "--output", "json").json
    assert applied["applied"]
    assert applied["operations"] == as_json["operations"]
    assert applied["run"]["plan"]["path"] == "plan.json"
    assert trackside("plan", "diff", "Edited").lines == nothing.lines

    stale = trackside(
        "plan", "apply", "Edited", "--yes", "--expected-version", str(version - 1), "--output", "json"
    )
    assert (stale.status, stale.error["code"]) == (2, "VERSION_CONFLICT")

    let_go(project, "a")
    assert run.end().status == 0
    shown = trackside("runs", "show", "Edited", "--output", "json").json
    assert {one["key"]: one["status"] for one in shown["tasks"]}["d"] == "COMPLETED"


def test_a_plan_that_lies_elsewhere_is_sent_as_text(
    trackside: Trackside, server: Served, project: Path, tmp_path: Path
) -> None:
    run = started(trackside, server, project, "Elsewhere")
    other = tmp_path / "other.json"
    tasks = [held("a", project), task("e", "true")]
    other.write_text(json.dumps({"title": "Elsewhere", "tasks": tasks}))
    told = trackside("plan", "diff", "Elsewhere", str(other)).lines
    assert told[0].startswith("+ task  e  Do e  [tasks]")
    run.signal(2)
    run.end()


def test_a_plan_that_cannot_be_read_is_refused(trackside: Trackside, server: Served, project: Path) -> None:
    run = started(trackside, server, project, "Broken")
    (project / "plan.json").write_text('{"tasks": [')
    refused = trackside("plan", "diff", "Broken", "--output", "json")
    assert (refused.status, refused.error["code"]) == (2, "PLAN_INVALID")
    run.signal(2)
    run.end()


def test_an_edit_of_the_file_is_told_at_once_and_its_import_too(
    trackside: Trackside, server: Served, project: Path
) -> None:
    run = started(trackside, server, project, "Told")
    monitor = trackside.start("monitor", "Told", "--after", "0")
    write_plan(project, "Told", held("a", project), task("b", "true"))
    monitor.until_said("plan plan.json was edited")
    assert trackside("plan", "apply", "Told", "--yes").status == 0
    monitor.until_said("plan plan.json imported")
    let_go(project, "a")
    assert run.end().status == 0
    told = monitor.end().out
    assert told.count("was edited") == 1

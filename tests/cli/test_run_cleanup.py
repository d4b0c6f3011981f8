"""What is over and old, put away; told first, done on request."""

import os
from pathlib import Path

from tests.cli.program import Trackside, held, let_go, task, write_plan
from tests.e2e.served import Served


def an_ended_run(trackside: Trackside, server: Served, project: Path, title: str) -> str:
    plan = write_plan(project, title, task("a", "true"))
    assert trackside("run", plan, "--url", server.url).status == 0
    (run,) = trackside("runs", "list", "--search", title, "--output", "json").json
    return str(run["id"])


def statuses(trackside: Trackside) -> dict[str, str]:
    listed = trackside("runs", "list", "--project", ".", "--output", "json").json
    return {run["id"]: run["status"] for run in listed}


def test_runs_are_archived_and_archived_ones_deleted_and_the_log_keeps_it(
    trackside: Trackside, server: Served, project: Path
) -> None:
    first = an_ended_run(trackside, server, project, "Old one")
    trackside("runs", "archive", first)
    second = an_ended_run(trackside, server, project, "Old two")
    here = ("--project", ".", "--older-than", "0s", "--only", "archive", "--only", "delete")

    told = trackside("runs", "cleanup", *here)
    assert told.status == 0
    assert "1 run would be archived" in told.out
    assert "1 run would be deleted for good" in told.out
    assert "--yes" in told.err
    assert statuses(trackside) == {first: "ARCHIVED", second: "COMPLETED"}

    done = trackside("runs", "cleanup", *here, "--yes", "--reason", "spring", "--output", "json").json
    assert (done["archive"]["ids"], done["archive"]["failures"]) == ([second], [])
    assert first in done["delete"]["ids"]
    assert first not in statuses(trackside)
    deleted = trackside("events", "list", "--project", ".", "--type", "RunDeleted", "--output", "json").json
    assert first in {event["runId"] for event in deleted}
    commands = trackside("commands", "list", "--verb", "batchRuns", "--output", "json").json
    assert commands[0]["reason"] == "spring"


def test_files_of_runs_that_did_not_complete_are_removed(alone: Trackside, project: Path) -> None:
    failed = alone("run", write_plan(project, "Fails", task("a", "false")))
    assert failed.status == 1
    (kept,) = alone.kept()
    for path in kept.rglob("*"):
        os.utime(path, (0, 0), follow_symlinks=False)
    files = ("runs", "cleanup", "--only", "files")

    told = alone(*files)
    assert (told.status, str(kept) in told.out, alone.kept()) == (0, True, [kept])
    (done,) = alone(*files, "--yes", "--output", "json").json["files"]

    assert (done["path"], done["removed"]) == (str(kept), True)
    assert done["bytes"] > 0
    assert alone.kept() == []
    assert alone(*files, "--yes").out == "0 directories of `trackside run`\n"


def test_the_next_run_clears_up_what_earlier_ones_have_left(alone: Trackside, project: Path) -> None:
    alone("run", write_plan(project, "Fails", task("a", "false")))
    (kept,) = alone.kept()
    for path in kept.rglob("*"):
        os.utime(path, (0, 0), follow_symlinks=False)

    again = alone.start("run", write_plan(project, "Held", held("a", project)))
    again.until_said("▶ a")
    while kept.exists():
        assert again.process.poll() is None
    let_go(project, "a")
    assert again.end().status == 0

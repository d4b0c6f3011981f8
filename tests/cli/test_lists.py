"""Lists: how many, which, and again whenever something happens."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import examples
from tests.cli.examples import World
from tests.cli.program import Trackside
from tests.e2e.served import Served


@pytest.fixture
def world(server: Served, project: Path) -> Iterator[World]:
    token = (server.data_dir / "token").read_text().strip()
    made = World(server, token, project)
    examples.prepare(made, "tasks list")
    yield made
    made.close()


def test_a_list_has_a_limit_and_says_so_and_all_of_it_is_there_too(
    trackside: Trackside, world: World
) -> None:
    some = trackside("tasks", "list", world.run_name, "-n", "2")
    assert [line.split()[0] for line in some.lines] == ["KEY", "T012", "T013"]
    assert "--all" in some.err
    everything = trackside("tasks", "list", world.run_name, "--all")
    assert [line.split()[0] for line in everything.lines] == ["KEY", "T012", "T013", "T014"]
    assert everything.err == ""
    records = trackside("tasks", "list", world.run_name, "--limit", "2", "--output", "jsonl")
    assert [json.loads(line)["key"] for line in records.lines] == ["T012", "T013"]
    assert records.err == ""


def test_a_watched_list_is_shown_again_when_something_has_happened(
    trackside: Trackside, world: World
) -> None:
    watching = trackside.start("tasks", "list", world.run_name, "--watch")
    watching.until_said("T014")
    assert not any("COMPLETED" in line for line in watching.lines)

    trackside("tasks", "complete", f"{world.run_name}/T012")
    watching.until(lambda line: line.startswith("T012") and "COMPLETED" in line)

    done = watching.end(signal.SIGINT)
    assert (done.status, done.err) == (0, "")


def test_a_watched_list_tells_programs_only_what_has_changed(trackside: Trackside, world: World) -> None:
    watching = trackside.start("tasks", "list", world.run_name, "--watch", "--output", "jsonl")
    watching.until_said('"T014"')

    trackside("tasks", "skip", f"{world.run_name}/T014")
    watching.until_said('"SKIPPED"')

    keys = [json.loads(line)["key"] for line in watching.lines]
    assert keys == ["T012", "T013", "T014", "T014"]
    assert watching.end(signal.SIGINT).status == 0


def test_a_time_is_a_span_or_an_instant(trackside: Trackside, world: World) -> None:
    def names(*options: str) -> list[str]:
        found = trackside("runs", "list", "--project", ".", "--output", "json", *options).json
        return [run["name"] for run in found]

    assert names("--since", "1h") == [world.run_name]
    assert names("--since", "2999-01-01") == []
    wrong = trackside("runs", "list", "--since", "yesterday", "--output", "json")
    assert (wrong.status, wrong.error["code"]) == (2, "INVALID_INPUT")


def test_a_task_is_meant_by_its_run_and_key_or_by_its_id(trackside: Trackside, world: World) -> None:
    by_key = trackside("tasks", "show", f"{world.run_name}/T013", "--output", "json").json
    by_id = trackside("tasks", "show", by_key["id"], "--output", "json").json
    assert by_key == by_id
    assert [one["key"] for one in by_key["dependencies"]] == ["T012"]
    missing = trackside("tasks", "show", f"{world.run_name}/T999", "--output", "json")
    assert (missing.status, missing.error["code"]) == (2, "NOT_FOUND")


def test_an_edit_may_be_rehearsed_and_is_refused_where_the_run_has_moved_on(
    trackside: Trackside, world: World
) -> None:
    told = trackside("tasks", "remove", f"{world.run_name}/T013", "--dry-run")
    assert told.lines[0].startswith("Nothing was changed")
    assert told.lines[1].split()[:2] == ["remove", "T013"]
    shown = trackside("tasks", "show", f"{world.run_name}/T013", "--output", "json").json
    assert shown["status"] == "PENDING"

    done = trackside("tasks", "remove", f"{world.run_name}/T013", "--output", "json").json
    assert [one["key"] for one in done["impact"]["removed"]] == ["T013"]
    assert not done["dryRun"]
    late = trackside(
        "tasks", "depend", f"{world.run_name}/T014", "T012", "--expected-version", "1", "--output", "json"
    )
    assert (late.status, late.error["code"]) == (2, "VERSION_CONFLICT")


def test_a_run_that_was_stopped_still_says_how_much_there_was(trackside: Trackside, world: World) -> None:
    trackside("runs", "stop", world.run_name, "--now")

    (line,) = [one for one in trackside("runs", "list", "--project", ".").lines if world.run_name in one]
    assert line.split()[1:3] == ["CANCELLED", "0/3"]
    assert "0 of 3 tasks completed, 3 cancelled" in trackside("runs", "show", world.run_name).out

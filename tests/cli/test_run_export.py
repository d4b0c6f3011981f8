"""Everything of one run in a file: whole, or not at all."""

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from app.cli.run_export import _items
from tests.cli.hanging import hanging, holding
from tests.cli.program import PATIENCE, Trackside, shell, task, write_plan
from tests.e2e.served import Served


@pytest.fixture
def run(trackside: Trackside, server: Served, project: Path) -> str:
    plan = write_plan(project, "Exported", shell("a", "echo done"), task("b", "true", dependsOn=["a"]))
    assert trackside("run", plan, "--url", server.url).status == 0
    (found,) = trackside("runs", "list", "--project", ".", "--output", "json").json
    return str(found["id"])


def test_every_thing_of_the_run_has_a_line_and_the_last_one_counts_them(
    trackside: Trackside, project: Path, run: str
) -> None:
    done = trackside("runs", "export", run)

    lines = [json.loads(line) for line in done.lines]
    counts = Counter(line["type"] for line in lines)
    assert done.status == 0
    assert lines[0]["type"] == "Run"
    assert (lines[0]["id"], lines[0]["status"], lines[0]["supervisor"]["state"]) == (
        run,
        "COMPLETED",
        "COMPLETED",
    )
    assert lines[-1] == {"type": "End", "counts": {kind: n for kind, n in counts.items() if kind != "End"}}
    (plan,) = [line for line in lines if line["type"] == "Plan"]
    assert plan["text"] == (project / "plan.json").read_text()
    assert (counts["Phase"], counts["Task"], counts["Worker"]) == (1, 2, 2)
    logged = trackside("events", "list", "--run", run, "--all", "--output", "jsonl").lines
    told = [line["event"] for line in lines if line["type"] == "Event"]
    assert [event["id"] for event in told] == [json.loads(line)["id"] for line in logged]


def test_as_one_document_it_says_the_same(trackside: Trackside, run: str) -> None:
    lines = [json.loads(line) for line in trackside("runs", "export", run).lines]
    whole: dict[str, Any] = trackside("runs", "export", run, "--output", "json").json

    assert set(whole) == {
        *("run", "plan", "phases", "tasks", "workers", "attention", "commands", "events", "counts")
    }
    assert whole["run"]["id"] == run
    assert whole["attention"] == []
    assert whole["counts"] == lines[-1]["counts"]
    assert [{"type": "Task", **one} for one in whole["tasks"]] == [
        one for one in lines if one["type"] == "Task"
    ]


def test_a_file_is_written_whole_and_not_over_another(trackside: Trackside, project: Path, run: str) -> None:
    file = project / "run.ndjson"

    done = trackside("runs", "export", run, "--file", str(file))
    assert done.status == 0
    assert done.out.startswith(f"{file}: 2 tasks, 2 workers")
    assert json.loads(file.read_text().splitlines()[-1])["type"] == "End"

    again = trackside("runs", "export", run, "--file", str(file), "--output", "json")
    assert (again.status, again.error["code"]) == (2, "INVALID_INPUT")
    over = trackside("runs", "export", run, "--file", str(file), "--force", "--output", "json")
    assert (over.status, over.json["counts"]["Task"]) == (0, 2)
    assert json.loads(file.read_text())["run"]["id"] == run
    nowhere = trackside("runs", "export", run, "--file", str(project / "none" / "x"))
    assert nowhere.status == 1
    assert "no such file" in nowhere.err
    assert sorted(path.name for path in project.iterdir()) == ["plan.json", "run.ndjson"]


def test_what_is_no_regular_file_is_never_replaced(trackside: Trackside, project: Path, run: str) -> None:
    device = project / "device"
    os.mkfifo(device)

    refused = trackside("runs", "export", run, "--file", str(device), "--force", "--output", "json")

    assert (refused.status, refused.error["code"], device.is_fifo()) == (2, "INVALID_INPUT", True)


def test_a_run_that_is_deleted_meanwhile_is_not_told_as_whole(
    trackside: Trackside, server: Served, project: Path, run: str
) -> None:
    token = (server.data_dir / "token").read_text().strip()
    with holding(server, b"workers(first") as (url, asked, go_on):
        exporting = trackside.start("runs", "export", run, "--url", url, "--token", token)
        assert asked.wait(PATIENCE)
        trackside("runs", "archive", run)
        cleanup = ("runs", "cleanup", "--only", "delete", "--older-than", "0s", "--project", ".", "--yes")
        assert run in trackside(*cleanup, "--output", "json").json["delete"]["ids"]
        go_on.set()
        done = exporting.end()

    assert (done.status, '"type":"Task"' in done.out, '"type":"End"' in done.out) == (2, True, False)
    assert "deleted" in done.err


class _Moving:
    """Items by what they hold back, two a page: one moves to the front while the first page is read, one to the end."""

    def __init__(self) -> None:
        self.items = ["a", "b", "c", "d"]

    async def query(self, _document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        start = int(variables["after"] or 0)
        page = self.items[start : start + 2]
        if start == 0:
            self.items = ["d", "b", "c", "a"]
        more = start + 2 < len(self.items)
        edges = [{"node": {"id": id}} for id in page]
        return {"attention": {"edges": edges, "pageInfo": {"hasNextPage": more, "endCursor": str(start + 2)}}}


def test_items_that_change_places_meanwhile_are_told_once_each() -> None:
    async def told() -> list[str]:
        return [item["id"] async for item in _items(cast(Any, _Moving()), "run_1")]

    assert asyncio.run(told()) == ["a", "b", "c", "d"]


def test_interrupted_it_leaves_no_part_of_it_behind(
    trackside: Trackside, server: Served, project: Path, run: str
) -> None:
    token = (server.data_dir / "token").read_text().strip()
    with hanging(server, b"workers(first") as (url, asked):
        file = ("--file", str(project / "run.ndjson"))
        exporting = trackside.start("runs", "export", run, *file, "--url", url, "--token", token)
        assert asked.wait(PATIENCE)
        assert any(path.name.endswith(".part") for path in project.iterdir())

        done = exporting.end(signal.SIGINT)

    assert done.status == 130, done
    assert "Traceback" not in done.err
    assert sorted(path.name for path in project.iterdir()) == ["plan.json"]

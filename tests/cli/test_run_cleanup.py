"""What is over and old, put away; told first, done on request."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from app.cli.run_cleanup import Step, _batch, _steps
from app.cli.screen import Output, Screen
from app.cli.session import Session
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
    assert done["delete"]["ids"] == [first]
    assert statuses(trackside) == {second: "ARCHIVED"}  # which was not said to be deleted, and is not
    deleted = trackside("events", "list", "--project", ".", "--type", "RunDeleted", "--output", "json").json
    assert first in {event["runId"] for event in deleted}
    commands = trackside("commands", "list", "--verb", "batchRuns", "--output", "json").json
    assert commands[0]["reason"] == "spring"


class _Client:
    """Answers batches, one after the other."""

    def __init__(self, *answers: tuple[int, int]) -> None:
        self._answers = iter(answers)

    async def mutate(self, _document: str, _input: Mapping[str, Any]) -> dict[str, Any]:
        affected, refused = next(self._answers)
        ids = [f"run_{n}" for n in range(affected)]
        failures = [{"runId": f"run_x{n}", "code": "X", "message": "x"} for n in range(refused)]
        return {"affectedCount": affected, "affectedIds": ids, "runs": [], "failures": failures}

    @property
    def is_at_the_end(self) -> bool:
        return next(self._answers, None) is None


@pytest.mark.parametrize(
    ("answers", "dry", "count", "more"),
    [
        ([(3, 0)], False, 3, False),
        ([(500, 0), (0, 0)], False, 500, False),
        ([(499, 1), (20, 1)], False, 519, False),
        ([(0, 500)], False, 0, False),
        ([(500, 0)], True, 500, True),
        ([(499, 0)], True, 499, False),
    ],
)
def test_one_that_refuses_does_not_keep_those_behind_it(
    answers: list[tuple[int, int]], dry: bool, count: int, more: bool
) -> None:
    client = _Client(*answers)
    session = Session(cast(Any, client), cast(Any, None), Screen(Output.JSON))

    done = asyncio.run(_batch(session, Step.DELETE, {"dryRun": dry}))

    assert (len(done["ids"]), done["count"], done["more"]) == (count, count, more)
    assert client.is_at_the_end


def test_who_means_one_project_loses_no_files_of_another(alone: Trackside, project: Path) -> None:
    alone("run", write_plan(project, "Fails", task("a", "false")))
    refused = alone("runs", "cleanup", "--project", ".", "--only", "files", "--yes", "--output", "json")

    assert (refused.status, refused.error["code"], len(alone.kept())) == (2, "INVALID_INPUT", 1)
    assert _steps(None, ".") == [Step.DELETE, Step.ARCHIVE]
    assert _steps(None, None) == list(Step)


@pytest.mark.parametrize("span", ["99999999999d", "9" * 5_000 + "s", "7321d", "-1d", "d", "٣d"])
def test_a_span_that_is_none_is_refused_in_words(alone: Trackside, span: str) -> None:
    refused = alone("runs", "cleanup", "--only", "files", f"--older-than={span}", "--output", "json")

    assert (refused.status, refused.error["code"]) == (2, "INVALID_INPUT")
    assert "no span of time" in refused.error["message"]


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

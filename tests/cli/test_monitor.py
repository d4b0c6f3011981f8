"""The log as it grows: every event once, in order, until the runs have ended or somebody has seen enough."""

import json
import signal
from pathlib import Path
from typing import Any

from tests.cli.program import Trackside, held, let_go, task, write_plan
from tests.e2e.served import Served


def test_it_ends_with_its_run_and_tells_every_event_once(
    trackside: Trackside, server: Served, project: Path
) -> None:
    plan = write_plan(project, "Watched", held("a", project), task("b", "true", dependsOn=["a"]))
    running = trackside.start("run", plan, "--url", server.url)
    running.until_said("▶ a")

    text = trackside.start("monitor", "Watched", "--after", "0")
    live = trackside.start("monitor", "Watched", "--format", "json", "--after", "0")
    live.until_said('"newTaskStatus":"RUNNING"')
    let_go(project, "a")

    done = live.end()
    events: list[dict[str, Any]] = [json.loads(line) for line in done.lines]
    past = [
        json.loads(line) for line in trackside("monitor", "Watched", "--format", "json", "--after", "0").lines
    ]
    assert done.status == 0
    assert [event["id"] for event in events] == [event["id"] for event in past]
    assert events[-1]["newRunStatus"] == "COMPLETED"
    told = text.end()
    assert [line.split()[0] for line in told.lines] == [event["cursor"] for event in events]
    assert "Watched:  task b RUNNING → COMPLETED  Do b" in told.out

    middle = events[5]["cursor"]
    rest = trackside("monitor", "Watched", "--output", "json", "--after", middle).lines
    assert [json.loads(line)["id"] for line in rest] == [event["id"] for event in events[6:]]
    running.end()


def test_of_a_run_that_has_ended_there_is_no_future(
    trackside: Trackside, server: Served, project: Path
) -> None:
    trackside("run", write_plan(project, "Ended", task("a", "true")), "--url", server.url)

    monitor = trackside("monitor", "Ended")

    assert (monitor.status, monitor.out) == (0, "")
    assert "--after 0" in monitor.err


def test_it_follows_all_runs_until_it_is_interrupted(
    trackside: Trackside, server: Served, project: Path
) -> None:
    monitor = trackside.start("monitor", "--after", "0")
    trackside("run", write_plan(project, "One of all", task("a", "true")), "--url", server.url)
    monitor.until_said("One of all:  run COMPLETING → COMPLETED")

    done = monitor.end(signal.SIGINT)

    assert (done.status, done.err) == (0, "")


def test_a_reader_that_has_seen_enough_ends_it_without_a_word(
    trackside: Trackside, server: Served, project: Path
) -> None:
    trackside("run", write_plan(project, "Piped", task("a", "true")), "--url", server.url)
    monitor = trackside.start("monitor", "--after", "0")
    monitor.until_said("run CREATED")
    assert monitor.process.stdout is not None
    monitor.process.stdout.close()

    trackside("run", write_plan(project, "Piped", task("a", "true")), "--url", server.url)

    assert monitor.process.wait(30) == 141
    monitor._errors.join()
    assert "Traceback" not in monitor.errors


def test_a_position_that_never_was_is_refused(trackside: Trackside) -> None:
    for cursor in ("999999999", "-1", "nonsense"):
        refused = trackside("monitor", "--after", cursor, "--output", "json")
        assert refused.status == 2, cursor
        assert refused.error["message"]

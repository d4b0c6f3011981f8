"""The log as it grows: every event once, in order, until the runs have ended or somebody has seen enough."""

import json
import signal
from pathlib import Path
from typing import Any

from tests.cli.program import Trackside, held, let_go, shell, task, write_plan
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


def test_quiet_it_tells_what_needs_people_and_the_end(
    trackside: Trackside, server: Served, project: Path
) -> None:
    ask = "trackside ask 'Which one?' --option this"
    plan = write_plan(project, "Quiet", shell("a", ask), task("b", "true", dependsOn=["a"]))
    made = trackside("runs", "create", plan, "--start", "--output", "json").json["run"]
    quiet = trackside.start("monitor", "Quiet", "--quiet", "--after", "0")
    said = quiet.until_said("Which one? [this]")
    trackside("run", write_plan(project, "Quiet too", task("a", "true")), "--url", server.url)

    trackside("answer", "--run", made["id"], "this")
    done = quiet.end()

    assert done.status == 0
    assert "question" in said
    told = [line.split("  ", 3)[-1].split(": ", 1)[-1].split()[:2] for line in done.lines]
    assert [words[0] for words in told] == ["question", "question", "run"], done.out
    assert done.lines[-1].endswith("COMPLETING → COMPLETED")


def test_runs_are_meant_by_their_names_or_by_their_status(
    trackside: Trackside, server: Served, project: Path
) -> None:
    trackside("run", write_plan(project, "By status", task("a", "true")), "--url", server.url)
    refused = trackside("monitor", "By status", "--status", "ACTIVE")
    assert (refused.status, "--run-status" in refused.err) == (2, True)

    monitor = trackside.start("monitor", "--status", "COMPLETED", "--project", ".", "--after", "0")
    monitor.until_said("run COMPLETING → COMPLETED")
    done = monitor.end(signal.SIGINT)

    assert done.status == 0
    assert not any("task a" in line for line in done.lines)


def test_of_silence_it_tells_what_is_silent_already(alone: Trackside) -> None:
    alone.state_home.mkdir()
    served = Served(
        alone.state_home / "trackside",
        env={
            "TRACKSIDE_TOKEN": "",
            "TRACKSIDE_STALE_AFTER_SECONDS": "1",
            "TRACKSIDE_STALE_CHECK_SECONDS": "1",
        },
    )
    served.start()
    try:
        plan = write_plan(alone.project, "Silent", task("a"))
        alone("runs", "create", plan, "--start")
        live = alone.start("monitor", "--stale", "--after", "0")
        live.until_said("Silent:  run silent for")
        assert live.end(signal.SIGINT).status == 0

        later = alone.start("monitor", "--stale")
        assert "Silent:  run is stale" in later.until(bool)
        assert later.end(signal.SIGINT).status == 0
    finally:
        served.stop()


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

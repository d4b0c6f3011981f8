"""Whether runs get on: told to people, and by the exit status to whatever watches."""

import json
import time
from pathlib import Path
from typing import Any

from tests.cli.program import PATIENCE, Done, Trackside, task, write_plan

BEAT = "mutation ($i: HeartbeatInput!) { heartbeat(input: $i) { userErrors { code } } }"


def a_run(trackside: Trackside, project: Path, title: str) -> str:
    made = trackside("runs", "create", write_plan(project, title, task("a")), "--start", "--output", "json")
    return str(made.json["run"]["id"])


def test_a_run_that_gets_on_is_well(trackside: Trackside, project: Path) -> None:
    run = a_run(trackside, project, "Well")

    told = trackside("runs", "health", "--project", ".")

    assert told.status == 0
    assert told.lines[-1] == "1 OK"
    assert run in told.out
    (found,) = trackside("runs", "health", run, "--output", "json").json["runs"]
    assert (found["health"], found["supervisor"]["alive"]) == ("OK", True)
    assert trackside("runs", "health", run, "--output", "compact").out == "1 OK\n"
    trackside("runs", "stop", run, "--now")
    assert trackside("runs", "health", "--project", ".", "--output", "json").json == {
        "healthy": True,
        "runs": [],
    }


def test_silence_is_stale(trackside: Trackside, project: Path) -> None:
    run = a_run(trackside, project, "Silent")

    def look() -> Done:
        return trackside("runs", "health", run, "--threshold", "1s", "--output", "json")

    stop_at = time.monotonic() + PATIENCE
    while (told := look()).status == 0 and time.monotonic() < stop_at:
        pass

    assert told.status == 8
    assert (told.json["healthy"], told.json["runs"][0]["health"]) == (False, "STALE")
    assert trackside("runs", "list", "--threshold", "1s", "--search", run, "--output", "json").json
    trackside("runs", "stop", run, "--now")


def test_what_nothing_looks_after_any_more_is_dead_until_it_is_restarted(
    trackside: Trackside, project: Path
) -> None:
    run = a_run(trackside, project, "Given up")
    token = trackside(
        "tokens", "create", "agent", "--role", "ORCHESTRATOR", "--run", run, "--output", "json"
    ).json["secret"]
    variables: dict[str, Any] = {"i": {"runId": run, "state": "FAILED"}}
    beat = trackside("graphql", BEAT, "--variables", json.dumps(variables), "--token", token)
    assert beat.json["heartbeat"]["userErrors"] == [], beat

    told = trackside("runs", "health", run)

    assert told.status == 8
    assert "DEAD" in told.out
    assert "FAILED, an agent" in told.out
    assert "restart-supervisor" in told.err
    compact = trackside("runs", "health", run, "--output", "compact")
    assert compact.lines == ["1 DEAD", f"{run[-9:]} DEAD Given up"]
    trackside("runs", "restart-supervisor", run)
    assert trackside("runs", "health", run).status == 0
    trackside("runs", "stop", run, "--now")

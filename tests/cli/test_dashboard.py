"""What is going on, at a glance: once, as one line, and again whenever anything has happened."""

import json
import signal
from pathlib import Path

from tests.cli.program import Trackside, task, write_plan


def test_it_tells_what_there_is(trackside: Trackside, project: Path) -> None:
    made = trackside(
        "runs", "create", write_plan(project, "Glanced at", task("a")), "--start", "--output", "json"
    )
    run = made.json["run"]["id"]
    document = "mutation ($i: AskQuestionInput!) { askQuestion(input: $i) { item { id } } }"
    variables = json.dumps({"i": {"runId": run, "question": "Which?", "options": ["this", "that"]}})
    trackside("graphql", document, "--variables", variables)

    told = trackside("dashboard", "--project", ".", "-n", "3")
    assert told.status == 0
    assert "? Glanced at: Which? [this | that]" in told.out
    assert told.out.count("Glanced at:  ") == 3, "as many events as were asked for"
    found = trackside("dashboard", "--project", ".", "--output", "json").json
    assert found["resources"]["supervisors"] == 1
    assert [one["title"] for one in found["attention"]] == ["Which?"]
    compact = trackside("dashboard", "--project", ".", "--output", "compact").lines
    assert len(compact) == 1
    assert compact[0].endswith("asks:1 stale:0")
    assert trackside("dashboard", "--threshold", "soon").status == 2


def test_it_is_told_again_when_something_has_happened(trackside: Trackside, project: Path) -> None:
    plan = write_plan(project, "Watched at a glance", task("a"))
    trackside("projects", "create")
    watching = trackside.start("dashboard", "--project", ".", "--watch", "--output", "json")
    assert json.loads(watching.until(bool))["statusCounts"] == []

    trackside("runs", "create", plan)

    watching.until(lambda line: json.loads(line)["statusCounts"] == [{"status": "CREATED", "count": 1}])
    done = watching.end(signal.SIGINT)
    assert (done.status, done.err) == (0, "")

"""Runs on a server: listed, shown, paused, resumed, stopped, retried."""

from pathlib import Path
from typing import Any

from tests.cli.program import Trackside, held, let_go, shell, task, write_plan
from tests.e2e.served import Served


def test_a_run_is_listed_and_shown_as_text_and_as_json(
    trackside: Trackside, server: Served, project: Path
) -> None:
    plan = write_plan(project, "Shown run", task("a", "true"), task("b", "true", dependsOn=["a"]))
    assert trackside("run", plan, "--url", server.url).status == 0

    listed = trackside("runs", "list", "--project", ".", "--output", "json").json
    (run,) = listed
    assert (run["name"], run["status"], run["progress"]["completed"]) == ("Shown run", "COMPLETED", 2)
    table = trackside("runs", "list", "--project", ".")
    assert [line.split()[:3] for line in table.lines] == [
        ["ID", "STATUS", "DONE"],
        [run["id"], "COMPLETED", "2/2"],
    ]

    for reference in (run["id"], run["id"][-8:], "Shown run"):
        shown = trackside("runs", "show", reference, "--output", "json").json
        assert shown["id"] == run["id"]
    assert [(one["key"], one["status"], one["dependencyKeys"]) for one in shown["tasks"]] == [
        ("a", "COMPLETED", []),
        ("b", "COMPLETED", ["a"]),
    ]
    text = trackside("runs", "show", "Shown run").out
    assert "✓ b  Do b" in text
    assert "2 of 2 tasks completed" in text


def test_lists_are_narrowed(trackside: Trackside, server: Served, project: Path) -> None:
    plan = write_plan(project, "Narrow", task("a", "true"))
    for name in ("Narrow 1", "Narrow 2"):
        trackside("run", plan, "--url", server.url, "--name", name)
    failing = write_plan(project, "Narrow", task("a", "false"))
    trackside("run", failing, "--url", server.url, "--name", "Narrow 3")

    def names(*options: str) -> list[str]:
        found = trackside("runs", "list", "--project", str(project), "--output", "json", *options).json
        return [run["name"] for run in found]

    assert names() == ["Narrow 3", "Narrow 2", "Narrow 1"]
    assert names("-n", "2") == ["Narrow 3", "Narrow 2"]
    assert names("--status", "failed") == ["Narrow 3"]
    assert names("--status", "FAILED", "--status", "COMPLETED") == ["Narrow 3", "Narrow 2", "Narrow 1"]
    assert names("--status", "ACTIVE") == []
    assert names("--waiting") == names("--asking") == ["Narrow 3"]
    assert names("--threshold", "1h") == []
    compact = trackside("runs", "list", "--project", str(project), "--output", "compact", "-n", "1")
    assert compact.out.split(maxsplit=4)[1:] == ["FAILED", "0/1", "1", "Narrow 3\n"]
    assert trackside("runs", "show", compact.out.split()[0], "--output", "json").json["name"] == "Narrow 3"
    assert compact.err == ""
    assert trackside("runs", "list", "--threshold", "soon").status == 2
    assert trackside("runs", "list", "--project", str(project), "--status", "ACTIVE").out == "No such runs.\n"


def test_a_run_is_paused_resumed_and_stopped(trackside: Trackside, server: Served, project: Path) -> None:
    plan = write_plan(project, "Steered", held("a", project), held("b", project, dependsOn=["a"]))
    running = trackside.start("run", plan, "--url", server.url)
    running.until_said("▶ a")

    paused = trackside("runs", "pause", "Steered", "--reason", "Lunch", "--output", "json").json
    assert paused["run"]["status"] == "PAUSING"
    assert paused["command"]["status"] == "EFFECTIVE"
    let_go(project, "a")
    running.until_said("The run is paused: Lunch")
    assert "is ACTIVE" in trackside("runs", "resume", "Steered").out
    running.until_said("▶ b")
    stopped = trackside("runs", "stop", "Steered", "--now", "--reason", "Enough")
    assert "STOPPING: Enough" in stopped.out

    done = running.end()
    assert done.status == 5
    assert "CANCELLED" in done.out


def test_a_pause_now_pauses_the_workers_too(trackside: Trackside, server: Served, project: Path) -> None:
    plan = write_plan(project, "Paused now", held("a", project))
    running = trackside.start("run", plan, "--url", server.url)
    running.until_said("▶ a")

    trackside("runs", "pause", "Paused now", "--now")
    running.until_said("The run is paused")

    (worker,) = trackside("workers", "list", "--run", "Paused now", "--output", "json").json
    assert worker["status"] == "PAUSED"
    trackside("runs", "resume", "Paused now")
    running.until_said("goes on")
    let_go(project, "a")
    assert running.end().status == 0


def test_what_failed_is_tried_again(trackside: Trackside, server: Served, project: Path) -> None:
    plan = write_plan(project, "Retried", shell("a", "test -e repaired"))
    failed = trackside("run", plan, "--url", server.url)
    assert failed.status == 1
    assert "✗ a" in failed.out
    (project / "repaired").touch()

    monitor = trackside.start("monitor", "Retried", "--format", "json", "--after", "0")
    monitor.end()
    following = trackside("runs", "retry", "Retried", "--output", "json").json
    assert following["run"]["status"] == "ACTIVE"

    assert trackside("monitor", "Retried", "--after", "0").status == 0
    assert trackside("runs", "show", "Retried", "--output", "json").json["status"] == "COMPLETED"


def test_refusals_are_told_in_full(trackside: Trackside, server: Served, project: Path) -> None:
    plan = write_plan(project, "Over", task("a", "true"))
    trackside("run", plan, "--url", server.url)

    refused = trackside("runs", "pause", "Over")
    assert refused.status == 2
    assert refused.out == ""
    assert refused.err.startswith("Error [INVALID_TRANSITION]: ")
    assert "\n  Try: " in refused.err
    as_json = trackside("runs", "pause", "Over", "--output", "json")
    assert as_json.status == 2
    assert set(as_json.error) == {"code", "message", "suggestion", "path"}
    assert as_json.error["code"] == "INVALID_TRANSITION"
    assert as_json.error["suggestion"]


def test_what_is_not_there_is_told_with_where_to_look(trackside: Trackside) -> None:
    for arguments in (
        ("runs", "show", "nothing"),
        ("runs", "stop", "nothing"),
        ("workers", "logs", "nothing"),
    ):
        refused = trackside(*arguments, "--output", "json")
        assert (refused.status, refused.error["code"]) == (2, "NOT_FOUND")
        assert refused.error["suggestion"] == f"trackside {arguments[0]} list"


def test_what_several_are_called_is_ambiguous(trackside: Trackside, server: Served, project: Path) -> None:
    plan = write_plan(project, "Twins", task("a", "true"))
    for _ in range(2):
        trackside("run", plan, "--url", server.url)

    refused = trackside("runs", "show", "Twins", "--output", "json")

    assert (refused.status, refused.error["code"]) == (2, "AMBIGUOUS")


def test_wrong_usage_is_told_in_json_too(trackside: Trackside) -> None:
    refused = trackside("runs", "list", "--status", "NONSENSE", "--output", "json")

    assert (refused.status, refused.error["code"]) == (2, "USAGE")
    assert trackside("runs", "list", "--status", "NONSENSE").status == 2


def test_the_server_is_told_of(trackside: Trackside, server: Served) -> None:
    status: dict[str, Any] = trackside("status", "--output", "json").json
    assert status["url"] == server.url
    assert status["viewer"] == {"name": "admin", "role": "ADMIN"}
    assert set(status["counts"]) == {"runs", "openRuns", "projects", "attention"}

    text = trackside("status")
    assert text.lines[0] == f"{server.url}  as admin (ADMIN)"


def test_a_wrong_token_is_refused_and_not_shown(trackside: Trackside) -> None:
    refused = trackside("runs", "list", "--token", "trk_wrong", "--output", "json")

    assert (refused.status, refused.error["code"]) == (2, "UNAUTHENTICATED")
    assert "trk_wrong" not in refused.err
    assert refused.error["suggestion"]


def test_a_server_may_be_named_by_its_address_or_its_directory(
    trackside: Trackside, alone: Trackside, server: Served
) -> None:
    token = (server.data_dir / "token").read_text().strip()

    assert alone("status", "--data-dir", str(server.data_dir)).status == 0
    assert alone("status", "--url", server.url, "--token", token).status == 0
    env = {"TRACKSIDE_URL": server.url, "TRACKSIDE_TOKEN": token}
    assert alone("status", env=env).status == 0
    assert trackside("status", "--url", server.url).status == 0
    stranger = alone("status", "--url", server.url, "--output", "json")
    assert (stranger.status, stranger.error["code"]) == (2, "UNAUTHENTICATED")


def test_without_a_server_nothing_waits_long(alone: Trackside) -> None:
    nowhere = alone("runs", "list", "--output", "json")
    assert (nowhere.status, nowhere.error["code"]) == (7, "UNREACHABLE")

    silent = alone("runs", "list", "--url", "http://127.0.0.1:1", env={"TRACKSIDE_RETRIES": "1"})
    assert silent.status == 7
    assert "tried 2 times" in silent.err


def test_who_waits_while_the_pipeline_is_paused_is_told_why(
    trackside: Trackside, server: Served, project: Path
) -> None:
    plan = write_plan(project, "Later", task("a", "true"))
    assert trackside("pipeline", "pause", "--reason", "Night.").status == 0
    running = trackside.start("run", plan, "--url", server.url)
    told = running.until_said("Nothing starts until `trackside pipeline resume`.")
    assert told.startswith("The pipeline is paused: Night.")
    assert trackside("pipeline", "resume").status == 0
    assert running.end().status == 0

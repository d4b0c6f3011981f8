"""Workers on a server: who they are, what they write, how they are ended."""

import json
from pathlib import Path

from tests.cli.program import Running, Trackside, held, let_go, shell, task, write_plan
from tests.e2e.served import Served


def begin(trackside: Trackside, server: Served, plan: str, key: str) -> Running:
    running = trackside.start("run", plan, "--url", server.url)
    running.until_said(f"▶ {key}")
    return running


def test_workers_are_listed_newest_first_or_only_those_at_work(
    trackside: Trackside, server: Served, project: Path
) -> None:
    plan = write_plan(project, "Listed workers", task("a", "true"), held("b", project, dependsOn=["a"]))
    running = begin(trackside, server, plan, "b")

    (alive,) = trackside("workers", "list", "--run", "Listed workers", "--live", "--output", "json").json
    assert (alive["task"]["key"], alive["status"]) == ("b", "RUNNING")
    text = trackside("workers", "list", "--run", "Listed workers", "-n", "1")
    assert len(text.lines) == 2
    assert text.lines[1].split()[:3] == [alive["id"], "RUNNING", "b"]
    everyone = trackside("workers", "list", "--run", "Listed workers", "--output", "json").json
    assert [worker["task"]["key"] for worker in everyone] == ["b", "a"]
    done = trackside(
        "workers", "list", "--run", "Listed workers", "--status", "SUCCEEDED", "--output", "json"
    )
    assert [worker["task"]["key"] for worker in done.json] == ["a"]

    let_go(project, "b")
    assert running.end().status == 0
    assert trackside("workers", "list", "--run", "Listed workers", "--live").out == "No such workers.\n"


def test_logs_are_read_whole_or_from_their_end(trackside: Trackside, server: Served, project: Path) -> None:
    script = "i=0; while [ $i -lt 250 ]; do i=$((i+1)); echo line $i; done; echo bad >&2"
    plan = write_plan(project, "Logged", shell("a", script))
    trackside("run", plan, "--url", server.url)
    (worker,) = trackside("workers", "list", "--run", "Logged", "--output", "json").json

    whole = trackside("workers", "logs", worker["id"]).lines
    assert sorted(whole) == sorted([*(f"line {number}" for number in range(1, 251)), "bad"])
    assert [line for line in whole if line != "bad"] == [f"line {number}" for number in range(1, 251)]
    assert trackside("workers", "logs", worker["id"], "--last", "120").lines == whole[-120:]
    assert trackside("workers", "logs", worker["id"], "--last", "0").out == ""
    lines = trackside("workers", "logs", worker["id"][-8:], "--last", "2", "--output", "json").json
    assert [line["text"] for line in lines] == whole[-2:]
    assert set(lines[0]) == {"cursor", "stream", "text", "at"}


def test_logs_are_followed_until_the_worker_has_ended(
    trackside: Trackside, server: Served, project: Path
) -> None:
    plan = write_plan(project, "Followed", shell("a", "echo one; read line < gate-a; echo $line"))
    held("a", project)
    running = begin(trackside, server, plan, "a")
    (worker,) = trackside("workers", "list", "--run", "Followed", "--output", "json").json

    following = trackside.start("workers", "logs", worker["id"], "--follow")
    as_json = trackside.start("workers", "logs", worker["id"], "-f", "--output", "json")
    following.until_said("one")
    let_go(project, "a", "two")

    assert following.end().lines == ["one", "two"]
    assert [json.loads(line)["text"] for line in as_json.end().lines] == ["one", "two"]
    late = trackside("workers", "logs", worker["id"], "--follow", "--last", "1")
    assert (late.status, late.lines) == (0, ["two"])
    assert running.end().status == 0


def test_a_worker_is_killed(trackside: Trackside, server: Served, project: Path) -> None:
    plan = write_plan(project, "Killed", held("a", project))
    running = begin(trackside, server, plan, "a")
    (worker,) = trackside("workers", "list", "--run", "Killed", "--output", "json").json

    killed = trackside(
        "workers", "kill", worker["id"], "--grace", "0", "--reason", "Enough", "--output", "json"
    )

    assert killed.json["worker"]["status"] == "STOPPING"
    assert killed.json["command"]["id"].startswith("cmd_")
    assert running.end().status == 1
    assert "KILLED" in trackside("workers", "list", "--run", "Killed").out
    again = trackside("workers", "kill", worker["id"])
    assert (again.status, again.out) == (2, "")
    assert "INVALID_TRANSITION" in again.err


def test_what_a_worker_writes_reaches_a_file_as_it_is(
    trackside: Trackside, server: Served, project: Path
) -> None:
    plan = write_plan(project, "Coloured", shell("a", r"printf '\033[31mred\033[0m\n'"))
    trackside("run", plan, "--url", server.url)
    (worker,) = trackside("workers", "list", "--run", "Coloured", "--output", "json").json

    assert trackside("workers", "logs", worker["id"]).out == "\x1b[31mred\x1b[0m\n"

"""Agents that look after runs, as real processes that speak HTTP with the token they were given."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.followed import Followed, run, supervisor, worker
from tests.e2e.served import Client, Served

QUICK = {"TRACKSIDE_SUPERVISOR_HEARTBEAT_SECONDS": "1", "TRACKSIDE_SUPERVISOR_TIMEOUT_SECONDS": "2"}
AGENT = """
import json, os, pathlib, signal, sys, time, urllib.request
home = pathlib.Path(sys.argv[1])

def alone():
    for pid in home.joinpath("lives").read_text().split() if home.joinpath("lives").exists() else []:
        if pathlib.Path("/proc", pid).exists():
            home.joinpath("two-at-once").write_text(pid)

def post(query, variables):
    address = json.loads(pathlib.Path(os.environ["TRACKSIDE_SERVER_FILE"]).read_text())["url"]
    body = json.dumps({"query": query, "variables": variables}).encode()
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["TRACKSIDE_TOKEN"]}
    return json.load(urllib.request.urlopen(urllib.request.Request(address + "/graphql", body, headers)))["data"]

def beat(state):
    post(
        "mutation($input: HeartbeatInput!) { heartbeat(input: $input) { userErrors { code } } }",
        {"input": {"runId": os.environ["TRACKSIDE_RUN_ID"], "state": state, "currentActivity": str(os.getpid())}},
    )

alone()
with home.joinpath("lives").open("a") as lives:
    print(os.getpid(), file=lives)
if home.joinpath("stubborn").exists():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
state = "WORKING"
while True:
    if home.joinpath("die").exists():
        home.joinpath("die").unlink()
        sys.exit(3)
    if home.joinpath("hush").exists():
        home.joinpath("hush").unlink()
        while True:
            signal.pause()
    try:
        beat(state)
    except OSError:
        pass  # the server is away
    time.sleep(0.1)
"""
GATE = """
import pathlib, sys, time
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.01)
"""
SUPERVISOR = """query($run: ID!) { run(id: $run) { status supervisor {
  state isAgent restarts alive currentActivity startsAt worker { id role status pid task { id } } } } }"""


@pytest.fixture
def environment() -> dict[str, str]:
    return QUICK


async def begin(client: Client, root: Path) -> str:
    """A run of one task, which waits for a file, looked after by the agent above."""
    project = await client.do("createProject", "project { id }", name="watched", root=str(root))
    gate = {"command": [sys.executable, "-c", GATE, str(root / "go")]}
    made = await client.do(
        "createRun",
        "run { id }",
        projectId=project["project"]["id"],
        plan={"tasks": [{"key": "wait", "title": "Wait", "runtime": gate}]},
        supervisor={"command": [sys.executable, "-c", AGENT, str(root)]},
        maxWorkers=1,
        start=True,
    )
    run_id: str = made["run"]["id"]
    return run_id


async def look(client: Client, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.query(SUPERVISOR, run=run_id))["run"]["supervisor"]
    return found


def lives(root: Path) -> list[int]:
    return [int(pid) for pid in (root / "lives").read_text().split()]


def is_up(pid: int) -> bool:
    return Path("/proc", str(pid)).exists()


async def test_it_looks_after_its_run_from_its_start_to_its_end(client: Client, project_root: Path) -> None:
    async with Followed(client) as seen:
        run_id = await begin(client, project_root)
        await seen.until(supervisor("WORKING"))
        found = await look(client, run_id)
        (pid,) = lives(project_root)
        process = found.pop("worker")
        assert found == {
            "state": "WORKING",
            "isAgent": True,
            "restarts": 0,
            "alive": True,
            "currentActivity": str(pid),
            "startsAt": None,
        }
        assert (process["role"], process["status"], process["pid"], process["task"]) == (
            "ORCHESTRATOR",
            "RUNNING",
            pid,
            None,
        )
        (project_root / "go").touch()
        await seen.until(run("COMPLETED"))
        await seen.until(worker(process["id"], "KILLED"))
        assert not is_up(pid)
        found = await look(client, run_id)
        assert (found["state"], found["alive"], found["worker"]) == ("COMPLETED", False, None)


@pytest.mark.parametrize("stubborn", [False, True])
async def test_one_that_dies_or_falls_silent_is_started_again_and_never_two_at_once(
    client: Client, project_root: Path, stubborn: bool
) -> None:
    if stubborn:
        (project_root / "stubborn").touch()
    async with Followed(client) as seen:
        run_id = await begin(client, project_root)
        await seen.until(supervisor("WORKING"))
        for restarts, end in enumerate(["die"] if stubborn else ["die", "hush"], 1):
            mark = len(seen.events)
            (project_root / end).touch()
            dead = await seen.until(supervisor("INTERRUPTED"), since=mark)
            expected = "The process ended with exit code 3." if end == "die" else "It was not heard for 2 s."
            assert dead["reason"] == expected
            await seen.until(supervisor("WORKING"), since=mark)
            assert (await look(client, run_id))["restarts"] == restarts
            assert not (project_root / "two-at-once").exists()
        await client.do("stopRun", "run { id }", runId=run_id, mode="NOW")
        await seen.until(run("CANCELLED"))
        found = await look(client, run_id)
        if found["worker"] is not None:
            await seen.until(worker(found["worker"]["id"], "KILLED"))
        assert not any(is_up(pid) for pid in lives(project_root))


@pytest.mark.timeout(300)  # three servers are started, one after the other
async def test_it_outlives_its_server_and_is_missed_by_the_next(
    served: Served, client: Client, project_root: Path
) -> None:
    run_id = await begin(client, project_root)
    async with Followed(client) as seen:
        await seen.until(supervisor("WORKING"))
    (pid,) = lives(project_root)
    served.kill()
    assert is_up(pid)
    served.start()
    again = Client(served.url)
    try:
        found = await look(again, run_id)
        assert (found["state"], found["restarts"], found["worker"]["pid"]) == ("WORKING", 0, pid)
        served.kill()
        os.kill(pid, signal.SIGKILL)
        served.start()
        await again.close()
        again = Client(served.url)
        async with Followed(again) as seen:
            await seen.until(supervisor("INTERRUPTED"))
            died = next(n for n, event in enumerate(seen.events) if supervisor("INTERRUPTED")(event))
            await seen.until(supervisor("WORKING"), since=died)
            assert len(lives(project_root)) == 2
            (project_root / "go").touch()
            await seen.until(run("COMPLETED"))
            process = next(
                event["worker"]["id"]
                for event in reversed(seen.events)
                if event["__typename"] == "WorkerStatusChanged" and event["newWorkerStatus"] == "SPAWNING"
            )
            await seen.until(worker(process, "KILLED"))
    finally:
        await again.close()
    assert not any(is_up(pid) for pid in lives(project_root))

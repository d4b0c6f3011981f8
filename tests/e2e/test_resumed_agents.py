"""An agent that speaks ACP and looks after a run is killed, and goes on in its own session: nothing is told, done or paid twice."""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.followed import Event, Followed, run
from tests.e2e.served import ROOT, Client, Served
from tests.e2e.test_agents import WORKER, nodes

STEPS = [
    "session",
    "beat WORKING",
    "once spend 0.25",
    "once say First.",
    "once tool one look around",
    "once end one",
    "again spend 0.5",
    "again say Second.",
    "again tool two look again",
    "again end two",
    "hang",
]
RUN = """query($run: ID!) { run(id: $run) {
  usage { costUsd }
  supervisor { restarts worker { id pid } restoration { context { sessionId } } } } }"""


@pytest.fixture(params=["resume", "load"])
def back(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def served(tmp_path: Path, database_args: tuple[str, ...], back: str) -> Iterator[Served]:
    (tmp_path / "sessions").mkdir()
    env = {"SCRIPTED_SESSIONS": str(tmp_path / "sessions"), "SCRIPTED_BACK": back}
    agent = {"command": [sys.executable, str(ROOT / "tests/agents/scripted.py")], "env": env}
    server = Served(
        tmp_path / "data", env={"TRACKSIDE_AGENTS": json.dumps({"scripted": agent})}, args=database_args
    )
    server.start()
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture
async def client(served: Served) -> AsyncIterator[Client]:
    client = Client(served.url)
    yield client
    await client.close()


async def begin(client: Client, root: Path) -> str:
    """A run of one task that is done by hand, looked after by the scripted agent."""
    project = await client.do("createProject", "project { id }", name="resumed", root=str(root))
    made = await client.do(
        "createRun",
        "run { id }",
        projectId=project["project"]["id"],
        plan={"tasks": [{"key": "a", "title": "A"}]},
        supervisor={"agent": {"name": "scripted", "prompt": "\n".join(f"do {step}" for step in STEPS)}},
        start=True,
    )
    run_id: str = made["run"]["id"]
    return run_id


async def look(client: Client, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.query(RUN, run=run_id))["run"]
    return found


def tool_completed(event: Event) -> bool:
    return bool(event["__typename"] == "ToolCompleted")


def ended(worker_id: str) -> Callable[[Event], bool]:
    return lambda event: (
        event["__typename"] == "WorkerStatusChanged"
        and event["worker"]["id"] == worker_id
        and event["newWorkerStatus"] in ("FAILED", "KILLED")
    )


async def test_it_goes_on_in_its_own_session(client: Client, project_root: Path) -> None:
    async with Followed(client) as seen:
        run_id = await begin(client, project_root)
        await seen.until(tool_completed)
        mark = len(seen.events)
        process = (await look(client, run_id))["supervisor"]["worker"]
        os.kill(process["pid"], signal.SIGKILL)
        await seen.until(ended(process["id"]))
        await seen.until(tool_completed, since=mark)
        found = await look(client, run_id)
        successor = found["supervisor"]["worker"]
        first, second = [(await client.query(WORKER, id=one["id"]))["worker"] for one in (process, successor)]
        await client.do("stopRun", "run { id }", runId=run_id, mode="NOW")
        await seen.until(run("CANCELLED"))
        await seen.until(ended(successor["id"]))
    session = f"session-of-{project_root.name}-1"
    prompt, *said = agent_said(second)
    assert said == [f"went on with {session}, told of {session}", "beat: []", "Second."]
    assert agent_said(first)[1:] == [f"began {session}, told of None", "beat: []", "First."]
    assert "# Looking after the run" in prompt
    assert "Red, not blue." in prompt
    assert [call["inputSummary"] for call in nodes(second["toolCalls"])] == ["look again"]
    assert (first["usage"]["costUsd"], second["usage"]["costUsd"]) == ("0.25", "0.5")
    assert found["usage"]["costUsd"] == "0.75"
    assert found["supervisor"]["restarts"] == 1
    assert found["supervisor"]["restoration"]["context"]["sessionId"] == session


def agent_said(worker: dict[str, Any]) -> list[str]:
    return [line["text"] for line in nodes(worker["logs"]) if line["stream"] == "AGENT"]

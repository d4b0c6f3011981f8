"""An agent by its name, through the whole of it: a real server, a real process that speaks ACP, the API alone."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.followed import Followed, command, run, task
from tests.e2e.served import ROOT, Client, Served

AGENTS = {
    "scripted": {"command": [sys.executable, str(ROOT / "tests/agents/scripted.py")], "model": "large"},
    "absent": {"command": ["no-such-agent"]},
}
WORKER = """
query($id: ID!) { worker(id: $id) {
  status statusReason runtime model capabilities currentActivity progress command
  usage { inputTokens outputTokens costUsd }
  toolCalls(first: 10) { edges { node { name inputSummary status error } } }
  logs(first: 100) { edges { node { stream text } } }
} }
"""


@pytest.fixture
def environment() -> dict[str, str]:
    return {"TRACKSIDE_AGENTS": json.dumps(AGENTS)}


async def start(client: Client, root: Path, *steps: str, **more: Any) -> str:
    """A run of one task; returns its id."""
    project = await client.do("createProject", "project { id }", name="agents", root=str(root))
    description = "\n".join(f"do {step}" for step in steps)
    payload = await client.do(
        "createRun",
        "run { id }",
        projectId=project["project"]["id"],
        name="agents",
        plan={"tasks": [{"key": "a", "title": "A", "description": description, **more}]},
        runtime={"agent": {"name": "scripted", "prompt": "Be brief."}},
        start=True,
    )
    return str(payload["run"]["id"])


def nodes(connection: dict[str, Any]) -> list[dict[str, Any]]:
    return [edge["node"] for edge in connection["edges"]]


async def worker_of(client: Client, run_id: str) -> dict[str, Any]:
    query = "query($run: ID!) { workers(filter: {runId: $run}, first: 5) { edges { node { id } } } }"
    (found,) = nodes((await client.query(query, run=run_id))["workers"])
    return {"id": found["id"], **(await client.query(WORKER, id=found["id"]))["worker"]}


async def test_what_an_agent_does_is_seen(client: Client, project_root: Path) -> None:
    async with Followed(client) as events:
        run_id = await start(
            client,
            project_root,
            "say Hello.",
            "tool one make it",
            "end one",
            "tool two break it",
            "fail two It does not break.",
            "plan 1 2 Second half",
            "cost 0.5",
            "use 1000 200",
        )
        await events.until(run("COMPLETED"))
        typed = [event["__typename"] for event in events.events]
    worker = await worker_of(client, run_id)
    assert (worker["status"], worker["runtime"], worker["model"]) == ("SUCCEEDED", "scripted", "large")
    assert worker["command"] == []
    assert worker["capabilities"] == ["PAUSE", "INJECT_NEXT_TURN", "ASK", "USAGE", "TOOL_CALLS"]
    assert worker["progress"] == 50
    assert worker["usage"] == {"inputTokens": 1000, "outputTokens": 200, "costUsd": "0.5"}
    assert [list(call.values()) for call in nodes(worker["toolCalls"])] == [
        ["execute", "make it", "COMPLETED", None],
        ["execute", "break it", "FAILED", "It does not break."],
    ]
    first, second = [line["text"] for line in nodes(worker["logs"]) if line["stream"] == "AGENT"]
    assert first.startswith('turn 1 with large: "Be brief.\\n\\n---\\n\\n# a: A')
    assert second == "Hello."
    assert typed.count("ToolStarted") == typed.count("ToolCompleted") == 2
    assert "WorkerReported" in typed


async def test_an_agent_that_gives_up_fails_its_task(client: Client, project_root: Path) -> None:
    async with Followed(client) as events:
        run_id = await start(client, project_root, "tool one think", "stop refusal")
        await events.until(task("a", "FAILED"))
        worker = await worker_of(client, run_id)
    assert (worker["status"], worker["statusReason"]) == ("FAILED", "The agent refuses to go on.")
    assert nodes(worker["toolCalls"])[0]["status"] == "FAILED"


async def test_it_is_given_more_and_killed(client: Client, project_root: Path) -> None:
    async with Followed(client) as events:
        run_id = await start(client, project_root, f"wait {project_root}/go")
        await events.until(task("a", "RUNNING"))
        worker = await worker_of(client, run_id)
        given = await client.do(
            "injectContext",
            "command { id }",
            target={"workerId": worker["id"]},
            items=[{"text": "do child\ndo hang"}],
            deliver="NOW",
        )
        (project_root / "go").touch()
        await events.until(command(given["command"]["id"], "EFFECTIVE"))
        killed = await client.do("killWorker", "command { id }", workerId=worker["id"], graceSeconds=5)
        await events.until(command(killed["command"]["id"], "EFFECTIVE"))
    assert (await worker_of(client, run_id))["status"] == "KILLED"


async def test_agents_that_are_not_there_are_refused(client: Client, project_root: Path) -> None:
    project = await client.do("createProject", "project { id }", name="agents", root=str(project_root))
    for name, message, suggestion in (
        ("nobody", "There is no agent 'nobody'.", "absent, claude, codex, gemini, opencode, scripted"),
        ("absent", "no executable 'no-such-agent'", "scripted"),
    ):
        payload = await client.attempt(
            "createRun",
            "run { id }",
            projectId=project["project"]["id"],
            plan={"tasks": [{"key": "a", "title": "A", "runtime": {"agent": {"name": name}}}]},
        )
        (error,) = payload["userErrors"]
        assert (payload["run"], error["code"]) == (None, "INVALID_INPUT")
        assert message in error["message"]
        assert suggestion in error["suggestion"]
        assert error["path"][-2:] == ["runtime", "agent"]
    runs = await client.query("{ runs(first: 1) { edges { node { id } } } }")
    assert nodes(runs["runs"]) == []


ITEMS = (
    "{ attention(first: 5) { edges { node { id kind title detail options { value } tasks { status } } } } }"
)


async def test_permission_is_asked_and_answered_across_a_crash(
    served: Served, client: Client, project_root: Path
) -> None:
    async with Followed(client) as events:
        run_id = await start(client, project_root, "ask one rm -rf build", "say done")
        await events.until(lambda event: event["__typename"] == "AttentionOpened")
    (item,) = nodes((await client.query(ITEMS))["attention"])
    worker = await worker_of(client, run_id)
    assert (item["kind"], item["title"]) == ("PERMISSION", "execute: rm -rf build")
    assert [option["value"] for option in item["options"]] == ["Allow", "Always allow", "Reject"]
    assert (worker["status"], item["tasks"]) == ("WAITING_FOR_INPUT", [{"status": "WAITING_FOR_INPUT"}])
    port = int(served.url.rpartition(":")[2].rstrip("/"))
    served.kill()
    served.start(port=port)
    async with Followed(client) as events:
        await client.do("answerAttention", "item { id }", itemId=item["id"], answer="Reject")
        await events.until(run("COMPLETED"))
    worker = await worker_of(client, run_id)
    said = [line["text"] for line in nodes(worker["logs"]) if line["stream"] == "AGENT"]
    assert said[1:] == ["one was answered no", "done"]

"""Budgets with real workers that spend, by programs that speak only HTTP and WebSocket."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.followed import Event, Followed, run, task
from tests.e2e.served import Client, Served

SPEND = """
import pathlib, sys, time
print("spends", sys.argv[1], flush=True)
while not pathlib.Path(sys.argv[2]).exists():
    time.sleep(0.01)
print("spends", sys.argv[3], flush=True)
"""
BUDGET = "budget { limitUsd spentUsd reservedUsd freeUsd state }"


@pytest.fixture
async def client(tmp_path: Path, database_args: tuple[str, ...]) -> AsyncIterator[Client]:
    server = Served(tmp_path / "data", args=database_args)
    server.module = ("tests.e2e.spending",)
    server.start()
    client = Client(server.url)
    yield client
    await client.close()
    assert server.stop() == 0, server.log()


async def a_run(client: Client, root: Path, *amounts: str, **input: Any) -> str:
    """Of a task that spends the first amount, waits for the file `go`, and spends the second."""
    made = await client.do("createProject", "project { id }", name=root.name, root=str(root))
    argv = [sys.executable, "-c", SPEND, amounts[0], str(root / "go"), amounts[1]]
    made = await client.do(
        "createRun",
        "run { id }",
        projectId=made["project"]["id"],
        plan={"tasks": [{"key": "a", "title": "Spend"}, {"key": "b", "title": "Then", "dependsOn": ["a"]}]},
        runtime={"command": argv},
        start=True,
        **input,
    )
    return str(made["run"]["id"])


def asks(event: Event) -> bool:
    return bool(event["__typename"] == "AttentionOpened")


async def budget_of(client: Client, run_id: str) -> dict[str, Any]:
    found = await client.query(f"query($id: ID!) {{ run(id: $id) {{ {BUDGET} }} }}", id=run_id)
    answer: dict[str, Any] = found["run"]["budget"]
    return answer


async def test_a_run_is_paused_at_its_budget_asks_and_goes_on_when_it_is_raised(
    client: Client, project_root: Path
) -> None:
    async with Followed(client) as seen:
        run_id = await a_run(client, project_root, "3", "1", budgetUsd="3")
        item = (await seen.until(asks))["item"]
        assert item["title"] == "The budget of run 'Untitled' is used up: raise it?"
        await seen.until(run("PAUSED"))
        (project_root / "go").touch()
        refused = await client.attempt("resumeRun", "run { id }", runId=run_id)
        assert [error["code"] for error in refused["userErrors"]] == ["BUDGET_EXCEEDED"]
        beside = await client.attempt(
            "spawnWorker", "worker { id }", runId=run_id, runtime={"command": ["true"]}
        )
        assert [error["code"] for error in beside["userErrors"]] == ["BUDGET_EXCEEDED"]
        assert (await budget_of(client, run_id))["spentUsd"] == "3"
        await client.do("answerAttention", "item { status }", itemId=item["id"], answer="20")
        await seen.until(run("COMPLETED"))
        assert await budget_of(client, run_id) == {
            "limitUsd": "20",
            "spentUsd": "8",
            "reservedUsd": "0",
            "freeUsd": "12",
            "state": "WITHIN",
        }


async def test_a_task_is_given_up_at_its_budget_and_the_run_is_told_so(
    client: Client, project_root: Path
) -> None:
    async with Followed(client) as seen:
        await a_run(client, project_root, "2.50", "0", budgetUsd="100")
        await seen.until(task("a", "RUNNING"))
        run_id = (await client.query("{ runs { edges { node { id } } } }"))["runs"]["edges"][0]["node"]["id"]
        edit = {"updateTask": {"task": "a", "budgetUsd": "2"}}
        await client.do("mutateDag", "run { id }", runId=run_id, operations=[edit])
        item = (await seen.until(asks))["item"]
        await seen.until(task("a", "WAITING_FOR_INPUT"))
        await client.do("answerAttention", "item { status }", itemId=item["id"], answer="stop")
        await seen.until(task("a", "FAILED"))
        await seen.until(run("FAILED"))

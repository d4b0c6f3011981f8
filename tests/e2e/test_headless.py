"""The whole life of a run, by a program that speaks only HTTP and WebSocket."""

import sys
from pathlib import Path
from typing import Any

from tests.e2e.followed import Followed, command, run, task, worker
from tests.e2e.served import Client

GATE = """
import pathlib, sys, time
marker, gate = map(pathlib.Path, sys.argv[1:3])
marker.write_text("started")
while not gate.exists():
    time.sleep(0.01)
"""
ASK = """
import json, os, sys, urllib.request
def post(query, variables):
    request = urllib.request.Request(
        os.environ["TRACKSIDE_URL"] + "/graphql",
        json.dumps({"query": query, "variables": variables}).encode(),
        {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["TRACKSIDE_TOKEN"]},
    )
    return json.load(urllib.request.urlopen(request))["data"]
item = post(
    "mutation($input: AskQuestionInput!) { askQuestion(input: $input) { item { id } userErrors { message } } }",
    {"input": {"runId": os.environ["TRACKSIDE_RUN_ID"], "question": "Which colour?", "options": ["red", "blue"]}},
)["askQuestion"]["item"]["id"]
answer = None
while answer is None:
    node = post("query($id: ID!) { node(id: $id) { ... on AttentionItem { status answer } } }", {"id": item})["node"]
    answer = node["answer"]
print("the answer is", answer)
"""


def python(code: str, *arguments: object) -> dict[str, Any]:
    return {"command": [sys.executable, "-c", code, *map(str, arguments)]}


async def whole_log(client: Client) -> list[tuple[str, str]]:
    """Every event, by pages of the query."""
    found: list[tuple[str, str]] = []
    after = "0"
    while True:
        page = (
            await client.query(
                "query($after: Cursor) { events(after: $after) { edges { cursor node { __typename id } } "
                "pageInfo { hasNextPage endCursor } } }",
                after=after,
            )
        )["events"]
        found += [(edge["cursor"], edge["node"]["__typename"]) for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def task_of(client: Client, run_id: str, key: str) -> dict[str, Any]:
    tasks = await client.query(
        "query($id: ID!) { run(id: $id) { tasks { edges { node { id key status worker { id } } } } } }",
        id=run_id,
    )
    return next(edge["node"] for edge in tasks["run"]["tasks"]["edges"] if edge["node"]["key"] == key)


async def version_of(client: Client, run_id: str) -> int:
    found: int = (await client.query("query($id: ID!) { run(id: $id) { version } }", id=run_id))["run"][
        "version"
    ]
    return found


async def test_a_run_from_creation_to_completion_over_http_and_websocket_alone(
    client: Client, project_root: Path
) -> None:
    async with Followed(client) as seen:
        # create
        payload = await client.do("createProject", "project { id }", name="headless", root=str(project_root))
        project_id = payload["project"]["id"]
        first, second = project_root / "first", project_root / "second"
        tasks = [
            {
                "key": "wait",
                "title": "Wait",
                "phase": "one",
                "runtime": python(GATE, project_root / "up", first),
            },
            {"key": "ask", "title": "Ask", "phase": "one", "dependsOn": ["wait"], "runtime": python(ASK)},
            {
                "key": "long",
                "title": "Long",
                "phase": "two",
                "runtime": python(GATE, project_root / "up2", second),
            },
            {
                "key": "last",
                "title": "Last",
                "phase": "two",
                "dependsOn": ["long"],
                "runtime": {"command": ["true"]},
            },
        ]
        payload = await client.do(
            "createRun",
            "run { id version status }",
            projectId=project_id,
            name="headless",
            plan={"tasks": tasks},
            idempotencyKey="create",
        )
        run_id = payload["run"]["id"]
        assert payload["run"]["status"] == "CREATED"
        again = await client.do(
            "createRun",
            "run { id }",
            projectId=project_id,
            name="headless",
            plan={"tasks": tasks},
            idempotencyKey="create",
        )
        assert again["run"]["id"] == run_id

        # start
        await client.do("startRun", "run { status }", runId=run_id)
        await seen.until(task("wait", "RUNNING"))

        # spawn by hand, beside the DAG
        payload = await client.do(
            "spawnWorker",
            "worker { id } command { id }",
            runId=run_id,
            name="helper",
            runtime=python(GATE, project_root / "up3", project_root / "never"),
            env=[{"name": "SECRET", "value": "hidden"}],
        )
        helper = payload["worker"]["id"]
        await seen.until(worker(helper, "RUNNING"))

        # inject
        (project_root / "notes.md").write_text("read me")
        payload = await client.do(
            "injectContext",
            "items { id tokens deliveredAt } command { id status }",
            target={"workerId": helper},
            items=[{"file": "notes.md"}, {"text": "and me"}],
        )
        assert [item["tokens"] for item in payload["items"]] == [2, 2]
        await seen.until(command(payload["command"]["id"], "EFFECTIVE"))
        delivered = await client.query(
            "query($id: ID!) { worker(id: $id) { context { deliveredAt } } }", id=helper
        )
        assert all(item["deliveredAt"] for item in delivered["worker"]["context"])

        # pause NOW and resume
        await client.do("pauseRun", "run { status }", runId=run_id, mode="NOW")
        await seen.until(run("PAUSED"))
        await seen.until(worker(helper, "PAUSED"))
        mark = len(seen.events)
        await client.do("resumeRun", "run { status }", runId=run_id)
        await seen.until(worker(helper, "RUNNING"), since=mark)

        # pause DRAIN: what runs, finishes; nothing else starts
        await client.do("pauseRun", "run { status }", runId=run_id, mode="DRAIN")
        first.write_text("go")
        await seen.until(task("wait", "COMPLETED"))
        assert (await task_of(client, run_id, "ask"))["status"] == "READY"
        payload = await client.do("killWorker", "command { id status }", workerId=helper, graceSeconds=1)
        assert payload["command"]["status"] in ("REQUESTED", "DELIVERED", "ACKNOWLEDGED", "EFFECTIVE")
        await seen.until(command(payload["command"]["id"], "EFFECTIVE"))
        await seen.until(worker(helper, "KILLED"))
        await seen.until(run("PAUSED"), since=mark)
        await client.do("resumeRun", "run { status }", runId=run_id)

        # ask and answer
        opened = await seen.until(lambda event: event["__typename"] == "AttentionOpened")
        await seen.until(task("ask", "WAITING_FOR_INPUT"))
        listed = await client.query("{ attention { totalCount edges { node { id title blockedTasks } } } }")
        assert listed["attention"]["edges"][0]["node"]["title"] == "Which colour?"
        refused = await client.attempt(
            "answerAttention", "item { id }", itemId=opened["item"]["id"], answer="green"
        )
        assert refused["userErrors"][0]["code"] == "INVALID_INPUT"
        await client.do("answerAttention", "item { status }", itemId=opened["item"]["id"], answer="blue")
        await seen.until(task("ask", "COMPLETED"))
        logs = await client.query(
            "query($id: ID!) { workers(filter: { taskId: $id }) { edges { node { logs { edges { node { text } } } } } } }",
            id=(await task_of(client, run_id, "ask"))["id"],
        )
        lines = logs["workers"]["edges"][0]["node"]["logs"]["edges"]
        assert lines[-1]["node"]["text"] == "the answer is blue"

        # change the DAG under way: rehearsed, done, and refused with a version that is over
        await seen.until(task("long", "RUNNING"))
        version = await version_of(client, run_id)
        operations = [
            {
                "addTask": {
                    "key": "extra",
                    "title": "Extra",
                    "dependsOn": ["long"],
                    "runtime": {"command": ["false"]},
                }
            },
            {"addDependency": {"task": "last", "dependsOn": "extra"}},
        ]
        impact = (
            "impact { added { key dependsOn task { id } } ready { key } pending { key } } run { version }"
        )
        rehearsed = await client.do(
            "mutateDag", impact, runId=run_id, operations=operations, dryRun=True, expectedVersion=version
        )
        assert rehearsed["impact"]["added"][0]["task"] is None
        assert await version_of(client, run_id) == version
        done = await client.do(
            "mutateDag", impact, runId=run_id, operations=operations, expectedVersion=version
        )
        assert done["run"]["version"] == version + 1
        assert done["impact"]["added"][0]["key"] == "extra"
        assert done["impact"]["added"][0]["task"] is not None
        stale = await client.attempt(
            "mutateDag",
            impact,
            runId=run_id,
            operations=[{"removeTask": {"task": "extra"}}],
            expectedVersion=version,
        )
        assert stale["userErrors"][0]["__typename"] == "VersionConflict"
        assert (stale["userErrors"][0]["expected"], stale["userErrors"][0]["actual"]) == (
            version,
            version + 1,
        )
        circle = await client.attempt(
            "mutateDag",
            impact,
            runId=run_id,
            operations=[{"addDependency": {"task": "extra", "dependsOn": "last"}}],
        )
        assert circle["userErrors"][0]["__typename"] == "DagCycleError"

        # kill the worker of a task: it has FAILED by its own rules, and nothing else can go on
        long = await task_of(client, run_id, "long")
        await client.do("killWorker", "command { id }", workerId=long["worker"]["id"], graceSeconds=0)
        await seen.until(task("long", "FAILED"))
        await seen.until(run("FAILED"))

        # retry, until the added task fails for good; then skip it and finish
        second.write_text("go")
        await client.do("retryRun", "run { status }", runId=run_id)
        await seen.until(task("long", "COMPLETED"))
        await seen.until(task("extra", "FAILED"))
        extra = await task_of(client, run_id, "extra")
        await client.do("skipTask", "task { status }", taskId=extra["id"], reason="not needed")
        finished = await seen.until(run("COMPLETED"))

        # what the subscriber saw is the log, in order
        await seen.until(lambda event: event["cursor"] == finished["cursor"])
        log = await whole_log(client)
        last = len(log)
        await seen.until(lambda event: event["cursor"] == log[-1][0])
        assert [(event["cursor"], event["__typename"]) for event in seen.events[:last]] == log
        assert len(seen.events) == last

        # the audit trail tells the refusals too, and no secret
        trail = await client.query(
            "query($id: ID!) { commands(filter: { runId: $id }) { edges { node { verb status errorCode input } } } }",
            id=run_id,
        )
        commands = [edge["node"] for edge in trail["commands"]["edges"]]
        assert ("mutateDag", "REJECTED", "VERSION_CONFLICT") in [
            (one["verb"], one["status"], one["errorCode"]) for one in commands
        ]
        assert "hidden" not in str(commands)

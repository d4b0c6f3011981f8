"""Agents that look after runs are killed as they are saved, and brought back: nothing is asked, and nothing started, twice."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.followed import Event, Followed, run, supervisor, worker
from tests.e2e.served import Client, Served

AGENT: Final = """
import http.client, json, os, pathlib, signal, sys, time, urllib.parse
home, point, how = pathlib.Path(sys.argv[1]), *sys.argv[2:]
run = os.environ["TRACKSIDE_RUN_ID"]
life = len(list(home.glob("prompt-*")))
home.joinpath(f"prompt-{life}").write_text(pathlib.Path(os.environ["TRACKSIDE_PROMPT_FILE"]).read_text())

def die_at(place):
    if life == 0 and place == point:
        os.kill(os.getpid(), signal.SIGKILL)

def until(holds):
    while not holds():
        do("heartbeat", "at", state="WAITING_FOR_USER")
        time.sleep(0.02)

def post(query, place=None, **variables):
    while True:
        try:
            return send(query, place, variables)
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)  # the server is away

def send(query, place, variables):
    address = json.loads(pathlib.Path(os.environ["TRACKSIDE_SERVER_FILE"]).read_text())["url"]
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(address).netloc)
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["TRACKSIDE_TOKEN"]}
    connection.request("POST", "/graphql", json.dumps({"query": query, "variables": variables}), headers)
    if how == "unheard":
        die_at(place)
    answer = json.load(connection.getresponse())
    assert "errors" not in answer, answer
    die_at(place)
    return answer["data"]

def do(mutation, fields, place=None, kind=None, **input):
    kind = kind or mutation[0].upper() + mutation[1:]
    document = f"mutation($input: {kind}Input!) {{ {mutation}(input: $input) {{ {fields} userErrors {{ code message }} }} }}"
    payload = post(document, place, input={"runId": run, **input} if "taskId" not in input else input)[mutation]
    if [error["code"] for error in payload["userErrors"]] == ["SUPERVISOR_NOT_FOUND"]:
        sys.exit()  # the run has ended, and nobody has told its agent yet
    assert payload["userErrors"] == [], payload
    return payload

def read(fields):
    return post("query($run: ID!) { run(id: $run) { %s } }" % fields, run=run)["run"]

def task(key):
    return next(edge["node"] for edge in read("tasks { edges { node { id key status } } }")["tasks"]["edges"] if edge["node"]["key"] == key)

def answer_of(item):
    return post("query($id: ID!) { node(id: $id) { ... on AttentionItem { answer } } }", id=item)["node"]["answer"]

do("heartbeat", "at", "RESPONSE", state="WORKING", memo="First a scout, then the colour.", sessionId="ses_1")
do("heartbeat", "at", "HEARTBEAT", state="WORKING", currentActivity="Looking around")
scout = {"command": [sys.executable, "-c", "open('scouts', 'a').write('x')"]}
do("spawnWorker", "worker { id }", "SPAWN", name="scout", runtime=scout, idempotencyKey="scout")
if how == "alone":
    until(home.joinpath("ask").exists)
item = do("askQuestion", "item { id }", "QUESTION", question="Which colour?", options=["red", "blue"])["item"]["id"]
until(lambda: answer_of(item) is not None)
if task("design")["status"] == "READY":
    do("completeTask", "task { id }", "PHASE_CHANGE", taskId=task("design")["id"], idempotencyKey="design")
do("heartbeat", "at", state="WAITING_FOR_TASKS", pendingTaskIds=[task("build")["id"]])
do("syncSupervisor", "run { id }", "SYNC", kind="RunVerb")
home.joinpath("answer").write_text(answer_of(item))
home.joinpath("go").touch()
until(lambda: False)
"""
BUILD: Final = """
import pathlib, time
with open("builds", "a") as builds:
    builds.write("x")
while not pathlib.Path("go").exists():
    time.sleep(0.01)
"""
POINTS: Final = ["RESPONSE", "HEARTBEAT", "SPAWN", "QUESTION", "PHASE_CHANGE", "SYNC"]
AFTER_THE_ANSWER: Final = {"PHASE_CHANGE", "SYNC"}


async def begin(client: Client, root: Path, point: str, how: str) -> str:
    """A run of two phases: one is done by hand, in the other a task waits for what its agent leaves."""
    project = await client.do("createProject", "project { id }", name="restored", root=str(root))
    build = {"command": [sys.executable, "-c", BUILD]}
    made = await client.do(
        "createRun",
        "run { id }",
        projectId=project["project"]["id"],
        plan={
            "tasks": [
                {"key": "design", "title": "Design", "phase": "one"},
                {"key": "build", "title": "Build", "phase": "two", "runtime": build},
            ]
        },
        supervisor={"command": [sys.executable, "-c", AGENT, str(root), point, how]},
        start=True,
    )
    run_id: str = made["run"]["id"]
    return run_id


def restored(step: str) -> Callable[[Event], bool]:
    return lambda event: event["__typename"] == "SupervisorRestored" and event["step"] == step


def opened(event: Event) -> bool:
    return bool(event["__typename"] == "AttentionOpened")


async def ended(seen: Followed, client: Client, run_id: str) -> None:
    """The run is completed, and its agent gone."""
    await seen.until(run("COMPLETED"))
    document = "query($run: ID!) { run(id: $run) { supervisor { worker { id } } } }"
    process = (await client.query(document, run=run_id))["run"]["supervisor"]["worker"]
    if process is not None:
        await seen.until(worker(process["id"], "KILLED", "SUCCEEDED"))


async def answer(client: Client, item: str) -> None:
    await client.do("answerAttention", "item { id }", itemId=item, answer="red")


async def found(client: Client, run_id: str) -> dict[str, Any]:
    """What there is of a run in the end."""
    document = """query($run: ID!) { run(id: $run) {
      attention(filter: {statuses: [OPEN, ANSWERED, DISMISSED, EXPIRED]}) { edges { node { title status } } }
      workers { edges { node { name role attempt } } } tasks { edges { node { key attempts } } }
      supervisor { restarts } } }"""
    seen: dict[str, Any] = (await client.query(document, run=run_id))["run"]
    return seen


async def nothing_was_done_twice(client: Client, root: Path, run_id: str, *, lives: int = 2) -> None:
    seen = await found(client, run_id)
    asked = [edge["node"] for edge in seen["attention"]["edges"]]
    assert asked == [{"title": "Which colour?", "status": "ANSWERED"}]
    workers = sorted(edge["node"]["name"] for edge in seen["workers"]["edges"])
    assert workers == ["build #1", "scout", *["supervisor"] * lives]
    assert (root / "answer").read_text() == "red"
    assert (root / "scouts").read_text() == (root / "builds").read_text() == "x"
    assert seen["supervisor"]["restarts"] == lives - 1


@pytest.mark.parametrize("how", ["unheard", "heard"])
@pytest.mark.parametrize("point", POINTS)
async def test_one_that_is_killed_as_it_is_saved_goes_on_where_it_was(
    client: Client, project_root: Path, point: str, how: str
) -> None:
    """`unheard`: before it knows what has become of its request; `heard`: right after."""
    async with Followed(client) as seen:
        run_id = await begin(client, project_root, point, how)
        if point not in AFTER_THE_ANSWER:
            await seen.until(restored("RESUMED"))
        item = (await seen.until(opened))["item"]["id"]
        await answer(client, item)
        await ended(seen, client, run_id)
        if (point, how) == ("QUESTION", "heard"):
            again = await seen.until(restored("QUESTIONS_DELIVERED"))
            assert [one["id"] for one in again["questions"]] == [item]
        if point == "SYNC":
            waited = await seen.until(restored("TASKS_AWAITED"))
            assert [one["key"] for one in waited["tasks"]] == ["build"]
        steps = [event["step"] for event in seen.events if event["__typename"] == "SupervisorRestored"]
        assert (steps[0], steps[-2:]) == ("STATE_LOADED", ["CONTEXT_HANDED_OVER", "RESUMED"])
    await nothing_was_done_twice(client, project_root, run_id)
    prompt = (project_root / "prompt-1").read_text()
    assert "# Looking after the run" in prompt
    if (point, how) != ("RESPONSE", "unheard"):
        assert "First a scout, then the colour." in prompt


async def test_an_answer_that_was_given_while_nobody_was_there_is_not_lost(
    client: Client, project_root: Path
) -> None:
    async with Followed(client) as seen:
        run_id = await begin(client, project_root, "QUESTION", "alone")
        await seen.until(supervisor("WORKING"))
        await client.do("pausePipeline", "pipeline { paused }")  # nothing is started: the agent neither
        (project_root / "ask").touch()
        item = (await seen.until(opened))["item"]["id"]
        await seen.until(supervisor("INTERRUPTED"))
        await answer(client, item)
        await client.do("resumePipeline", "pipeline { paused }")
        await ended(seen, client, run_id)
    await nothing_was_done_twice(client, project_root, run_id)
    assert "Which colour? → red" in (project_root / "prompt-1").read_text()


def sent(verb: str) -> Callable[[Event], bool]:
    return lambda event: event["__typename"] == "CommandChanged" and event["command"]["verb"] == verb


@pytest.mark.timeout(300)  # on PostgreSQL the second server waits for the lease of the first
@pytest.mark.parametrize("verb", ["spawnWorker", "askQuestion", "completeTask", "syncSupervisor"])
async def test_a_server_that_is_killed_as_it_saves_knows_all_of_it_afterwards(
    served: Served, client: Client, project_root: Path, verb: str
) -> None:
    """The agent lives on, does not know what has become of its request, and sends it again."""
    async with Followed(client) as seen:
        run_id = await begin(client, project_root, "NONE", "heard")
        if verb in ("completeTask", "syncSupervisor"):
            await answer(client, (await seen.until(opened))["item"]["id"])
        await seen.until(sent(verb))
        served.kill()
    served.start()
    again = Client(served.url)
    try:
        async with Followed(again) as seen:
            item = (await seen.until(opened))["item"]["id"]
            if verb in ("spawnWorker", "askQuestion"):
                await answer(again, item)
            await ended(seen, again, run_id)
        await nothing_was_done_twice(again, project_root, run_id, lives=1)
    finally:
        await again.close()

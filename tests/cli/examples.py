"""The examples in --help, found by walking the program; and what there has to be before each can be run."""

import asyncio
import itertools
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import typer

from app.cli.lazy import MODULES
from app.cli.session import EXAMPLES
from tests.cli.program import PATIENCE
from tests.e2e.followed import Followed
from tests.e2e.served import ROOT, Client, Served
from tests.factories import a_skill

PLAN_MD = "# Pears\n\n## Phase 1: Count\n\n- [ ] T1 Count the pears\n- [ ] T2 Write it down\n"
PLAN_YAML = "title: Pears\ntasks:\n  - {key: a, title: Count, runtime: {command: ['true']}}\n"
BY_HAND = "title: Pears\ntasks:\n  - {key: a, title: Count}\n"
CONDUCTOR = "# Plan: Pears\n\n## Phase 1: Count\n\n- [ ] Task: Count the pears\n"
ADD = {"key": "T015", "title": "Count again", "dependsOn": ["T012"]}
_numbers = itertools.count(1)

# ---------------------------------------------------------------- what is in --help


def commands() -> dict[str, Any]:
    """Every command of the program, by what one types."""
    found = {}
    for name, (module, _) in MODULES.items():
        command = typer.main.get_command(import_module(module).app)
        for key, one in getattr(command, "commands", {"": command}).items():
            found[f"{name} {key}".strip()] = one
    return found


def examples_of(command: Any) -> list[str]:
    """The lines of its section of examples, wherever it stands."""
    found = []
    for text in (command.help or "", command.epilog or ""):
        lines = iter(text.splitlines())
        for line in lines:
            if line.strip() == EXAMPLES:
                found += [one.strip() for one in itertools.takewhile(str.strip, lines)]
    return found


# ---------------------------------------------------------------- what there has to be


class World:
    """A project and a run of its own for one example; its names stand for those that the example uses."""

    def __init__(self, server: Served, token: str, project: Path) -> None:
        self.server = server
        self.token = token
        self.project = project
        self.run_name = f"nightly-of-test-{next(_numbers)}"
        self.words = {"nightly": self.run_name}
        self.tasks: dict[str, str] = {}
        self._http = httpx.Client(
            base_url=server.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30
        )
        write_files(project)
        made = self.do(
            "createProject", "Create", "project { id }", name=project.parent.name, root=str(project)
        )
        self.project_id: str = made["project"]["id"]
        self.run_id = ""
        self.paused = False
        self.drained = ""

    def close(self) -> None:
        if self.drained:
            self.do("resumeHost", "HostVerb", "host { id }", hostId=self.drained)
        if self.paused:
            self.do("resumePipeline", "Pipeline", "pipeline { paused }")
        if self.run_id:
            input = {"runId": self.run_id, "mode": "NOW"}
            self.ask("mutation ($i: StopRunInput!) { stopRun(input: $i) { userErrors { code } } }", i=input)
        self._http.close()

    def do(self, verb: str, kind: str, answer: str, **input: Any) -> dict[str, Any]:
        """One mutation, which must not be refused. `kind` is the verb's own input type or another's."""
        own = verb[0].upper() + verb[1:]
        type = f"{own if kind in ('', 'Create') else kind}Input"
        payload: dict[str, Any] = self.ask(
            f"mutation ($i: {type}!) {{ {verb}(input: $i) {{ {answer} userErrors {{ message }} }} }}", i=input
        )[verb]
        assert payload["userErrors"] == [], (verb, payload)
        return payload

    def begin(self, *, start: bool = True, command: list[str] | None = None, path: str | None = None) -> None:
        """The run `nightly`: T013 waits for T012, T014 for nothing; done by hand, unless T012 is to run something."""
        tasks: list[dict[str, Any]] = [
            {"key": "T012", "title": "Count the apples"},
            {"key": "T013", "title": "Write the report", "dependsOn": ["T012"]},
            {"key": "T014", "title": "Sweep the floor"},
        ]
        if command is not None:
            tasks[0]["runtime"] = {"command": command}
        made = self.do(
            "createRun",
            "",
            "run { id version tasks { edges { node { id key } } } }",
            projectId=self.project_id,
            name=self.run_name,
            plan={"path": path} if path is not None else {"tasks": tasks},
            start=start,
        )["run"]
        self.run_id, self.version = made["id"], made["version"]
        self.tasks = {edge["node"]["key"]: edge["node"]["id"] for edge in made["tasks"]["edges"]}

    def at_work(self) -> str:
        """A worker on T012, which example call 7xk2p."""
        self.begin(command=["sh", "-c", "echo counting; sleep 600"])
        event = self.until(lambda one: one.get("newWorkerStatus") == "RUNNING")
        worker: str = event["worker"]["id"]
        self.words["7xk2p"] = worker[-9:]
        return worker

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first event of the log, past or future, of which this is true."""

        async def follow() -> dict[str, Any]:
            client = Client(self.server.url, self.token)
            try:
                async with Followed(client, after=self.after) as followed:
                    return await followed.until(wanted, seconds=PATIENCE)
            finally:
                await client.close()

        return asyncio.run(follow())

    def question(self) -> None:
        """A question, which examples call q4t9z."""
        self.begin()
        asked = self.do("askQuestion", "", "item { id }", runId=self.run_id, question="Which tree?")
        self.words["q4t9z"] = asked["item"]["id"][-9:]

    @property
    def after(self) -> str:
        return self._cursor

    def remember(self) -> None:
        self._cursor: str = self.ask("{ cursor }")["cursor"]

    def spelled(self, example: str) -> str:
        """The example with the names of this world in it."""
        for word, meant in self.words.items():
            example = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", meant, example)
        return example

    def ask(self, document: str, **variables: Any) -> Any:
        answer = self._http.post("/graphql", json={"query": document, "variables": variables}).json()
        assert "errors" not in answer, answer
        return answer["data"]


def write_files(project: Path) -> None:
    (project / "docs").mkdir()
    (project / "src").mkdir()
    (project.parent / "website").mkdir()
    a_skill(project, "testing", role="WORKER")
    for name, content in {
        "plan.md": PLAN_MD,
        "plan.yaml": PLAN_YAML,
        "pears.yaml": BY_HAND,
        "tasks.md": CONDUCTOR,
        "trackside.toml": "slots = 4\n",
        "edits.json": json.dumps([{"addTask": ADD}]),
        "number.json": json.dumps({"type": "integer"}),
        "request.graphql": "query ($run: String) { runs(filter: {search: $run}) { totalCount } }",
        "docs/api.md": "# API\n",
        "src/app.py": "def main():\n    return 1\n",
    }.items():
        (project / name).write_text(content)
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *words], cwd=project, check=True)
    (project / "docs" / "api.md").write_text("# The API\n")


def programs(directory: Path) -> dict[str, str]:
    """What examples let tasks run, so that it is there: an environment in which it is found."""
    directory.mkdir(exist_ok=True)
    for name in ("my-agent", "make"):
        (directory / name).write_text("#!/bin/sh\nexit 0\n")
        (directory / name).chmod(0o755)
    agents(directory)
    return {"PATH": os.pathsep.join([str(directory), os.environ["PATH"]])}


def agents(directory: Path) -> dict[str, str]:
    """Agents that examples name, played by one that speaks their protocol: an environment in which they are found."""
    directory.mkdir(exist_ok=True)
    command = shlex.join([sys.executable, str(ROOT / "tests/agents/scripted.py")])
    for name in ("claude-agent-acp", "codex-acp"):
        (directory / name).write_text(f"#!/bin/sh\nSCRIPTED_MODELS=opus,gpt-5 exec {command}\n")
        (directory / name).chmod(0o755)
    return {"PATH": os.pathsep.join([str(directory), os.environ["PATH"]])}


# ---------------------------------------------------------------- before each command


def _paused(world: World) -> None:
    world.begin()
    world.do("pauseRun", "", "run { status }", runId=world.run_id)


def _failed(world: World) -> None:
    world.begin(command=["false"])
    world.do("skipTask", "", "task { id }", taskId=world.tasks["T014"])
    world.until(lambda one: one.get("newRunStatus") == "FAILED")


def _stopped(world: World) -> None:
    world.begin()
    world.do("stopRun", "", "run { status }", runId=world.run_id, mode="NOW")


def _paused_worker(world: World) -> None:
    worker = world.at_work()
    world.do("pauseWorker", "WorkerVerb", "worker { id }", workerId=worker)
    world.until(lambda one: one.get("newWorkerStatus") == "PAUSED")


def _logged(world: World) -> None:
    """A worker that ends soon, so that its log ends."""
    world.begin(command=["echo", "counted"])
    event = world.until(lambda one: one.get("newWorkerStatus") == "SUCCEEDED")
    world.words["7xk2p"] = event["worker"]["id"][-9:]


def _subtask(world: World) -> None:
    world.begin()
    world.do("createSubtask", "", "subtask { id }", taskId=world.tasks["T012"], title="Count the pears")


def _audited(world: World) -> None:
    world.begin()
    made = world.do(
        "blockTask", "TaskReason", "command { id }", taskId=world.tasks["T014"], reason="for the record"
    )
    world.words["m3c8d"] = made["command"]["id"][-9:]


def _website(world: World) -> None:
    name, root = f"website-of-test-{next(_numbers)}", str(world.project.parent / "website")
    world.do("createProject", "", "project { id }", name=name, root=root)
    world.words["website"] = name


def _token(world: World) -> None:
    name = f"dashboard-of-test-{next(_numbers)}"
    world.do("createToken", "", "token { id }", name=name, role="VIEWER")
    world.words["dashboard"] = name


def _coordinator(world: World) -> None:
    """A run, and the token of an agent that looks after it, which examples call trk_coordinator."""
    world.begin()
    made = world.do("createToken", "", "secret", name=world.run_name, role="ORCHESTRATOR", runId=world.run_id)
    world.words["trk_coordinator"] = made["secret"]


def _finding(world: World) -> None:
    world.begin()
    world.do(
        "addFinding", "", "finding { id }", taskId=world.tasks["T012"], title="Two are gone", content="Eaten."
    )


def _in_two_phases(world: World, **more: Any) -> None:
    """A run whose task T012 is in the phase `count`, and T013 in the phase `tell`."""
    tasks = [
        {"key": "T012", "title": "Count", "phase": "count"},
        {"key": "T013", "title": "Tell", "phase": "tell"},
    ]
    answer = "run { id tasks { edges { node { id key } } } }"
    given = {"projectId": world.project_id, "name": world.run_name, "plan": {"tasks": tasks}, "start": True}
    made = world.do("createRun", "", answer, **given, **more)["run"]
    world.run_id = made["id"]
    world.tasks = {edge["node"]["key"]: edge["node"]["id"] for edge in made["tasks"]["edges"]}


def _owing(world: World) -> None:
    """Its first phase owes a report."""
    owed = {"key": "count", "deliverables": [{"key": "report", "title": "A report"}]}
    _in_two_phases(world, phases=[owed])


def _gate_holds(world: World) -> None:
    """It waits to be advanced from `count` to `tell`."""
    _in_two_phases(world, autoAdvance=False)
    world.do("completeTask", "", "task { id }", taskId=world.tasks["T012"])


def _edited_plan(world: World) -> None:
    """A run whose plan has got a task more since then."""
    world.begin(path="pears.yaml")
    (world.project / "pears.yaml").write_text(f"{BY_HAND}  - {{key: b, title: Weigh}}\n")
    world.words["12"] = str(world.version)


def _host(world: World) -> None:
    """The machine that the server is on, which examples call builder-2."""
    (host, *_) = world.ask("{ hosts { id name } }")["hosts"]
    world.words["builder-2"] = host["name"]
    world.drained = host["id"]
    world.do("drainHost", "HostVerb", "host { id }", hostId=host["id"])


def _open_host(world: World) -> None:
    _host(world)
    world.do("resumeHost", "HostVerb", "host { id }", hostId=world.drained)


def _pipeline(world: World) -> None:
    world.begin()
    world.paused = True
    world.do("pausePipeline", "Pipeline", "pipeline { paused }")


def _open_pipeline(world: World) -> None:
    world.begin()
    world.paused = True  # by the example: others want it open again


PREPARED: dict[str, Callable[[World], Any]] = {
    "runs start": lambda world: world.begin(start=False),
    "runs resume": _paused,
    "runs retry": _failed,
    "runs archive": _stopped,
    "runs advance": _gate_holds,
    "deliverables list": _owing,
    "deliverables complete": _owing,
    "deliverables waive": _owing,
    "tasks unblock": lambda world: (
        world.begin(),
        world.do("blockTask", "TaskReason", "task { id }", taskId=world.tasks["T012"]),
    ),
    "tasks retry": lambda world: (
        world.begin(),
        world.do("completeTask", "", "task { id }", taskId=world.tasks["T012"]),
    ),
    "subtasks list": _subtask,
    "subtasks update": _subtask,
    "subtasks delete": _subtask,
    "findings list": _finding,
    "workers list": World.at_work,
    "workers show": World.at_work,
    "workers pause": World.at_work,
    "workers resume": _paused_worker,
    "workers logs": _logged,
    "workers kill": World.at_work,
    "progress": World.at_work,
    "heartbeat": _coordinator,
    "inject": World.at_work,
    "attention list": World.question,
    "attention show": World.question,
    "attention dismiss": World.question,
    "answer": World.question,
    "dashboard": World.question,
    "commands show": _audited,
    "plan list": _website,
    "plan diff": _edited_plan,
    "plan apply": _edited_plan,
    "tokens revoke": _token,
    "hosts drain": _open_host,
    "hosts resume": _host,
    "pipeline pause": _open_pipeline,
    "pipeline resume": _pipeline,
}
"""What there has to be before an example of a command is run; the run `nightly`, started, for all others."""


def prepare(world: World, command: str) -> None:
    world.remember()
    PREPARED.get(command, World.begin)(world)

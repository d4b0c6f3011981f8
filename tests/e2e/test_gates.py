"""Runs that go from gate to gate, and who may open one, by programs that speak only HTTP and WebSocket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.e2e.followed import Event, Followed, run, task, worker
from tests.e2e.served import Client

PHASES = ("one", "two", "three")


async def a_run(client: Client, root: Path, **input: Any) -> str:
    """Of three phases with a task each."""
    made = await client.do("createProject", "project { id }", name=root.name, root=str(root))
    made = await client.do(
        "createRun",
        "run { id }",
        projectId=made["project"]["id"],
        plan={"tasks": [{"key": f"task-{key}", "title": f"Do {key}", "phase": key} for key in PHASES]},
        runtime={"command": ["true"]},
        start=True,
        **input,
    )
    return str(made["run"]["id"])


def opened(event: Event) -> bool:
    return bool(event["__typename"] == "AttentionOpened")


def told(event: Event) -> str | None:
    """What this test is about, of all that happens."""
    match event["__typename"]:
        case "RunStatusChanged":
            return f"run {event['newRunStatus']}"
        case "PhaseChanged":
            return f"phase {event['newPhase']}"
        case "TaskStatusChanged" if event["newTaskStatus"] == "COMPLETED":
            return str(event["task"]["key"])
        case "AttentionOpened" | "AttentionClosed":
            return str(event["__typename"])
        case _:
            return None


UP_TO_THE_END = [
    *("run CREATED", "run ACTIVE", "phase one", "task-one"),
    *("phase two", "task-two", "AttentionOpened", "run WAITING_FOR_INPUT"),
    *("AttentionClosed", "phase three", "run ACTIVE", "task-three"),
]


async def test_a_run_completes_by_itself_but_for_one_confirmation(client: Client, project_root: Path) -> None:
    async with Followed(client) as seen:
        run_id = await a_run(client, project_root, phases=[{"key": "two", "guard": True}])
        await seen.until(run("WAITING_FOR_INPUT"))
        await client.do("advancePhase", "run { id }", runId=run_id, confirmed=True)
        await seen.until(run("COMPLETED"))
        assert [word for event in seen.events if (word := told(event))] == [
            *UP_TO_THE_END,
            *("run COMPLETING", "run COMPLETED"),
        ]


async def test_without_auto_complete_it_stops_before_the_end(client: Client, project_root: Path) -> None:
    async with Followed(client) as seen:
        run_id = await a_run(client, project_root, phases=[{"key": "two", "guard": True}], autoComplete=False)
        await seen.until(run("WAITING_FOR_INPUT"))
        await client.do("advancePhase", "run { id }", runId=run_id, confirmed=True)
        await seen.until(run("BLOCKED"))
        assert [word for event in seen.events if (word := told(event))] == [*UP_TO_THE_END, "run BLOCKED"]
        checked = await client.do("checkCompletion", "ready wouldComplete missing", runId=run_id)
        assert (checked["ready"], checked["wouldComplete"], checked["missing"]) == (True, True, [])
        await seen.until(run("COMPLETED"))


@asynccontextmanager
async def holder(client: Client, role: str, **bound: str) -> AsyncIterator[Client]:
    """Somebody with a token of their own."""
    made = await client.do("createToken", "secret", name=role.lower(), role=role, **bound)
    other = Client(client.url, made["secret"])
    try:
        yield other
    finally:
        await other.close()


async def test_a_guard_asks_whoever_calls_and_only_some_may_answer(
    client: Client, project_root: Path
) -> None:
    async with Followed(client) as seen:
        run_id = await a_run(client, project_root, phaseGuard=True)
        made = await client.do(
            "spawnWorker", "worker { id }", runId=run_id, runtime={"command": ["sleep", "600"]}
        )
        helper = made["worker"]["id"]
        await seen.until(worker(helper, "RUNNING"))
        async with (
            holder(client, "ORCHESTRATOR", runId=run_id) as orchestrator,
            holder(client, "OPERATOR") as operator,
            holder(client, "ADMIN") as admin,
            holder(client, "WORKER", workerId=helper) as agent,
        ):
            steering = {"orchestrator": orchestrator, "operator": operator, "admin": admin}

            async def refused(by: Client, **input: Any) -> tuple[str, str]:
                answer = await by.attempt("advancePhase", "run { id }", runId=run_id, **input)
                (error,) = answer["userErrors"]
                return error["__typename"], error["code"]

            since = 0
            for phase, (name, confirming) in zip(PHASES, steering.items(), strict=True):
                await seen.until(task(f"task-{phase}", "COMPLETED"))
                await seen.until(opened, since=since)
                since = len(seen.events)
                for one in steering.values():
                    assert await refused(one) == ("PhaseGuardRequired", "PHASE_GUARD_REQUIRED")
                assert (await refused(agent, confirmed=True))[1] == "FORBIDDEN"
                for one in (operator, orchestrator):
                    assert (await refused(one, confirmed=True, force=True))[1] == "FORBIDDEN"
                assert await refused(admin, force=True) == ("PhaseGuardRequired", "PHASE_GUARD_REQUIRED")
                done = await confirming.do(
                    "advancePhase", "run { phases { key status confirmedBy } }", runId=run_id, confirmed=True
                )
                (left,) = [one for one in done["run"]["phases"] if one["key"] == phase]
                assert (left["status"], left["confirmedBy"]) == ("COMPLETED", name)
        await client.do("killWorker", "worker { id }", workerId=helper, graceSeconds=0)
        await seen.until(run("COMPLETED"))

"""Every type of event that the schema knows is told to a subscriber, once what it tells of is done over the API."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from graphql import GraphQLInterfaceType

from app.domain.runs import Patience
from app.domain.usage import UNITS
from app.engine import plan_files, staleness
from app.engine.plan_files import Looks
from tests.schema.api import graphql_schema
from tests.schema.examples import EXAMPLES, PLAN
from tests.schema.world import World

Cause = Callable[[World], Awaitable[object]]
PATIENCE: Final = 20.0


def sent(mutation: str, which: int = 0) -> Cause:
    """By a mutation, as its example has it."""

    async def send(world: World) -> None:
        await world.api.do(mutation, **await EXAMPLES[mutation][which](world))

    return send


def reported(*bodies: dict[str, Any]) -> Cause:
    """By the runner of a worker."""

    async def report(world: World) -> None:
        worker = await world.a_worker()
        runner = await world.runner_of(worker)
        first = (await world.fleet.worker(worker)).reports + 1
        reports = [{"n": n, "at": "2026-01-01T12:00:00Z", **body} for n, body in enumerate(bodies, first)]
        await runner.do("reportWorker", workerId=worker, fence=1, reports=reports)

    return report


async def a_run_is_deleted(world: World) -> None:
    run = await world.a_run("task")
    await world.fleet.finish(run, "task")
    await world.api.do("archiveRun", runId=run)
    await world.api.do("batchRuns", operation="CLEANUP_ARCHIVED", olderThanHours=0, dryRun=False)


async def an_agent_beats(world: World) -> None:
    orchestrator = await world.orchestrator_of(world.run)
    await orchestrator.do("heartbeat", **await EXAMPLES["heartbeat"][0](world))


async def an_agent_is_brought_back(world: World) -> None:
    orchestrator = await world.orchestrator_of(world.run)
    await orchestrator.do("heartbeat", runId=world.run, state="WORKING", memo="Red, not blue.")
    await world.api.do("restartSupervisor", runId=world.run)
    await orchestrator.do("heartbeat", runId=world.run, state="WORKING")


async def a_budget_is_nearly_used_up(world: World) -> None:
    run = await world.a_run("task", budget=UNITS)
    worker = await world.fleet.working(run, "task")
    runner = await world.runner_of(worker)
    first = (await world.fleet.worker(worker)).reports + 1
    used = {"model": "m-1", "inputTokens": 1, "costUsd": "0.9"}
    report = {"n": first, "at": "2026-01-01T12:00:00Z", "usage": used}
    await runner.do("reportWorker", workerId=worker, fence=1, reports=[report])


async def a_run_is_silent(world: World) -> None:
    world.fleet.clock.advance(hours=1)
    await staleness.run_once(world.fleet.db, Patience())


async def a_plan_is_edited(world: World) -> None:
    (world.root / "plan.yaml").write_text(PLAN)
    await world.api.do("createRun", projectId=world.project, plan={"path": "plan.yaml"})
    (world.root / "plan.yaml").write_text(PLAN + "  - key: two\n    title: Then this\n")
    await plan_files.run_once(world.fleet.db, Looks())


CALLED: Final = {"toolStarted": {"call": "1", "name": "Read"}}

CAUSES: Final[dict[str, Cause]] = {
    "ProjectChanged": sent("configureProject"),
    "RunStatusChanged": sent("createRun"),
    "RunConfigured": sent("configureRun"),
    "RunDeleted": a_run_is_deleted,
    "StaleDetected": a_run_is_silent,
    "SupervisorStateChanged": an_agent_beats,
    "SupervisorRestored": an_agent_is_brought_back,
    "HeartbeatReceived": an_agent_beats,
    "PhaseChanged": sent("startRun"),
    "DeliverableCompleted": sent("completeDeliverable"),
    "DeliverableChanged": sent("waiveDeliverable"),
    "TaskStatusChanged": sent("skipTask"),
    "SubtaskChanged": sent("createSubtask"),
    "FindingAdded": sent("addFinding"),
    "PlanChanged": a_plan_is_edited,
    "PlanImported": sent("importPlan"),
    "DagMutated": sent("mutateDag"),
    "WorkerStatusChanged": sent("spawnWorker"),
    "WorkerOrdered": sent("killWorker"),
    "WorkerReported": sent("reportProgress"),
    "ToolStarted": reported(CALLED),
    "ToolCompleted": reported(CALLED, {"toolEnded": {"call": "1"}}),
    "AttentionOpened": sent("askQuestion"),
    "AttentionClosed": sent("answerAttention"),
    "ContextInjected": sent("injectContext"),
    "BudgetWarned": a_budget_is_nearly_used_up,
    "CommandChanged": sent("blockTask"),
    "PipelineChanged": sent("pausePipeline"),
    "TokenChanged": sent("createToken"),
    "HostChanged": sent("drainHost"),
}


def event_types() -> set[str]:
    event = graphql_schema().type_map["Event"]
    assert isinstance(event, GraphQLInterfaceType)
    return {one.name for one in graphql_schema().get_possible_types(event)}


def test_every_type_of_event_has_a_cause() -> None:
    assert set(CAUSES) == event_types()


@pytest.mark.parametrize("type", CAUSES)
async def test_it_is_told_when_it_happens(world: World, type: str) -> None:
    before = (await world.api.query("{ cursor }"))["cursor"]
    told = world.api.follow(
        "subscription($after: Cursor, $types: [String!]) "
        "{ events(after: $after, filter: {types: $types, includeHeartbeats: true}) { __typename cursor } }",
        after=before,
        types=[type],
    )
    first = asyncio.ensure_future(anext(told))  # type: ignore[arg-type]
    await CAUSES[type](world)
    async with asyncio.timeout(PATIENCE):
        event = (await first)["events"]
    assert event["__typename"] == type
    assert int(event["cursor"]) > int(before)
    await told.aclose()  # type: ignore[attr-defined]

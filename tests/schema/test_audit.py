"""Refusals: each with its type and words, each in the audit trail, none with a trace of a secret."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from app import commands
from app.commands.runs import PlanSource
from app.domain.access import Role
from app.domain.batches import OFTEN
from app.domain.errors import AppError, ErrorCode
from app.schema.errors import TYPED, user_error
from app.store.db import Tx
from app.store.tables import WorkerRow
from tests.conftest import BOTH
from tests.factories import COMMAND, a_plan, an_actor
from tests.schema.api import Api, graphql_schema
from tests.schema.world import World

COMMAND_FIELDS: Final = (
    "command { id verb status actor reason idempotencyKey input errorCode error run { id } task { id } "
    "worker { id } at updatedAt }"
)

Refusal = tuple[str, dict[str, Any]]
Provoke = Callable[[World], Awaitable[Refusal]]


async def not_found(_world: World) -> Refusal:
    return "killWorker", {"workerId": "wrk_none"}


async def invalid_input(world: World) -> Refusal:
    return "configureRun", {"runId": world.run, "maxWorkers": 0}


async def invalid_transition(world: World) -> Refusal:
    return "startRun", {"runId": world.run}


async def version_conflict(world: World) -> Refusal:
    return "pauseRun", {"runId": world.run, "expectedVersion": 99}


async def dag_cycle(world: World) -> Refusal:
    wait = {"task": "test", "dependsOn": "test"}
    return "mutateDag", {"runId": world.run, "operations": [{"addDependency": wait}]}


async def idempotency_mismatch(world: World) -> Refusal:
    await world.api.do("configureRun", runId=world.run, maxWorkers=2, idempotencyKey="one")
    return "configureRun", {"runId": world.run, "maxWorkers": 3, "idempotencyKey": "one"}


async def not_supported(world: World) -> Refusal:
    def replace_runtime(tx: Tx) -> None:
        worker = tx.session.get(WorkerRow, world.worker)
        assert worker is not None
        worker.runtime = {"kind": "newer", "argv": ["true"]}

    await world.api.services.db.write(replace_runtime)
    return "pauseWorker", {"workerId": world.worker}


async def already_answered(world: World) -> Refusal:
    await world.api.do("answerAttention", itemId=world.item, answer="red")
    return "answerAttention", {"itemId": world.item, "answer": "blue"}


async def plan_invalid(world: World) -> Refusal:
    text = {"format": "TRACKSIDE", "content": "tasks: 7"}
    return "createRun", {"projectId": world.project, "plan": {"text": text}}


async def limit_exceeded(world: World) -> Refusal:
    return "createRun", {
        "projectId": world.project,
        "name": "x" * 201,
        "plan": {"tasks": [{"key": "a", "title": "A"}]},
    }


async def guarded(world: World) -> Refusal:
    return "advancePhase", {"runId": await world.a_guarded_run()}


async def owed_by_nobody(world: World) -> Refusal:
    run = await world.a_guarded_run()
    return "completeDeliverable", {"runId": run, "phase": "phase-1", "deliverable": "papers"}


async def not_ready(world: World) -> Refusal:
    return "advancePhase", {"runId": world.run}


async def too_often(world: World) -> Refusal:
    resume = {"operation": "RESUME_ALL", "dryRun": False}
    for _ in range(OFTEN):
        await world.api.do("batchRuns", **resume)
    return "batchRuns", resume


async def stale_fence(world: World) -> Refusal:
    await world.fleet.exit(world.worker)
    return "reportProgress", {"workerId": world.worker}


async def ended(world: World) -> Refusal:
    run = await world.a_run("a")
    await world.fleet.finish(run, "a")
    return "restartSupervisor", {"runId": run}


async def given_up(world: World) -> Refusal:
    run = await world.a_run("a")
    await (await world.orchestrator_of(run)).do("heartbeat", runId=run, state="FAILED")
    return "syncSupervisor", {"runId": run}


async def too_dear(world: World) -> Refusal:
    run = await world.a_run("a", budget=0, start=True)
    return "spawnWorker", {"runId": run, "runtime": {"command": ["true"]}}


async def without_a_host(world: World) -> Refusal:
    return "spawnWorker", {
        "runId": world.run,
        "runtime": {"command": ["true"]},
        "hostLabels": ["none-has-it"],
    }


PROVOKED: Final[dict[ErrorCode, Provoke]] = {
    ErrorCode.NOT_FOUND: not_found,
    ErrorCode.FORBIDDEN: invalid_transition,  # who may not do it is told before how things stand
    ErrorCode.INVALID_INPUT: invalid_input,
    ErrorCode.INVALID_TRANSITION: invalid_transition,
    ErrorCode.VERSION_CONFLICT: version_conflict,
    ErrorCode.DAG_CYCLE: dag_cycle,
    ErrorCode.IDEMPOTENCY_MISMATCH: idempotency_mismatch,
    ErrorCode.NOT_SUPPORTED_BY_RUNTIME: not_supported,
    ErrorCode.ALREADY_ANSWERED: already_answered,
    ErrorCode.PLAN_INVALID: plan_invalid,
    ErrorCode.LIMIT_EXCEEDED: limit_exceeded,
    ErrorCode.STALE_FENCE: stale_fence,
    ErrorCode.PHASE_GUARD_REQUIRED: guarded,
    ErrorCode.INVALID_DELIVERABLE: owed_by_nobody,
    ErrorCode.VALIDATION_FAILED: not_ready,
    ErrorCode.SUPERVISOR_NOT_FOUND: ended,
    ErrorCode.SUPERVISOR_DEAD: given_up,
    ErrorCode.RATE_LIMITED: too_often,
    ErrorCode.BUDGET_EXCEEDED: too_dear,
    ErrorCode.UNAVAILABLE: without_a_host,
}
AS: Final = {ErrorCode.FORBIDDEN: Role.VIEWER}
"""Who sends it; an ADMIN where nothing is said."""
TYPES: Final = {
    ErrorCode.VERSION_CONFLICT: "VersionConflict",
    ErrorCode.DAG_CYCLE: "DagCycleError",
    ErrorCode.ALREADY_ANSWERED: "AlreadyAnsweredError",
    ErrorCode.PHASE_GUARD_REQUIRED: "PhaseGuardRequired",
    ErrorCode.VALIDATION_FAILED: "ValidationFailed",
}


def test_every_code_is_provoked() -> None:
    known: Any = graphql_schema().type_map["ErrorCode"]
    assert {code.value for code in PROVOKED} == set(ErrorCode) == set(known.values)


def test_every_type_of_refusal_is_known() -> None:
    interface: Any = graphql_schema().type_map["UserError"]
    assert {one.name for one in graphql_schema().get_possible_types(interface)} == {
        "GenericError",
        *TYPES.values(),
    }
    assert set(TYPED) == set(TYPES)


@pytest.mark.parametrize("code", [code for code in ErrorCode if code not in TYPED])
def test_any_other_refusal_is_told_in_general_words(code: ErrorCode) -> None:
    told = user_error(AppError(code, "No.", suggestion="Yes.", path=["input", "x"]))
    assert type(told).__name__ == "GenericError"
    assert (told.code, told.message, told.suggestion, told.path) == (code, "No.", "Yes.", ["input", "x"])


@pytest.mark.parametrize("db", BOTH, indirect=True)
@pytest.mark.parametrize("code", PROVOKED)
async def test_a_refusal_is_typed_recorded_and_otherwise_without_effect(
    world: World, code: ErrorCode
) -> None:
    mutation, input = await PROVOKED[code](world)
    before = await world.dump("command", "event")
    api = world.api.by(an_actor(AS[code])) if code in AS else world.api
    answer = await api.attempt(mutation, input, COMMAND_FIELDS)
    (error,) = answer["userErrors"]
    assert (error["__typename"], error["code"]) == (TYPES.get(code, "GenericError"), code)
    assert error["message"].endswith(".")
    command = answer["command"]
    assert command.pop("id").startswith("cmd_")
    assert command == {
        "verb": mutation,
        "status": "REJECTED",
        "actor": api.actor.name,
        "reason": None,
        "idempotencyKey": None,
        "input": input,
        "errorCode": code,
        "error": error["message"],
        "run": {"id": input["runId"]} if "runId" in input else None,
        "task": None,
        "worker": None,
        "at": "2026-01-01T12:00:00Z",
        "updatedAt": "2026-01-01T12:00:00Z",
    }
    assert await world.dump("command", "event") == before


async def test_an_answered_item_comes_with_the_refusal(world: World) -> None:
    mutation, input = await already_answered(world)
    refused = await world.api.refused(mutation, **input)
    assert refused["item"] == {"id": world.item, "answer": "red"}
    dismissed = await world.api.refused("dismissAttention", itemId=world.item)
    assert dismissed["item"] == {"id": world.item, "answer": "red"}


async def test_a_refusal_is_an_event_like_any_other_request(world: World) -> None:
    await world.api.refused("startRun", runId=world.run)
    document = (
        '{ events(last: 1, filter: {types: ["CommandChanged"]}) { edges { node { actor run { id } '
        "... on CommandChanged { command { verb status errorCode } } } } } }"
    )
    (edge,) = (await world.api.query(document))["events"]["edges"]
    assert edge["node"] == {
        "actor": "operator",
        "run": {"id": world.run},
        "command": {"verb": "startRun", "status": "REJECTED", "errorCode": "INVALID_TRANSITION"},
    }


async def test_a_refusal_keeps_its_reason(world: World) -> None:
    viewer = world.api.by(an_actor(Role.VIEWER))
    answer = await viewer.attempt("startRun", {"runId": world.run, "reason": "because"}, COMMAND_FIELDS)
    assert (answer["command"]["reason"], answer["command"]["errorCode"]) == ("because", "FORBIDDEN")


# ---------------------------------------------------------------- secrets

CANARY: Final = "canary-7f3a"


async def spawn(world: World, api: Api, **more: Any) -> dict[str, Any]:
    env = [{"name": "TOKEN", "value": CANARY}, {"name": "OTHER", "value": f"x{CANARY}"}]
    runtime = {"command": ["true"]}
    input = {"runId": world.run, "runtime": runtime, "env": env, "idempotencyKey": "once", **more}
    return await api.attempt("spawnWorker", input, "worker { id } command { input }")


async def everything_that_can_be_read(world: World) -> str:
    found = [
        await world.api.query("{ commands { edges { node { input error reason } } } }"),
        await world.api.query("{ events { edges { node { __typename } } } }"),
        await world.api.query("{ workers { edges { node { name command statusReason } } } }"),
    ]
    return json.dumps(found)


@pytest.mark.parametrize(
    "refused",
    [
        {},
        {"env": [{"name": "LD_PRELOAD", "value": CANARY}]},
        {"env": [{"name": "A B", "value": CANARY}]},
        {"env": [{"name": "A", "value": f"{CANARY}\0"}]},
        {"env": [{"name": "A", "value": CANARY + "x" * 40_000}]},
        {"env": [{"name": f"V{n}", "value": CANARY} for n in range(101)]},
        {"runId": "run_none"},
        {"runtime": {"command": ["no-such-program"]}},
        {"reason": "x" * 501},
    ],
)
async def test_values_of_variables_are_kept_for_the_worker_alone(
    world: World, refused: dict[str, Any]
) -> None:
    answer = await spawn(world, world.api, **refused)
    assert bool(answer["userErrors"]) is bool(refused)
    assert {one["value"] for one in answer["command"]["input"]["env"]} == {"…"}
    assert CANARY not in json.dumps(answer)
    assert CANARY not in await everything_that_can_be_read(world)
    dump = await world.dump()
    kept = {table for table, rows in dump.items() if CANARY in "".join(rows)}
    assert kept == (set() if refused else {"worker"})


async def test_other_values_under_the_same_key_are_another_request(world: World) -> None:
    first = await spawn(world, world.api)
    assert (await spawn(world, world.api))["worker"] == first["worker"]
    other = await spawn(world, world.api, env=[{"name": "TOKEN", "value": "another"}])
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_MISMATCH"]


async def test_a_caller_who_may_not_spawn_leaves_no_values_either(world: World) -> None:
    answer = await spawn(world, world.api.by(an_actor(Role.VIEWER)))
    assert [error["code"] for error in answer["userErrors"]] == ["FORBIDDEN"]
    assert CANARY not in json.dumps(await world.dump())


async def test_what_the_engine_does_by_itself_is_no_command(world: World) -> None:
    before = await world.dump()
    run = await world.fleet.db.write(
        commands.runs.create,
        project_id=world.project,
        plan=a_plan("task"),
        source=PlanSource(),
        runtime=COMMAND,
    )
    assert run.refs
    assert (await world.dump())["command"] == before["command"]

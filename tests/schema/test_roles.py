"""Who may do what: every mutation, query and subscription with every role."""

from typing import Any, Final

import pytest

from app.domain.access import Role
from tests.factories import an_actor
from tests.schema.api import Api, Refused, graphql_schema, mutation_type
from tests.schema.examples import EXAMPLES
from tests.schema.world import World

PEOPLE: Final = {"OPERATOR", "ADMIN"}
STEERING: Final = PEOPLE | {"ORCHESTRATOR"}
ASKING: Final = STEERING | {"WORKER"}

MAY: Final[dict[str, set[str]]] = {
    "createProject": PEOPLE,
    "createRun": PEOPLE,
    "startRun": PEOPLE,
    "pauseRun": STEERING,
    "resumeRun": STEERING,
    "stopRun": PEOPLE,
    "retryRun": STEERING,
    "archiveRun": PEOPLE,
    "configureProject": PEOPLE,
    "configureRun": PEOPLE,
    "advancePhase": STEERING,
    "completeDeliverable": STEERING,
    "waiveDeliverable": PEOPLE,
    "checkCompletion": STEERING,
    "mutateDag": STEERING,
    "importPlan": STEERING,
    "blockTask": STEERING,
    "unblockTask": STEERING,
    "completeTask": ASKING,
    "skipTask": STEERING,
    "retryTask": STEERING,
    "createSubtask": ASKING,
    "updateSubtask": ASKING,
    "deleteSubtask": STEERING,
    "addFinding": ASKING,
    "spawnWorker": STEERING,
    "killWorker": STEERING,
    "pauseWorker": STEERING,
    "resumeWorker": STEERING,
    "reportProgress": ASKING,
    "injectContext": STEERING,
    "askQuestion": ASKING,
    "answerAttention": PEOPLE,
    "dismissAttention": PEOPLE,
    "pausePipeline": PEOPLE,
    "resumePipeline": PEOPLE,
    "heartbeat": {"ORCHESTRATOR"},
    "restartSupervisor": PEOPLE,
    "syncSupervisor": STEERING,
    "batchRuns": {"ADMIN"},
    "createToken": {"ADMIN"},
    "revokeToken": {"ADMIN"},
    "drainHost": PEOPLE,
    "resumeHost": PEOPLE,
    "reportWorker": {"RUNNER"},
    "beatWorker": {"RUNNER"},
}


async def caller(world: World, role: Role) -> Api:
    """A caller of this role who otherwise may do as much as such a one ever may."""
    match role:
        case Role.WORKER:
            return await world.agent_of(world.worker)
        case Role.RUNNER:
            return await world.runner_of(world.worker)
        case _:
            return world.api.by(an_actor(role))


def test_the_table_names_every_mutation() -> None:
    assert set(MAY) == set(mutation_type().fields)


@pytest.mark.parametrize("mutation", MAY)
async def test_a_mutation_is_for_the_roles_in_the_table(world: World, mutation: str) -> None:
    input = await EXAMPLES[mutation][0](world)
    if mutation == "completeTask":
        input = {"taskId": world.task}  # also a worker's own
    before = await world.dump("command", "event")
    for role in set(Role) - MAY[mutation]:
        refused = await (await caller(world, role)).refused(mutation, **input)
        assert refused["code"] == "FORBIDDEN", role
        assert "Use a token with the role" in refused["suggestion"]
    assert await world.dump("command", "event") == before
    outcomes = [
        [
            error["code"]
            for error in (await (await caller(world, role)).attempt(mutation, input))["userErrors"]
        ]
        for role in Role
        if role in MAY[mutation]
    ]
    assert outcomes[0] == []
    assert ["FORBIDDEN"] not in outcomes  # the first may have left nothing for the others to do


QUERIES: Final[dict[str, str]] = {
    "attention": "{ attention { totalCount } }",
    "commands": "{ commands { edges { cursor } } }",
    "cursor": "{ cursor }",
    "dashboard": "{ dashboard { statusCounts { count } } }",
    "plans": "query($project: ID!) { plans(projectId: $project) { path } }",
    "contextState": "query($project: ID!) { contextState(projectId: $project) { totalCount } }",
    "events": "{ events { edges { cursor } } }",
    "node": "query($run: ID!) { node(id: $run) { id } }",
    "nodes": "query($run: ID!) { nodes(ids: [$run]) { id } }",
    "pipeline": "{ pipeline { paused } }",
    "hosts": "{ hosts { status } }",
    "project": "query($project: ID!) { project(id: $project) { name } }",
    "projects": "{ projects { totalCount } }",
    "run": "query($run: ID!) { run(id: $run) { name } }",
    "runs": "{ runs { totalCount } }",
    "skillProblems": "query($project: ID!) { skillProblems(projectId: $project) { code } }",
    "skills": "query($project: ID!) { skills(projectId: $project) { name } }",
    "state": "{ state }",
    "task": "query($task: ID!) { task(id: $task) { key } }",
    "telemetry": "{ telemetry { cpuPercent } }",
    "tokens": "{ tokens { totalCount } }",
    "usage": "{ usage { key } }",
    "worker": "query($worker: ID!) { worker(id: $worker) { name } }",
    "workers": "{ workers { totalCount } }",
}
"""Everything but `viewer`, which tells everybody who they are."""

FOR_ADMINS: Final = {"state", "tokens"}


def ids(world: World, document: str) -> dict[str, str]:
    every = {"run": world.run, "project": world.project, "task": world.task, "worker": world.worker}
    return {name: id for name, id in every.items() if f"${name}:" in document}


def test_the_table_names_every_query() -> None:
    query = graphql_schema().query_type
    assert query is not None
    assert set(QUERIES) == set(query.fields) - {"viewer"}


@pytest.mark.parametrize("role", Role)
async def test_everybody_reads_but_runners(world: World, role: Role) -> None:
    api = await caller(world, role)
    for name, document in QUERIES.items():
        result = await api.answer(document, **ids(world, document))
        if role is Role.RUNNER or (name in FOR_ADMINS and role is not Role.ADMIN):
            assert [(error.extensions or {})["code"] for error in result.errors or []] == ["FORBIDDEN"], name
        else:
            assert not result.errors, name


@pytest.mark.parametrize("role", Role)
async def test_everybody_may_know_who_they_are(world: World, role: Role) -> None:
    api = await caller(world, role)
    assert await api.query("{ viewer { name role } }") == {
        "viewer": {"name": api.actor.name, "role": role.value}
    }


EVERYBODY: Final = set(Role) - {Role.RUNNER}
SUBSCRIPTIONS: Final[dict[str, str]] = {
    "activity": 'subscription { activity(after: "0") { cursor } }',
    "events": 'subscription { events(after: "0") { cursor } }',
    "run": "subscription($run: ID!) { run(id: $run) { id } }",
    "logs": "subscription($worker: ID!) { logs(workerId: $worker) { cursor } }",
    "attention": "subscription { attention { title } }",
    "dashboard": "subscription { dashboard { statusCounts { count } } }",
    "telemetry": "subscription { telemetry { rssBytes } }",
    "workerOrders": "subscription($worker: ID!) { workerOrders(workerId: $worker, fence: 1) { revision } }",
}


def test_the_table_names_every_subscription() -> None:
    subscription = graphql_schema().subscription_type
    assert subscription is not None
    assert set(SUBSCRIPTIONS) == set(subscription.fields)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", SUBSCRIPTIONS)
async def test_everybody_follows_but_orders_are_for_runners_and_the_machine_is_not_a_workers(
    world: World, name: str, role: Role
) -> None:
    document = SUBSCRIPTIONS[name]
    if name in ("logs", "activity"):  # which say something once there is something
        runner = await world.runner_of(world.worker)
        await runner.do("reportWorker", **(await EXAMPLES["reportWorker"][0](world)))
    stream = (await caller(world, role)).follow(document, **ids(world, document))
    allowed = {"workerOrders": {Role.RUNNER}, "telemetry": EVERYBODY - {Role.WORKER}}.get(name, EVERYBODY)
    if role in allowed:
        assert await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        return
    with pytest.raises(Refused, match="FORBIDDEN"):
        await anext(stream)


@pytest.mark.parametrize(
    "mutation", ["createProject", "pausePipeline", "resumePipeline", "drainHost", "resumeHost"]
)
async def test_what_concerns_every_project_is_not_for_a_token_of_one(world: World, mutation: str) -> None:
    input: Any = await EXAMPLES[mutation][0](world)
    before = await world.dump("command", "event")
    for role in (Role.OPERATOR, Role.ADMIN):
        scoped = world.api.by(an_actor(role, project_id=world.project))
        assert (await scoped.refused(mutation, **input))["code"] == "FORBIDDEN"
    assert await world.dump("command", "event") == before

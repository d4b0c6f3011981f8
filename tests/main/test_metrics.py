"""`/metrics` of the whole application: who may read it, and that each number moves when the thing happens."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from app import commands, store
from app.client.socket import GraphQLSocket
from app.domain.access import Role
from app.domain.attention import AttentionKind
from app.domain.events import EventKind
from app.domain.reports import Report, ToolEnded, ToolStarted, Used
from app.domain.runs import Patience, RunStatus
from app.domain.supervisors import SupervisorState
from app.domain.usage import Amounts, units
from app.live.paced import Paced
from app.store.db import Tx
from app.store.token_tables import TokenRow
from app.web import metrics as module
from tests.conftest import Clock
from tests.factories import COMMAND, an_actor
from tests.fleet import Fleet
from tests.live.waiting import until
from tests.main.application import Served, number, serving

PLAN = (
    "title: A plan\ntasks:\n  - {key: one, title: Do it}\n  - {key: two, title: Do more, dependsOn: [one]}\n"
)
CREATE_RUN = (
    "mutation($project: ID!, $plan: String!, $key: String) { createRun(input: {projectId: $project, start: true, "
    "plan: {text: {format: TRACKSIDE, content: $plan}}, idempotencyKey: $key}) { run { id } userErrors { code } } }"
)


@pytest.fixture
async def served(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr(module, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr("app.live.paced.SHARE", 1)
    async with serving(tmp_path / "data", database_url=sqlite_url) as served:
        yield served


async def a_project(served: Served, root: Path) -> str:
    document = (
        'mutation($root: String!) { createProject(input: {name: "p", root: $root}) { project { id } } }'
    )
    created = await served.ask(document, root=str(root))
    project: str = created["data"]["createProject"]["project"]["id"]
    return project


async def text(served: Served) -> str:
    return (await served.client.get("/metrics")).text


# ---------------------------------------------------------------- what it looks like


async def test_what_is_exposed_keeps_to_the_conventions(served: Served, tmp_path: Path) -> None:
    await a_project(served, tmp_path)
    families = {family.name: family for family in text_string_to_metric_families(await text(served))}
    described = {one.name: one for one in served.application._metrics.described}
    ours = {name: family for name, family in families.items() if name.startswith("trackside_")}
    assert {name.removesuffix("_total") for name in described} == set(ours)
    for name, one in described.items():
        family = families[name.removesuffix("_total")]
        assert (family.type, family.documentation) == (one.kind, one.help)
        assert one.help.endswith("."), name
        assert (one.kind == "counter") == name.endswith("_total"), name
        assert not {"le", "quantile", "id"} & set(one.labels), name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(one.labels), name
    for name in ours:
        # base units, and the unit last: https://prometheus.io/docs/practices/naming/
        assert not any(word in name.split("_") for word in ("ms", "milliseconds", "percent", "kb", "mb")), (
            name
        )
    timed = [name for name in ours if "duration" in name or "lag" in name or "age" in name.split("_")]
    assert timed
    assert all(name.endswith("_seconds") for name in timed)
    assert {"process_resident_memory_bytes", "python_info"} <= set(families)
    version = families["trackside_build_info"].samples[0]
    assert version.value == 1
    assert version.labels["version"]


async def test_open_metrics_is_spoken_too(served: Served) -> None:
    answer = await served.client.get(
        "/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"}
    )
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert "trackside_runs" in {family.name for family in open_metrics(answer.text)}
    plain = await served.client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain")
    assert "_created" not in plain.text


async def test_nothing_that_a_client_chooses_is_a_label(served: Served, tmp_path: Path) -> None:
    secret = "chosen-by-a-client"
    await served.client.get(f"/{secret}")
    await served.client.request("PURGE" + secret.upper().replace("-", ""), "/graphql")
    await served.ask(f"query {secret.replace('-', '_')} {{ viewer {{ name }} {secret.replace('-', '_')} }}")
    project = await a_project(served, tmp_path)
    await served.ask(CREATE_RUN, project=project, plan=PLAN, key=secret)
    await served.ask(CREATE_RUN, project=secret, plan=PLAN)
    shown = (await text(served)).lower().replace("_", "").replace("-", "")
    assert secret.replace("-", "") not in shown
    assert project.lower().replace("_", "") not in shown


async def test_two_applications_do_not_share_a_number(served: Served, tmp_path: Path) -> None:
    await a_project(served, tmp_path)
    async with serving(tmp_path / "other") as other:
        numbers = await other.numbers()
    assert number(numbers, "commands_total", verb="createProject", outcome="carried_out") is None


# ---------------------------------------------------------------- that the numbers move


async def test_what_the_database_holds_is_counted(served: Served, tmp_path: Path) -> None:
    before = await served.numbers()
    assert [number(before, "runs", status=status) for status in RunStatus] == [0] * len(RunStatus)
    assert number(before, "database_up") == 1
    project = await a_project(served, tmp_path)
    assert (await served.ask(CREATE_RUN, project=project, plan=PLAN))["data"]["createRun"]["run"]
    after = await served.numbers()
    assert sum(number(after, "runs", status=status) or 0 for status in RunStatus) == 1
    assert number(after, "tasks", status="PENDING") == 1
    assert number(after, "tasks", status="READY") == 1
    assert number(after, "workers", status="RUNNING") == 0
    assert [number(after, "attention_open_items", kind=kind) for kind in AttentionKind] == [0] * len(
        AttentionKind
    )


async def test_commands_are_counted_by_outcome(served: Served, tmp_path: Path) -> None:
    project = await a_project(served, tmp_path)
    for _ in range(2):
        await served.ask(CREATE_RUN, project=project, plan=PLAN, key="key-1")
    await served.ask(CREATE_RUN, project="none", plan=PLAN)
    numbers = await served.numbers()
    for outcome in ("carried_out", "repeated", "refused"):
        assert number(numbers, "commands_total", verb="createRun", outcome=outcome) == 1, outcome
    assert number(numbers, "refusals_total", code="NOT_FOUND") == 1


async def test_events_are_counted_once_they_are_committed(served: Served, tmp_path: Path) -> None:
    assert number(await served.numbers(), "events_appended_total", kind="PipelineChanged") == 0
    db = served.application._db
    assert db is not None

    def say(tx: Tx, *, fail: bool = False) -> None:
        store.events.append(tx, EventKind.PIPELINE_CHANGED, paused=False, reason=None)
        if fail:
            raise ZeroDivisionError

    await db.write(say)
    with pytest.raises(ZeroDivisionError):
        await db.write(say, fail=True)
    numbers = await served.numbers()
    assert number(numbers, "events_appended_total", kind="PipelineChanged") == 1
    tail = served.application._tail
    assert tail is not None
    await until(lambda: tail.head >= 1)
    numbers = await served.numbers()
    assert number(numbers, "event_log_position") == tail.head
    assert number(numbers, "event_log_ring_events") == 1
    assert 0 <= (number(numbers, "event_log_read_age_seconds") or 0) < 10


async def test_batches_are_counted_by_what_was_done_and_once(served: Served, tmp_path: Path) -> None:
    project = await a_project(served, tmp_path)
    for _ in range(2):
        await served.ask(CREATE_RUN, project=project, plan=PLAN)
    batch = (
        "mutation($dry: Boolean!, $key: String) { batchRuns(input: {operation: PAUSE_ALL, dryRun: $dry, "
        "idempotencyKey: $key}) { affectedCount } }"
    )
    await served.ask(batch, dry=True)
    for _ in range(2):
        answer = await served.ask(batch, dry=False, key="key-1")
        assert answer["data"]["batchRuns"] == {"affectedCount": 2}
    numbers = await served.numbers()
    asked = {"operation": "PAUSE_ALL"}
    assert number(numbers, "batch_operations_total", **asked, outcome="complete") == 1
    assert number(numbers, "batch_operations_total", **asked, outcome="partial") is None
    assert number(numbers, "batch_operation_runs_total", **asked, outcome="changed") == 2
    assert number(numbers, "batch_operation_runs_total", **asked, outcome="refused") == 0


async def test_runs_that_go_on_and_end_are_counted(fleet: Fleet) -> None:
    metrics = module.Metrics()
    fleet.db.observer = metrics

    def shown(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"trackside_{name}_total", labels)

    run_id = await fleet.a_run(["a"], ["b"])
    assert (shown("phase_transitions"), shown("runs_ended", status="COMPLETED")) == (1, 0)
    await fleet.finish(run_id, "a")
    await fleet.finish(run_id, "b")
    assert (shown("phase_transitions"), shown("runs_ended", status="COMPLETED")) == (2, 1)
    await fleet.do(commands.runs.archive, run_id=run_id)
    assert [shown("runs_ended", status=status) for status in ("FAILED", "CANCELLED", "ARCHIVED")] == [
        0,
        0,
        None,
    ]


async def test_silence_and_what_waits_for_people_is_counted(fleet: Fleet, clock: Clock) -> None:
    metrics = module.Metrics()
    patience = Patience(timedelta(minutes=30))
    metrics.watch(None, lambda: 0, lambda: fleet.db.read(store.counts.read, patience))  # type: ignore[arg-type]
    await fleet.asking(await fleet.a_run("a"), "a")
    clock.advance(minutes=29)
    run_id = await fleet.a_run("b")
    await fleet.asking(run_id, "b")
    clock.advance(minutes=2)
    await metrics.exposed()

    def shown(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"trackside_{name}", labels)

    assert shown("stale_runs") == 1
    assert (shown("attention_open_items", kind="QUESTION"), shown("attention_open_items", kind="BUDGET")) == (
        2,
        0,
    )
    assert shown("attention_oldest_age_seconds", kind="QUESTION") == 31 * 60
    assert shown("attention_oldest_age_seconds", kind="BUDGET") == 0


async def test_what_agents_do_is_counted(fleet: Fleet) -> None:
    metrics = module.Metrics()
    fleet.db.observer = metrics

    def shown(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"trackside_{name}_total", labels)

    worker = await fleet.working(await fleet.a_run("a"), "a")
    assert (shown("tool_calls", status="FAILED"), shown("tokens", kind="input")) == (0, 0)
    for call, error in (("1", None), ("2", "No such file."), ("3", None)):
        await fleet.report(worker, ToolStarted(call, "Read"), ToolEnded(call, error))
    row = await fleet.worker(worker)
    amounts = Amounts(1, 2, 3, 4, cost=units(Decimal("0.25")))
    report = Report(row.reports + 1, fleet.clock(), Used("chosen-by-an-agent", amounts))
    for _ in range(2):  # of which the second is not taken
        await fleet.send(worker, row.fence, report)
    await fleet.do(commands.workers.report_progress, worker_id=worker, progress=50)
    await fleet.report(worker, ToolStarted("4", "Write"))
    await fleet.exit(worker)
    assert (shown("tool_calls", status="COMPLETED"), shown("tool_calls", status="FAILED")) == (2, 2)
    kinds = ("input", "output", "cache_read", "cache_write")
    assert [shown("tokens", kind=kind) for kind in kinds] == [1, 2, 3, 4]
    assert shown("cost_usd") == 0.25
    text, _ = await metrics.exposed()
    assert b"chosen-by-an-agent" not in text


async def test_stops_of_budgets_are_counted(fleet: Fleet) -> None:
    metrics = module.Metrics()
    fleet.db.observer = metrics

    def shown(scope: str) -> float | None:
        return metrics.registry.get_sample_value("trackside_budget_stops_total", {"scope": scope})

    run = await fleet.a_run("a", budget=5)
    worker = await fleet.working(run, "a")
    assert [shown(scope) for scope in ("RUN", "TASK", "WORKER")] == [0, 0, 0]
    for _ in range(2):
        await fleet.report(worker, Used("m", Amounts(cost=5)))
    assert [shown(scope) for scope in ("RUN", "TASK", "WORKER")] == [1, 0, 0]


async def test_heartbeats_and_new_beginnings_are_counted(fleet: Fleet) -> None:
    metrics = module.Metrics()
    fleet.db.observer = metrics

    def shown(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"trackside_{name}_total", labels)

    run = await fleet.a_run("a", supervisor=COMMAND)
    await fleet.claim()
    (process,) = [one for one in await fleet.live(run) if one.role == Role.ORCHESTRATOR]
    agent = an_actor(Role.ORCHESTRATOR, id=f"orchestrator:{process.id}", run_id=run)
    for _ in range(2):
        await fleet.db.write(commands.supervisors.beat, actor=agent, run_id=run, state=SupervisorState.IDLE)
    assert shown("heartbeats") == 2
    assert (shown("supervisor_restarts", cause="DEATH"), shown("supervisor_restarts", cause="REQUEST")) == (
        0,
        0,
    )
    await fleet.exit(await fleet.up(process.id), 1)
    fleet.clock.advance(seconds=1)
    await fleet.claim()
    await fleet.do(commands.supervisors.restart, run_id=run)
    assert (shown("supervisor_restarts", cause="DEATH"), shown("supervisor_restarts", cause="REQUEST")) == (
        1,
        1,
    )


async def test_transactions_and_batches_are_counted(served: Served) -> None:
    db = served.application._db
    assert db is not None

    def counted(numbers: Any) -> list[float]:
        return [
            number(numbers, "database_transaction_duration_seconds_count", access="read") or 0,
            number(numbers, "database_transaction_duration_seconds_count", access="write") or 0,
            number(numbers, "database_batch_transactions_sum") or 0,
        ]

    before = counted(await served.numbers())
    for _ in range(3):
        await db.write(store.events.head)
    await db.read(store.events.head)
    after = counted(await served.numbers())
    assert [later - earlier for later, earlier in zip(after, before, strict=True)][1:] == [3, 3]
    assert after[0] > before[0]
    assert number(await served.numbers(), "event_loop_lag_seconds_count") is not None


async def test_operations_and_errors_are_counted(served: Served) -> None:
    await served.ask("{ viewer { name } }")
    await served.ask("{ nothing }")
    await served.ask('{ events(after: "nonsense") { edges { cursor } } }')
    numbers = await served.numbers()
    assert number(numbers, "graphql_operations_total", type="query", outcome="complete") == 1
    assert number(numbers, "graphql_operations_total", type="query", outcome="refused") == 1
    assert number(numbers, "graphql_operations_total", type="query", outcome="errors") == 1
    assert number(numbers, "graphql_operation_duration_seconds_count", type="query") == 3
    assert number(numbers, "graphql_errors_total", code="GRAPHQL_VALIDATION_FAILED") == 1
    assert number(numbers, "graphql_errors_total", code="INVALID_INPUT") == 1


async def test_requests_are_counted(served: Served) -> None:
    await served.client.get("/healthz")
    await served.client.get("/elsewhere")
    await served.client.get("/graphql", headers={"host": "evil.example"})
    await served.client.request("BREW", "/graphql")
    numbers = await served.numbers()
    assert number(numbers, "http_requests_total", method="GET", route="/healthz", status="200") == 1
    assert number(numbers, "http_requests_total", method="GET", route="other", status="404") == 1
    assert number(numbers, "http_requests_total", method="GET", route="/graphql", status="421") == 1
    assert number(numbers, "http_requests_total", method="other", route="/graphql", status="405") == 1
    assert number(numbers, "http_request_duration_seconds_count", route="/graphql") == 2
    numbers = await served.numbers()
    assert number(numbers, "http_requests_total", method="GET", route="/metrics", status="200") == 1


async def test_sockets_and_subscriptions_are_counted(served: Served) -> None:
    async with served.socket() as socket:
        stream = socket.subscribe("subscription { telemetry { subscribers } }")
        first: Any = await anext(stream)
        assert first["telemetry"]["subscribers"] == 1
        numbers = await served.numbers()
        assert number(numbers, "websocket_connections") == 1
        assert number(numbers, "graphql_subscriptions") == 1
        assert number(numbers, "graphql_operations_total", type="subscription", outcome="cancelled") is None
    observed = served.application._metrics
    await until(lambda: observed._sockets._value.get() == 0, "the socket's end")
    numbers = await served.numbers()
    assert number(numbers, "graphql_subscriptions") == 0
    assert number(numbers, "websocket_connections_opened_total") == 1
    assert number(numbers, "websocket_connections_closed_total", code="client") == 1
    assert number(numbers, "graphql_operations_total", type="subscription", outcome="cancelled") == 1


async def test_a_socket_that_the_server_closes_is_counted_by_its_code(served: Served) -> None:
    with pytest.raises(Exception, match=r"(?i)token|forbidden|4403"):
        async with await _with_a_wrong_token(served):
            pass
    observed = served.application._metrics
    await until(lambda: observed._sockets._value.get() == 0, "the socket's end")
    assert number(await served.numbers(), "websocket_connections_closed_total", code="4403") == 1


async def _with_a_wrong_token(served: Served) -> Any:
    return await GraphQLSocket.open(served.url, token="wrong")


async def test_a_database_that_does_not_answer_takes_no_number_with_it_but_its_own(served: Served) -> None:
    async def broken() -> Any:
        raise OSError("the disk is gone")

    observed = served.application._metrics
    assert number(await served.numbers(), "runs", status="ACTIVE") == 0
    observed._counts = Paced(broken, keep=0.0)
    numbers = await served.numbers()
    assert number(numbers, "database_up") == 0
    assert number(numbers, "runs", status="ACTIVE") is None
    assert number(numbers, "event_log_position") is not None


async def test_counting_is_shared_for_a_second(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as served:
        await served.numbers()
        await a_project(served, tmp_path)
        db = served.application._db
        assert db is not None
        asked = 0
        real = db.read

        async def counting(function: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal asked
            asked += function is store.counts.read
            return await real(function, *args, **kwargs)

        db.read = counting  # type: ignore[method-assign]
        for _ in range(5):
            await served.numbers()
        assert asked <= 1


# ---------------------------------------------------------------- who may read it


def add_token(tx: Tx, secret: str, role: Role, project_id: str | None) -> None:
    row = TokenRow(
        id=store.ids.new("tok"),
        name="a token",
        role=role,
        digest=store.tokens.digest(secret),
        project_id=project_id,
        created_at=tx.now,
    )
    tx.session.add(row)


async def status(served: Served, token: str | None, **headers: str) -> httpx.Response:
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    async with httpx.AsyncClient(base_url=served.url, trust_env=False) as client:
        return await client.get("/metrics", headers=headers)


async def test_a_token_that_reads_everything_is_needed(served: Served, tmp_path: Path) -> None:
    db = served.application._db
    assert db is not None
    project = await a_project(served, tmp_path)
    await db.write(add_token, "viewer-of-all", Role.VIEWER, None)
    await db.write(add_token, "admin-of-one", Role.ADMIN, project)
    assert (await status(served, "viewer-of-all")).status_code == 200
    assert (await status(served, "viewer-of-all", host="10.1.2.3")).status_code == 200
    for token, expected in ((None, 401), ("wrong", 401), ("admin-of-one", 403)):
        answer = await status(served, token)
        assert answer.status_code == expected
        assert "trackside_" not in answer.text


async def test_it_can_be_made_public(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", metrics_public=True) as served:
        assert "trackside_runs" in (await status(served, None)).text

"""`/metrics` of the whole application: each number moves when a client has something done."""

from pathlib import Path
from typing import Any

import pytest

from app import store
from app.client.socket import GraphQLSocket
from app.domain.attention import AttentionKind
from app.domain.events import EventKind
from app.domain.runs import RunStatus
from app.store.db import Tx
from tests.live.waiting import until
from tests.main.application import CREATE_RUN, PLAN, Served, a_project, number


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

"""What Prometheus reads: every number of this instance, in a registry of its own, at `/metrics`.

Labels take few values: no id and nothing that a client chooses is ever one.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response

from app.domain.attention import AttentionKind
from app.domain.budgets import BudgetScope
from app.domain.events import EventKind
from app.domain.observation import Access, Answer, Observer, Outcome
from app.domain.runs import ENDED, RunStatus
from app.domain.supervisors import RestartCause
from app.domain.tasks import TaskStatus
from app.domain.tools import ToolCallStatus
from app.domain.usage import UNITS
from app.domain.workers import WorkerStatus
from app.live.hub import Bus
from app.live.log import Tail
from app.live.paced import Paced
from app.live.telemetry import Latency
from app.store.counts import Counts

log = logging.getLogger(__name__)

KEEP_SECONDS: Final = 1.0
"""How old the counts of what the database holds may be."""
COUNT_SECONDS: Final = 5.0
"""How long counting may take: the other numbers do not wait for a database that hangs."""
SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LATE: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
TOKENS: Final = {
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read_tokens": "cache_read",
    "cache_write_tokens": "cache_write",
}
_ENDINGS: Final = sorted(ENDED - {RunStatus.ARCHIVED})
BATCHES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which says when it was made


@dataclass(frozen=True, slots=True)
class Described:
    """A metric as the manual shows it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


class Metrics(Observer):
    """Made once an application; `watch` says where the numbers come from that are asked for, not told."""

    def __init__(self, version: str = "") -> None:
        self.registry = CollectorRegistry()
        self.described: list[Described] = []
        self.latency = Latency()
        self._tail: Tail | None = None
        self._subscriptions: Callable[[], int] = lambda: 0
        self._counts: Paced[Counts] | None = None
        self._failing = False
        self._bus: Callable[[], Bus] | None = None
        self._leads: Callable[[], bool] = lambda: False
        self._made_of_the_database()
        self._made_of_the_edge()
        self._made_of_the_log()
        self._made_of_agents()
        self._made_of_servers()
        self._gauge("build_info", "1, labelled with the version that runs.", "version").labels(version).set(1)
        prometheus_client.ProcessCollector(registry=self.registry)
        prometheus_client.PlatformCollector(registry=self.registry)
        prometheus_client.GCCollector(registry=self.registry)

    def watch(
        self, tail: Tail, subscriptions: Callable[[], int], count: Callable[[], Awaitable[Counts]]
    ) -> None:
        self._tail = tail
        self._subscriptions = subscriptions
        self._counts = Paced(count, keep=KEEP_SECONDS)

    def watch_servers(self, bus: Callable[[], Bus], leads: Callable[[], bool]) -> None:
        self._bus, self._leads = bus, leads

    async def exposed(self, accept: str = "") -> tuple[bytes, str]:
        """Every number as text, and the type of the text: OpenMetrics where `accept` asks for it."""
        await self._count()
        self._look_at_the_log()
        self._look_at_servers()
        encode, media_type = choose_encoder(accept)
        return encode(self.registry), media_type

    async def answer(self, request: Request) -> Response:
        text, media_type = await self.exposed(request.headers.get("accept", ""))
        return Response(text, headers={"content-type": media_type, "cache-control": "no-store"})

    # ------------------------------------------------------------------ what there is

    def _made_of_the_database(self) -> None:
        self._runs = self._gauge("runs", "Runs by status.", "status")
        self._tasks = self._gauge("tasks", "Tasks by status.", "status")
        self._workers = self._gauge("workers", "Workers by status.", "status")
        self._stale = self._gauge(
            "stale_runs",
            "Runs that should be getting on and have done nothing for `TRACKSIDE_STALE_AFTER_SECONDS`.",
        )
        self._attention = self._gauge(
            "attention_open_items", "Items that wait for a person, by kind.", "kind"
        )
        self._attention_age = self._gauge(
            "attention_oldest_age_seconds",
            "How long the oldest item of a kind has waited; 0 where none does.",
            "kind",
        )
        self._database_up = self._gauge("database_up", "1 if these counts could be read, 0 if not.")
        self._transactions = self._histogram(
            "database_transaction_duration_seconds",
            "From asking for a transaction to its end, what is read and what is written.",
            SECONDS,
            "access",
        )
        self._batches = self._histogram(
            "database_batch_transactions", "Writes that one commit made durable; SQLite only.", BATCHES
        )

    def _made_of_the_edge(self) -> None:
        self._commands = self._counter(
            "commands", "Requests of clients to change something, by mutation and outcome.", "verb", "outcome"
        )
        self._refusals = self._counter("refusals", "Requests to change something that were refused.", "code")
        self._batch_operations = self._counter(
            "batch_operations",
            "Batches that were carried out: `complete`, or `partial` where a run refused.",
            "operation",
            "outcome",
        )
        self._batch_runs = self._counter(
            "batch_operation_runs", "Runs of those batches: `changed` or `refused`.", "operation", "outcome"
        )
        self._operations = self._counter(
            "graphql_operations", "GraphQL operations that have ended.", "type", "outcome"
        )
        self._operation_seconds = self._histogram(
            "graphql_operation_duration_seconds", "How long queries and mutations took.", SECONDS, "type"
        )
        self._errors = self._counter("graphql_errors", "GraphQL errors that were sent.", "code")
        self._subscribers = self._gauge("graphql_subscriptions", "Subscriptions that are open.")
        self._requests = self._counter(
            "http_requests", "HTTP requests that were answered.", "method", "route", "status"
        )
        self._request_seconds = self._histogram(
            "http_request_duration_seconds", "How long HTTP requests took.", SECONDS, "route"
        )
        self._sockets = self._gauge("websocket_connections", "WebSockets that are open.")
        self._sockets_opened = self._counter("websocket_connections_opened", "WebSockets that were accepted.")
        self._sockets_closed = self._counter(
            "websocket_connections_closed",
            "WebSockets that have ended: the code that the server closed with, or `client`.",
            "code",
        )

    def _made_of_the_log(self) -> None:
        self._appended = self._counter("events_appended", "Events that this instance has committed.", "kind")
        for kind in EventKind:
            self._appended.labels(kind)
        self._phases = self._counter("phase_transitions", "Phases that runs have gone on to.")
        self._ended = self._counter("runs_ended", "Runs that were found to have ended, by how.", "status")
        for status in _ENDINGS:
            self._ended.labels(status)
        self._position = self._gauge("event_log_position", "Position of the newest event that was read.")
        self._ring = self._gauge("event_log_ring_events", "Events that are kept in memory.")
        self._age = self._gauge("event_log_read_age_seconds", "Time since the log was last read.")
        self._followers = self._gauge("event_log_followers", "Readers that are given every event they want.")
        self._queued = self._gauge(
            "event_log_queued_events", "Events that followers have yet to look at, all followers together."
        )
        self._lag = self._histogram(
            "event_loop_lag_seconds", "How late the event loop came to something that was due.", LATE
        )

    def _made_of_agents(self) -> None:
        self._tool_calls = self._counter(
            "tool_calls", "Tool calls of agents that have ended, by how: COMPLETED or FAILED.", "status"
        )
        for status in (ToolCallStatus.COMPLETED, ToolCallStatus.FAILED):
            self._tool_calls.labels(status)
        self._tokens = self._counter("tokens", "Tokens that agents have told of, by kind.", "kind")
        for kind in TOKENS.values():
            self._tokens.labels(kind)
        self._cost = self._counter("cost_usd", "What agents have said that they cost, in US dollars.")
        self._budget_stops = self._counter(
            "budget_stops",
            "How often a budget has paused something or kept it from starting, by whose.",
            "scope",
        )
        for scope in BudgetScope:
            self._budget_stops.labels(scope)
        self._heartbeats = self._counter("heartbeats", "Heartbeats of agents that look after runs.")
        self._restarts = self._counter(
            "supervisor_restarts",
            "Times that what looks after a run began again: DEATH of its process, or on REQUEST.",
            "cause",
        )
        for cause in RestartCause:
            self._restarts.labels(cause)

    def _made_of_servers(self) -> None:
        self._connected = self._gauge(
            "bus_connected",
            "1 while wake-ups of other servers come through, 0 while the log is polled.",
            "kind",
        )
        self._leading = self._gauge("leads", "1 on the server that gives tasks to hosts, 0 on the others.")

    # ------------------------------------------------------------------ what is told

    def transaction(self, access: Access, seconds: float) -> None:
        self.latency.transaction(access, seconds)
        self._transactions.labels(access).observe(seconds)

    def batch(self, size: int) -> None:
        self._batches.observe(size)

    def appended(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        for kind, data in events:
            self._appended.labels(kind).inc()
            self._supervised(kind, data)
            if kind == EventKind.PHASE_CHANGED:
                self._phases.inc()
            elif kind == EventKind.RUN_STATUS_CHANGED and data["new"] in _ENDINGS:
                self._ended.labels(data["new"]).inc()
            elif kind == EventKind.TOOL_COMPLETED:
                ended = ToolCallStatus.COMPLETED if data["success"] else ToolCallStatus.FAILED
                self._tool_calls.labels(ended).inc()
            elif kind == EventKind.WORKER_REPORTED and data.get("usage"):
                for name, number in data["usage"].items():
                    if name in TOKENS:
                        self._tokens.labels(TOKENS[name]).inc(number)
                self._cost.inc(data["usage"]["cost"] / UNITS)
            elif kind == EventKind.ATTENTION_OPENED and data.get("asks") == AttentionKind.BUDGET:
                self._budget_stops.labels(data["scope"]).inc()

    def _supervised(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind == EventKind.HEARTBEAT_RECEIVED:
            self._heartbeats.inc()
        elif kind == EventKind.SUPERVISOR_STATE_CHANGED and data["restart"] is not None:
            self._restarts.labels(data["restart"]).inc()

    def lag(self, seconds: float) -> None:
        self._lag.observe(seconds)

    def command(self, verb: str, outcome: Outcome, code: str | None = None) -> None:
        self._commands.labels(verb, outcome).inc()
        if code is not None:
            self._refusals.labels(code).inc()

    def batch_operation(self, operation: str, changed: int, refused: int) -> None:
        self._batch_operations.labels(operation, "partial" if refused else "complete").inc()
        for outcome, number in (("changed", changed), ("refused", refused)):
            self._batch_runs.labels(operation, outcome).inc(number)

    def operation(self, kind: str, outcome: Answer, seconds: float) -> None:
        self._operations.labels(kind, outcome).inc()
        if kind != "subscription":
            self._operation_seconds.labels(kind).observe(seconds)

    def error(self, code: str) -> None:
        self._errors.labels(code).inc()

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, status).inc()
        self._request_seconds.labels(route).observe(seconds)

    def socket_opened(self) -> None:
        self._sockets.inc()
        self._sockets_opened.inc()

    def socket_closed(self, code: int | None) -> None:
        self._sockets.dec()
        self._sockets_closed.labels("client" if code is None else code).inc()

    # ------------------------------------------------------------------ what is asked for

    async def _count(self) -> None:
        if self._counts is None:
            return
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                found = await self._counts.get()
        except Exception as error:
            if not self._failing:
                log.warning("metrics without counts: %s", str(error) or type(error).__name__)
            self._failing = True
            self._database_up.set(0)
            for gauge in (self._runs, self._tasks, self._workers, self._attention, self._attention_age):
                gauge.clear()  # no number is better than one that has been wrong for hours
            self._stale.set(math.nan)
            return
        self._failing = False
        self._database_up.set(1)
        _show(self._runs, RunStatus, found.runs)
        _show(self._tasks, TaskStatus, found.tasks)
        _show(self._workers, WorkerStatus, found.workers)
        self._stale.set(found.stale_runs)
        _show(self._attention, AttentionKind, found.open_attention)
        ages = {kind: age.total_seconds() for kind, age in found.attention_age.items()}
        _show(self._attention_age, AttentionKind, ages)

    def _look_at_the_log(self) -> None:
        self._subscribers.set(self._subscriptions())
        if self._tail is None:
            return
        self._position.set(self._tail.head)
        self._ring.set(self._tail.ring_size)
        self._age.set(self._tail.lag)
        self._followers.set(self._tail.followers)
        self._queued.set(self._tail.queued)

    def _look_at_servers(self) -> None:
        self._leading.set(self._leads())
        if self._bus is not None:
            bus = self._bus()
            self._connected.labels(bus.kind).set(bus.connected)

    # ------------------------------------------------------------------ making them

    def _counter(self, name: str, help: str, *labels: str) -> Counter:
        self._describe(f"{name}_total", "counter", help, labels)
        return Counter(f"trackside_{name}", help, labels, registry=self.registry)

    def _gauge(self, name: str, help: str, *labels: str) -> Gauge:
        self._describe(name, "gauge", help, labels)
        return Gauge(f"trackside_{name}", help, labels, registry=self.registry)

    def _histogram(self, name: str, help: str, buckets: Sequence[float], *labels: str) -> Histogram:
        self._describe(name, "histogram", help, labels)
        return Histogram(f"trackside_{name}", help, labels, registry=self.registry, buckets=buckets)

    def _describe(self, name: str, kind: str, help: str, labels: tuple[str, ...]) -> None:
        self.described.append(Described(f"trackside_{name}", kind, labels, help))


def _show(gauge: Gauge, statuses: Iterable[StrEnum], counts: Mapping[str, float]) -> None:
    for status in statuses:
        gauge.labels(status).set(counts.get(status, 0))

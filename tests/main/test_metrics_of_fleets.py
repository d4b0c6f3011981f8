"""The numbers of what agents and their runs do: each moves when the thing happens."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app import commands, store
from app.domain.access import Role
from app.domain.reports import Report, ToolEnded, ToolStarted, Used
from app.domain.runs import Patience
from app.domain.supervisors import SupervisorState
from app.domain.usage import Amounts, units
from app.web.metrics import Metrics
from tests.commands.supervising import heartbeat
from tests.conftest import Clock
from tests.factories import COMMAND, an_actor
from tests.fleet import Fleet


@pytest.fixture
def metrics(fleet: Fleet) -> Metrics:
    """Of what the fleet does."""
    fleet.db.observer = found = Metrics()
    return found


def shown(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"trackside_{name}", labels)


def each(metrics: Metrics, name: str, label: str, *values: str) -> list[float | None]:
    return [shown(metrics, name, **{label: value}) for value in values]


async def test_runs_that_go_on_and_end_are_counted(fleet: Fleet, metrics: Metrics) -> None:
    run_id = await fleet.a_run(["a"], ["b"])
    assert (
        shown(metrics, "phase_transitions_total"),
        shown(metrics, "runs_ended_total", status="COMPLETED"),
    ) == (1, 0)
    await fleet.finish(run_id, "a")
    await fleet.finish(run_id, "b")
    assert (
        shown(metrics, "phase_transitions_total"),
        shown(metrics, "runs_ended_total", status="COMPLETED"),
    ) == (2, 1)
    await fleet.do(commands.runs.archive, run_id=run_id)
    assert each(metrics, "runs_ended_total", "status", "FAILED", "CANCELLED", "ARCHIVED") == [0, 0, None]


async def test_silence_and_what_waits_for_people_is_counted(
    fleet: Fleet, metrics: Metrics, clock: Clock
) -> None:
    patience = Patience(timedelta(minutes=30))
    metrics.watch(None, lambda: 0, lambda: fleet.db.read(store.counts.read, patience))  # type: ignore[arg-type]
    await fleet.asking(await fleet.a_run("a"), "a")
    clock.advance(minutes=29)
    run_id = await fleet.a_run("b")
    await fleet.asking(run_id, "b")
    clock.advance(minutes=2)
    await metrics.exposed()
    assert shown(metrics, "stale_runs") == 1
    assert each(metrics, "attention_open_items", "kind", "QUESTION", "BUDGET") == [2, 0]
    assert shown(metrics, "attention_oldest_age_seconds", kind="QUESTION") == 31 * 60
    assert shown(metrics, "attention_oldest_age_seconds", kind="BUDGET") == 0


async def test_what_agents_do_is_counted(fleet: Fleet, metrics: Metrics) -> None:
    worker = await fleet.working(await fleet.a_run("a"), "a")
    assert (
        shown(metrics, "tool_calls_total", status="FAILED"),
        shown(metrics, "tokens_total", kind="input"),
    ) == (0, 0)
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
    assert each(metrics, "tool_calls_total", "status", "COMPLETED", "FAILED") == [2, 2]
    kinds = ("input", "output", "cache_read", "cache_write")
    assert each(metrics, "tokens_total", "kind", *kinds) == [1, 2, 3, 4]
    assert shown(metrics, "cost_usd_total") == 0.25
    text, _ = await metrics.exposed()
    assert b"chosen-by-an-agent" not in text


async def test_stops_of_budgets_are_counted(fleet: Fleet, metrics: Metrics) -> None:
    run = await fleet.a_run("a", budget=5)
    worker = await fleet.working(run, "a")
    assert each(metrics, "budget_stops_total", "scope", "RUN", "TASK", "WORKER") == [0, 0, 0]
    for _ in range(2):
        await fleet.report(worker, Used("m", Amounts(cost=5)))
    assert each(metrics, "budget_stops_total", "scope", "RUN", "TASK", "WORKER") == [1, 0, 0]


async def test_heartbeats_and_new_beginnings_are_counted(fleet: Fleet, metrics: Metrics) -> None:
    run = await fleet.a_run("a", supervisor=COMMAND)
    await fleet.claim()
    (process,) = [one for one in await fleet.live(run) if one.role == Role.ORCHESTRATOR]
    agent = an_actor(Role.ORCHESTRATOR, id=f"orchestrator:{process.id}", run_id=run)
    for _ in range(2):
        await heartbeat(fleet, run, agent, SupervisorState.IDLE)
    assert shown(metrics, "heartbeats_total") == 2
    assert each(metrics, "supervisor_restarts_total", "cause", "DEATH", "REQUEST") == [0, 0]
    await fleet.exit(await fleet.up(process.id), 1)
    fleet.clock.advance(seconds=1)
    await fleet.claim()
    await fleet.do(commands.supervisors.restart, run_id=run)
    assert each(metrics, "supervisor_restarts_total", "cause", "DEATH", "REQUEST") == [1, 1]

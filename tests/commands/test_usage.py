"""Tokens and money: each report counts once, at every place where it is summed up, and to the last digit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app import commands, store
from app.domain import usage
from app.domain.events import EventKind
from app.domain.reports import Report, Used
from app.domain.usage import Amounts, UsageGroup, UsageInterval, dollars, units
from app.store.usage import Bucket, UsageFilter
from tests.conftest import Clock
from tests.fleet import Fleet

EVERYTHING = UsageFilter()


def used(input: int = 0, cost: str = "0", *, model: str = "m-1") -> Used:
    return Used(model, Amounts.reported({"input_tokens": input}, Decimal(cost)))


async def buckets(
    fleet: Fleet,
    group: UsageGroup,
    only: UsageFilter = EVERYTHING,
    interval: UsageInterval | None = None,
    most: int = 100,
) -> list[Bucket]:
    return await fleet.db.read(store.usage.buckets, only, group, interval, most)


async def by(fleet: Fleet, group: UsageGroup, only: UsageFilter = EVERYTHING) -> dict[str, int]:
    return {bucket.key: bucket.amounts.input_tokens for bucket in await buckets(fleet, group, only)}


async def sums(fleet: Fleet, *owners: str) -> list[int | None]:
    found = await fleet.db.read(store.usage.sums_of, owners)
    return [amounts.input_tokens if amounts is not None else None for amounts in found.values()]


async def test_what_is_told_is_added_to_the_worker_the_task_and_the_run(fleet: Fleet) -> None:
    run = await fleet.a_run("a", "b")
    worker, other = await fleet.working(run, "a"), await fleet.working(run, "b")
    await fleet.report(worker, used(100, "0.1"), used(20, "0.2"))
    await fleet.report(other, used(3))
    tasks = await fleet.tasks(run)
    assert await sums(fleet, worker, other, tasks["a"].id, tasks["b"].id, run) == [120, 3, 120, 3, 123]
    row = await fleet.run(run)
    assert row.cost == units(Decimal("0.3"))
    found = await fleet.db.read(store.usage.sums_of, [run])
    assert found[run] == Amounts(input_tokens=123, cost=row.cost)


async def test_a_report_that_comes_twice_counts_once(fleet: Fleet) -> None:
    run = await fleet.a_run("a")
    worker = await fleet.working(run, "a")
    row = await fleet.worker(worker)
    first = Report(row.reports + 1, fleet.clock(), used(100, "0.5"))
    second = Report(row.reports + 2, fleet.clock(), used(10))
    assert await fleet.send(worker, row.fence, first) == first.n
    assert await fleet.send(worker, row.fence, first, second) == second.n
    assert await fleet.send(worker, row.fence, first, second) == second.n
    assert await sums(fleet, worker, run) == [110, 110]
    assert await by(fleet, UsageGroup.WORKER) == {worker: 110}
    await fleet.exit(worker)
    told = [row.data["usage"]["input_tokens"] for row in await fleet.events(EventKind.WORKER_REPORTED)]
    assert told == [100, 10]


async def test_a_second_attempt_adds_to_its_task(fleet: Fleet, clock: Clock) -> None:
    run = await fleet.a_run("a", plan=None)
    first = await fleet.working(run, "a")
    await fleet.report(first, used(100))
    await fleet.exit(first, 1)
    await fleet.do(commands.tasks.retry, task_id=(await fleet.task(run, "a")).id)
    second = await fleet.working(run, "a")
    assert second != first
    await fleet.report(second, used(11))
    assert await sums(fleet, first, second, (await fleet.task(run, "a")).id) == [100, 11, 111]


async def test_money_is_added_up_exactly(fleet: Fleet) -> None:
    run = await fleet.a_run("a")
    worker = await fleet.working(run, "a")
    await fleet.report(worker, *(used(cost="0.1") for _ in range(30)), used(cost="0.0000000001"))
    (bucket,) = await buckets(fleet, UsageGroup.RUN)
    assert dollars(bucket.amounts.cost) == Decimal("3.0000000001")
    assert sum([0.1] * 30) != 3.0, "which binary fractions would not have done"


async def test_what_nobody_told_of_is_not_nothing(fleet: Fleet) -> None:
    run = await fleet.a_run("a")
    worker = await fleet.working(run, "a")
    assert await sums(fleet, worker, run) == [None, None]
    await fleet.report(worker, used(model="m-9"))
    assert await sums(fleet, worker, run) == [None, None]
    assert (await fleet.worker(worker)).model == "m-9"
    assert await fleet.events(EventKind.WORKER_REPORTED) == []


async def test_everything_is_told_by_what_one_likes(fleet: Fleet) -> None:
    ours, theirs = await fleet.a_project("ours"), await fleet.a_project("theirs")
    run = await fleet.a_run(["a"], ["b < a"], project_id=ours)
    first = await fleet.working(run, "a")
    await fleet.report(first, used(1), used(2, model="m-2"))
    await fleet.exit(first)
    second = await fleet.working(run, "b")
    await fleet.report(second, used(4))
    spawned = await fleet.do(
        commands.workers.spawn, run_id=run, runtime={"kind": "command", "argv": ["true"]}
    )
    beside = spawned.refs["worker"]
    await fleet.claim()
    await fleet.up(beside)
    await fleet.report(beside, used(8))
    other = await fleet.a_run("a", project_id=theirs)
    third = await fleet.working(other, "a")
    await fleet.report(third, used(16))

    tasks, elsewhere = await fleet.tasks(run), await fleet.task(other, "a")
    assert await by(fleet, UsageGroup.PROJECT) == {ours: 15, theirs: 16}
    assert await by(fleet, UsageGroup.RUN) == {run: 15, other: 16}
    assert await by(fleet, UsageGroup.PHASE) == {
        tasks["a"].phase_id: 3,
        tasks["b"].phase_id: 4,
        elsewhere.phase_id: 16,
        "": 8,
    }
    assert await by(fleet, UsageGroup.TASK) == {tasks["a"].id: 3, tasks["b"].id: 4, elsewhere.id: 16, "": 8}
    assert await by(fleet, UsageGroup.WORKER) == {first: 3, second: 4, beside: 8, third: 16}
    assert await by(fleet, UsageGroup.MODEL) == {"m-1": 29, "m-2": 2}
    assert await by(fleet, UsageGroup.DAY) == {fleet.clock().date().isoformat(): 31}
    assert await by(fleet, UsageGroup.MODEL, UsageFilter(project_id=ours)) == {"m-1": 13, "m-2": 2}
    assert await by(fleet, UsageGroup.WORKER, UsageFilter(run_id=other)) == {third: 16}
    assert await by(fleet, UsageGroup.MODEL, UsageFilter(task_id=tasks["a"].id)) == {"m-1": 1, "m-2": 2}
    assert await by(fleet, UsageGroup.MODEL, UsageFilter(worker_id=second)) == {"m-1": 4}
    assert (await fleet.db.read(store.usage.of_project, ours)).input_tokens == 15
    assert (await fleet.db.read(store.usage.of_project, None)).input_tokens == 31


async def at(fleet: Fleet, worker: str, moment: datetime, *bodies: Used) -> None:
    row = await fleet.worker(worker)
    reports = [Report(row.reports + n, moment, body) for n, body in enumerate(bodies, 1)]
    await fleet.send(worker, row.fence, *reports)


async def test_hours_and_days_are_told_apart_newest_first(fleet: Fleet, clock: Clock) -> None:
    run = await fleet.a_run("a")
    worker = await fleet.working(run, "a")
    midnight = (clock() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    clock.advance(seconds=timedelta(days=3).total_seconds())
    await at(fleet, worker, midnight - timedelta(seconds=1), used(1, "3"))
    await at(fleet, worker, midnight, used(2, "1"), used(4, "2", model="m-2"))
    await at(fleet, worker, midnight + timedelta(minutes=59), used(8))
    await at(fleet, worker, midnight + timedelta(minutes=60), used(16))

    def plain(found: list[Bucket]) -> list[tuple[str, Any, int]]:
        return [(one.key, one.start and one.start - midnight, one.amounts.input_tokens) for one in found]

    hour, day = timedelta(hours=1), timedelta(days=1)
    assert plain(await buckets(fleet, UsageGroup.MODEL, interval=UsageInterval.HOUR)) == [
        ("m-1", hour, 16),
        ("m-2", timedelta(), 4),
        ("m-1", timedelta(), 10),
        ("m-1", -hour, 1),
    ]
    days = [(midnight.date().isoformat(), timedelta(), 30), ((midnight - day).date().isoformat(), -day, 1)]
    assert plain(await buckets(fleet, UsageGroup.DAY)) == days
    assert plain(await buckets(fleet, UsageGroup.DAY, most=1)) == days[:1]
    assert plain(await buckets(fleet, UsageGroup.RUN, interval=UsageInterval.DAY)) == [
        (run, timedelta(), 30),
        (run, -day, 1),
    ]
    assert plain(await buckets(fleet, UsageGroup.RUN)) == [(run, None, 31)]
    since = UsageFilter(since=midnight + timedelta(minutes=30))
    assert await by(fleet, UsageGroup.RUN, since) == {run: 30}
    assert await by(fleet, UsageGroup.RUN, UsageFilter(until=midnight)) == {run: 1}
    assert await by(fleet, UsageGroup.RUN, UsageFilter(until=midnight + timedelta(seconds=1))) == {run: 15}


async def test_a_clock_that_is_wrong_puts_nothing_before_its_worker_or_after_now(
    fleet: Fleet, clock: Clock
) -> None:
    run = await fleet.a_run("a")
    worker = await fleet.working(run, "a")
    began = clock()
    clock.advance(seconds=7200)
    await at(fleet, worker, datetime(1990, 1, 1, tzinfo=UTC), used(1))
    await at(fleet, worker, datetime(2990, 1, 1, tzinfo=UTC), used(2))
    found = await buckets(fleet, UsageGroup.RUN, interval=UsageInterval.HOUR)
    hours = [(began + timedelta(hours=hours)).replace(minute=0, second=0, microsecond=0) for hours in (2, 0)]
    assert [(one.start, one.amounts.input_tokens) for one in found] == [(hours[0], 2), (hours[1], 1)]


async def test_an_agent_that_names_a_model_each_time_does_not_fill_the_table(fleet: Fleet) -> None:
    run = await fleet.a_run("a")
    worker = await fleet.working(run, "a")
    await fleet.report(worker, *(used(1, model=f"m-{n}") for n in range(usage.MODELS + 5)))
    await fleet.report(worker, used(1, model="m-0"), used(1, model="  "), used(1, model="x\x00" * 1000))
    found = await by(fleet, UsageGroup.MODEL)
    assert len(found) == usage.MODELS + 1
    assert (found["m-0"], found["other"]) == (2, 7)
    assert len((await fleet.worker(worker)).model or "") == 200


@pytest.mark.parametrize("number", [-5, 2**53 - 1])
async def test_what_cannot_be_true_is_cut_and_holds_up_nothing(fleet: Fleet, number: int) -> None:
    run = await fleet.a_run("a")
    worker = await fleet.working(run, "a")
    await fleet.report(worker, used(number, str(number)), used(7))
    most = 0 if number < 0 else usage.MOST_TOKENS_AT_ONCE
    assert await sums(fleet, worker) == [most + 7]
    assert (await fleet.run(run)).cost == (0 if number < 0 else usage.MOST_COST_AT_ONCE)


def test_sums_stop_where_they_can_still_be_told() -> None:
    full = Amounts(input_tokens=usage.MOST_TOKENS, cost=usage.MOST_COST)
    assert full + Amounts(1, 1, cost=1) == Amounts(usage.MOST_TOKENS, 1, cost=usage.MOST_COST)
    assert dollars(units(Decimal("1234567.0000000001"))) == Decimal("1234567.0000000001")
    assert format(dollars(units(Decimal("100"))), "f") == "100"


async def test_what_was_used_goes_with_a_run_that_is_deleted(fleet: Fleet) -> None:
    run = await fleet.a_run("a")
    worker = await fleet.working(run, "a")
    await fleet.report(worker, used(1))
    await fleet.db.write(lambda tx: store.runs.delete(tx, store.runs.get(tx, run)))
    assert await by(fleet, UsageGroup.RUN) == {}
    assert await sums(fleet, worker, run) == [None, None]

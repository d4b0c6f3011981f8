"""A talkative agent is told of once a second at most; nothing of it is lost, and all of it is told before its end."""

import pytest

from app.commands import usage_reports
from app.domain.events import EventKind
from app.domain.reports import Exited, Used
from app.domain.usage import Amounts
from app.domain.workers import ExitReason
from app.engine import usage
from tests.conftest import Clock
from tests.fleet import Fleet


def used(tokens: int) -> Used:
    return Used("m-1", Amounts(tokens))


async def told(fleet: Fleet) -> list[int]:
    return [row.data["usage"]["input_tokens"] for row in await fleet.events(EventKind.WORKER_REPORTED)]


async def a_worker(fleet: Fleet) -> str:
    return await fleet.working(await fleet.a_run("a"), "a")


async def test_the_first_is_told_at_once_and_the_next_ones_together(fleet: Fleet, clock: Clock) -> None:
    worker = await a_worker(fleet)
    await fleet.report(worker, used(1))
    for tokens in (2, 4, 8):
        clock.advance(milliseconds=300)
        await fleet.report(worker, used(tokens))
    assert await told(fleet) == [1]
    clock.advance(milliseconds=100)
    await fleet.report(worker, used(16))
    assert await told(fleet) == [1, 30]


async def test_who_says_nothing_more_is_told_of_a_second_later(fleet: Fleet, clock: Clock) -> None:
    worker = await a_worker(fleet)
    await fleet.report(worker, used(1), used(2))
    clock.advance(milliseconds=999)
    assert await usage.run_once(fleet.db) == 0
    clock.advance(milliseconds=1)
    assert await usage.run_once(fleet.db) == 1
    assert await usage.run_once(fleet.db) == 0
    assert await told(fleet) == [1, 2]


@pytest.mark.parametrize("end", [Exited(ExitReason.EXITED, exit_code=0), Exited(ExitReason.RUNNER_LOST)])
async def test_the_last_is_told_before_the_end(fleet: Fleet, end: Exited) -> None:
    worker = await a_worker(fleet)
    await fleet.report(worker, used(1), used(2), used(4), end)
    assert await told(fleet) == [1, 6]
    kinds = [row.kind for row in await fleet.events() if row.worker_id == worker]
    assert kinds[-2:] == [EventKind.WORKER_REPORTED, EventKind.WORKER_STATUS_CHANGED]


async def test_a_variant_that_drops_what_it_does_not_tell_is_caught(
    fleet: Fleet, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_reports, "Amounts", lambda **_kept: Amounts())
    with pytest.raises(AssertionError):
        await test_the_first_is_told_at_once_and_the_next_ones_together(fleet, clock)

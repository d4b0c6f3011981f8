"""The hub over the buses that there are, and what it does when they go away under it."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from broadcaster import Broadcast

from app.live import hub
from app.live.hub import Bus, Hub
from tests.conftest import new_database
from tests.live.test_hub import Air, Backend
from tests.live.waiting import until
from tests.redis_server import RedisServer


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


Stop = Callable[[], None]


@pytest.fixture(params=["redis", pytest.param("postgresql", marks=pytest.mark.postgres)])
def bus(request: pytest.FixtureRequest) -> Iterator[tuple[str, Stop]]:
    """The address of a bus, and what cuts off everybody who is on it."""
    if request.param == "redis":
        redis: RedisServer = request.getfixturevalue("redis")

        def restart() -> None:
            redis.stop()
            redis.start()

        yield redis.url, restart
        return
    server: psycopg.Connection[Any] = request.getfixturevalue("postgresql_server")
    with new_database(server) as url:

        def cut_off() -> None:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (url.rpartition("/")[2],),
            )

        yield url, cut_off


def hub_on(url: str, **terms: Any) -> Hub:
    return Hub(url, patience=2.0, probe=0.2, **terms)


@asynccontextmanager
async def two_hubs(url: str) -> AsyncIterator[tuple[Hub, Hub]]:
    async with hub_on(url) as one, hub_on(url) as other:
        await until(lambda: one.connected and other.connected)
        yield one, other


async def reaches(speaker: Hub, listener: Hub) -> None:
    with listener.bell() as bell:
        bell.clear()
        speaker.wake()
        async with asyncio.timeout(5):
            await bell.wait()


async def test_wake_ups_go_both_ways(bus: tuple[str, Stop]) -> None:
    async with two_hubs(bus[0]) as (one, other):
        await reaches(one, other)
        await reaches(other, one)
        assert one.state == Bus(bus[0].partition(":")[0], True, 0)


async def test_a_bus_that_was_cut_off_is_found_again_and_said_so_once(
    bus: tuple[str, Stop], caplog: pytest.LogCaptureFixture
) -> None:
    url, cut_off = bus
    caplog.set_level(logging.INFO, logger="app.live.hub")
    async with two_hubs(url) as (one, other):
        await asyncio.to_thread(cut_off)
        await until(lambda: one.state.outages == 1 and other.state.outages == 1)
        await until(lambda: one.connected and other.connected)
        await reaches(one, other)
        await reaches(other, one)
    said = [record.getMessage() for record in caplog.records if record.name == "app.live.hub"]
    assert sum("no wake-ups between servers" in line for line in said) == 2, said
    assert sum("work again" in line for line in said) == 2, said
    assert not [record for record in caplog.records if record.name == "asyncio"]


async def test_a_bus_that_is_not_there_at_the_start_is_warned_of_and_taken_when_it_comes(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    redis.stop()
    async with hub_on(redis.url) as found:
        await until(lambda: "no wake-ups between servers" in caplog.text)
        assert not found.connected
        await asyncio.to_thread(redis.start)
        await until(lambda: found.connected)


async def test_a_bus_that_takes_messages_and_delivers_none_is_no_bus(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As broadcaster is with redis-py from 8.0 on."""

    class Swallowing(Backend):
        async def publish(self, channel: str, message: Any) -> None:
            self.air.sent += 1

    async with Hub("test://", dial=lambda _: Broadcast(backend=Swallowing(Air())), patience=0.1) as found:
        await until(lambda: "a message to itself did not come back" in caplog.text)
        assert not found.connected
        assert found.state.outages == 1


async def many_failures(url: str, dial: Callable[[str], Broadcast]) -> None:
    dials = 0

    def counting(url: str) -> Broadcast:
        nonlocal dials
        dials += 1
        return dial(url)

    async with hub_on(url, dial=counting):
        await until(lambda: dials > 10)
    gc.collect()


async def test_failed_attempts_leave_nothing_running(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hub, "LAST_RETRY", 0.01)
    redis.stop()
    await many_failures(redis.url, hub.dial)
    assert "Task was destroyed" not in caplog.text
    await many_failures(redis.url, Broadcast)
    assert "Task was destroyed" in caplog.text, "broadcaster's own way is the flaw"

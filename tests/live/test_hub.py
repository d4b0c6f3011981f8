import asyncio
from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from broadcaster import Broadcast, BroadcastBackend, Event

from app.domain.errors import AppError, ErrorCode
from app.live.hub import Hub
from tests.live.waiting import until


class Air:
    """What several processes share: every backend that is tuned in hears every message."""

    def __init__(self) -> None:
        self.backends: list[Backend] = []
        self.sent = 0


class Backend(BroadcastBackend):
    def __init__(self, air: Air) -> None:
        self.air = air
        self.heard: asyncio.Queue[Event | Exception] = asyncio.Queue()

    async def connect(self) -> None:
        self.air.backends.append(self)

    async def disconnect(self) -> None:
        self.air.backends.remove(self)

    async def subscribe(self, group: str) -> None:
        await asyncio.sleep(0)

    async def unsubscribe(self, group: str) -> None:
        await asyncio.sleep(0)

    async def publish(self, channel: str, message: Any) -> None:
        await asyncio.sleep(0)
        self.air.sent += 1
        for backend in self.air.backends:
            backend.heard.put_nowait(Event(channel, message))

    async def next_published(self) -> Event:
        item = await self.heard.get()
        if isinstance(item, Exception):
            raise item
        return item


def tuned_to(air: Air) -> Callable[[str], Broadcast]:
    return lambda _url: Broadcast(backend=Backend(air))


def hub_on(air: Air, kind: type[Hub] = Hub) -> Hub:
    return kind("test://", dial=tuned_to(air), patience=0.2, probe=0.05)


async def rings(bell: asyncio.Event) -> None:
    async with asyncio.timeout(5):
        await bell.wait()


async def test_a_wake_up_from_a_thread_rings_here_without_any_bus() -> None:
    def no_bus(url: str) -> Broadcast:
        raise ConnectionRefusedError(url)

    async with Hub("test://", dial=no_bus) as hub:
        with hub.bell() as bell:
            await rings(bell)  # a bus that is away is treated as if it had called
            bell.clear()
            thread = Thread(target=hub.wake)
            thread.start()
            await rings(bell)
            thread.join()


async def test_a_wake_up_reaches_the_other_process_and_does_not_come_back() -> None:
    air = Air()
    async with hub_on(air) as one, hub_on(air) as other:
        await until(lambda: one.connected and other.connected)
        with one.bell() as own, other.bell() as theirs:
            one.wake()
            await rings(theirs)
            own.clear()
            theirs.clear()
            heard = air.sent
            await until(lambda: air.sent > heard + 4)  # its own probes, and the other's, go by
            theirs.clear()
            one.wake()
            await rings(theirs)


async def test_own_messages_do_not_ring_twice() -> None:
    air = Air()
    async with hub_on(air) as hub:
        await until(lambda: hub.connected)
        with hub.bell() as bell:
            heard = air.sent
            await until(lambda: air.sent > heard + 3)
            assert not bell.is_set()


async def test_many_commits_make_few_messages() -> None:
    air = Air()
    async with hub_on(air) as hub:
        await until(lambda: hub.connected)
        before = air.sent
        for _ in range(1000):
            hub.wake()
        with hub.bell() as bell:
            await rings(bell)
        await until(lambda: air.sent > before)
        assert air.sent - before < 5


class Trusting(Hub):
    """The flaw: believes that a listener lives as long as nobody says otherwise, as broadcaster does."""

    async def _listen(self, arrivals: Any) -> None:
        while True:
            event = await arrivals.get()
            self.connected = True
            if event.message != self._me:
                self._ring()


async def hears_again_after_its_listener_died(kind: type[Hub]) -> None:
    air = Air()
    async with hub_on(air, kind) as deaf:
        await until(lambda: deaf.connected)
        air.backends[0].heard.put_nowait(ConnectionResetError("the bus went away"))
        async with hub_on(air) as other:
            await until(lambda: other.connected)
            # broadcaster does not close a bus whose listener has died
            await until(lambda: len(air.backends) == 3, "a second attempt", seconds=2)
            await until(lambda: deaf.connected)
            with deaf.bell() as bell:
                other.wake()
                await rings(bell)


async def test_a_dead_listener_is_found_and_replaced() -> None:
    await hears_again_after_its_listener_died(Hub)


async def test_the_flaw_of_trusting_the_listener_is_caught() -> None:
    with pytest.raises(AssertionError, match="a second attempt"):
        await hears_again_after_its_listener_died(Trusting)


async def test_a_bus_that_cannot_publish_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    air = Air()

    class Mute(Backend):
        async def publish(self, channel: str, message: Any) -> None:
            raise ConnectionResetError("cannot speak")

    async with Hub(dial=lambda _: Broadcast(backend=Mute(air))) as hub:
        with hub.bell() as bell:
            await rings(bell)
            bell.clear()
            hub.wake()
            await rings(bell)
        await until(lambda: "cannot speak" in caplog.text)
    assert not hub.connected


async def test_a_bus_that_never_answers_does_not_hold_up_the_end() -> None:
    asked = asyncio.Event()

    class Hanging(Backend):
        async def subscribe(self, group: str) -> None:
            asked.set()
            await asyncio.Event().wait()

    async with asyncio.timeout(5):
        async with hub_on(Air()), Hub(dial=lambda _: Broadcast(backend=Hanging(Air()))):
            await asked.wait()


async def test_waking_before_the_start_and_after_the_end_does_nothing() -> None:
    hub = Hub()
    hub.wake()
    async with hub:
        hub.wake()
    hub.wake()


@pytest.mark.parametrize("url", ["pigeon://post", "nonsense", ""])
async def test_an_address_no_bus_can_have_is_refused_at_once(url: str) -> None:
    with pytest.raises(AppError) as refusal:
        async with Hub(url):
            pass
    assert refusal.value.code is ErrorCode.INVALID_INPUT

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from app import store
from app.domain.events import EventKind
from app.domain.observation import Observer
from app.live import telemetry as module
from app.live.hub import Hub
from app.live.log import Tail
from app.live.paced import Paced
from app.live.telemetry import Latency, Probes, Telemetry
from app.store.db import Database, Tx
from tests.live.waiting import take, until


@pytest.fixture
async def tail(sqlite_db: Database) -> AsyncIterator[Tail]:
    async with Hub() as hub, Tail(sqlite_db, hub) as tail:
        sqlite_db.on_commit = hub.wake
        yield tail
        sqlite_db.on_commit = lambda: None


class Counted:
    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> int:
        self.asked += 1
        return self.asked


async def test_a_sample_says_how_the_process_is(tail: Tail) -> None:
    probes = Probes(database_latency=lambda: 0.25, subscribers=lambda: 7, processes=lambda: 3)
    async with Telemetry(tail, probes) as telemetry:
        sample = await telemetry.sample()
    assert (sample.subscribers, sample.processes, sample.database_latency) == (7, 3, 0.25)
    assert 1_000_000 < sample.rss_bytes < 100_000_000_000
    assert sample.cpu_percent >= 0


async def test_many_subscribers_cost_one_look(tail: Tail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEP", 60.0)
    processes, subscribers = Counted(), Counted()
    async with Telemetry(tail, Probes(processes=processes, subscribers=subscribers)) as telemetry:
        streams = [telemetry.follow(1.0) for _ in range(100)]
        samples = await asyncio.gather(*(anext(stream) for stream in streams))
        assert len({id(sample) for sample in samples}) == 1
    assert (processes.asked, subscribers.asked) == (1, 1)


async def test_a_follower_gets_a_new_sample_each_time(tail: Tail) -> None:
    async with Telemetry(tail, Probes()) as telemetry:
        began = time.monotonic()
        samples = await take(telemetry.follow(0.0), 3)
    assert len({sample.at for sample in samples}) == 3
    assert time.monotonic() - began >= 2 * module.SHORTEST, "the interval was taken as it was given"


async def test_a_loop_that_is_held_up_is_noticed(tail: Tail) -> None:
    heard: list[float] = []

    class Ear(Observer):
        def lag(self, seconds: float) -> None:
            heard.append(seconds)

    async with Telemetry(tail, Probes(), Ear()) as telemetry:
        await until(lambda: heard, "the first tick")
        until_now = len(heard)
        time.sleep(2 * module.TICK)  # noqa: ASYNC251 - what is looked for
        await until(lambda: len(heard) > until_now, "the late tick")
        assert heard[until_now] >= module.TICK * 0.9
        assert telemetry.loop_lag >= heard[until_now]
        assert (await telemetry.sample()).loop_lag >= module.TICK * 0.9


def test_the_latency_is_a_mean_since_it_was_last_asked() -> None:
    latency = Latency()
    assert latency.take() == 0
    latency.transaction("read", 1.0)
    latency.transaction("write", 3.0)
    assert latency.take() == 2.0
    assert latency.take() == 2.0, "nothing has happened, so nothing has changed"
    latency.transaction("read", 5.0)
    assert latency.take() == 5.0


def say(tx: Tx, times: int = 1) -> None:
    for _ in range(times):
        store.events.append(tx, EventKind.PIPELINE_CHANGED, paused=False, reason=None)


async def test_what_a_follower_has_yet_to_look_at_is_queued(tail: Tail, sqlite_db: Database) -> None:
    stream = tail.follow()
    first = asyncio.ensure_future(anext(stream))
    await until(lambda: tail.followers, "a follower")
    assert tail.queued == 0
    await sqlite_db.write(say, 5)
    await first
    assert tail.queued == 4
    await anext(stream)
    assert tail.queued == 3
    rest = asyncio.ensure_future(take(stream, 4))
    await until(lambda: tail.queued == 0, "the follower to be done")
    rest.cancel()
    await asyncio.wait({rest})
    await stream.aclose()  # type: ignore[attr-defined]
    await sqlite_db.write(say, 5)
    assert tail.queued == 0


# ---------------------------------------------------------------- paced


async def test_what_is_known_is_not_asked_for_again() -> None:
    asked = Counted()

    async def ask() -> int:
        return asked()

    slow, quick = Paced(ask, keep=60.0), Paced(ask, keep=0.0)
    assert [await slow.get() for _ in range(3)] == [1, 1, 1]
    assert await quick.get() == 2
    await until(lambda: quick._known is not None and quick._known[1] < asyncio.get_running_loop().time())
    assert await quick.get() == 3


async def test_asking_takes_a_twentieth_of_the_time_at_most() -> None:
    async def ask() -> None:
        time.sleep(0.05)  # noqa: ASYNC251 - stands for a slow answer

    paced = Paced(ask, keep=0.0)
    await paced.get()
    assert paced._known is not None
    assert paced._known[1] - asyncio.get_running_loop().time() > 0.9


async def test_who_is_cancelled_does_not_take_the_answer_from_others() -> None:
    asked, release = asyncio.Event(), asyncio.Event()

    async def ask() -> str:
        asked.set()
        await release.wait()
        return "known"

    paced = Paced(ask, keep=1.0)
    first, second = asyncio.ensure_future(paced.get()), asyncio.ensure_future(paced.get())
    await asked.wait()
    first.cancel()
    release.set()
    assert await second == "known"


async def test_a_failure_is_not_kept() -> None:
    answers = iter([OSError("first"), "second"])

    async def ask() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    paced = Paced(ask, keep=60.0)
    with pytest.raises(OSError, match="first"):
        await paced.get()
    assert await paced.get() == "second"

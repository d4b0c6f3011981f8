"""How this process is doing: one look at it for everybody who asks, however many they are."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

import psutil

from app.domain.observation import NOBODY, Access, Observer
from app.live.log import Tail
from app.live.paced import Paced

SHORTEST: Final = 0.25
"""Seconds between two samples that a subscriber gets, at least."""
LONGEST: Final = 60.0
USUAL: Final = 1.0
KEEP: Final = 0.2
"""A little less than the shortest interval, so that nobody gets the same sample twice."""
TICK: Final = 0.1
"""How often it is looked whether the event loop is late."""
LATEST: Final = 10
"""So many ticks make the last second."""


class Latency(Observer):
    """The mean of the transactions since it was last asked, or the mean before where there was none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._seconds = 0.0
        self._mean = 0.0

    def transaction(self, access: Access, seconds: float) -> None:
        with self._lock:
            self._count += 1
            self._seconds += seconds

    def take(self) -> float:
        with self._lock:
            if self._count:
                self._mean = self._seconds / self._count
            self._count, self._seconds = 0, 0.0
            return self._mean


@dataclass(frozen=True, slots=True)
class Probes:
    """Where the numbers come from that this module cannot know. `processes` may take a while: it is called in a thread."""

    database_latency: Callable[[], float] = lambda: 0.0
    subscribers: Callable[[], int] = lambda: 0
    processes: Callable[[], int] = lambda: 0


@dataclass(frozen=True, slots=True)
class Sample:
    """`cpu_percent` is of one processor; `loop_lag` and `database_latency` are seconds."""

    at: datetime
    cpu_percent: float
    rss_bytes: int
    loop_lag: float
    subscribers: int
    queued_events: int
    database_latency: float
    processes: int


class Telemetry:
    """Runs as an async context manager: from then on it knows how late the event loop is."""

    def __init__(self, tail: Tail, probes: Probes, observer: Observer = NOBODY) -> None:
        self._tail = tail
        self._probes = probes
        self._observer = observer
        self._process = psutil.Process()
        self._lags: deque[float] = deque([0.0], maxlen=LATEST)
        self._watch: asyncio.Task[None] | None = None
        self._processes = Paced(self._count_processes, keep=1.0)
        self._samples = Paced(self._look, keep=KEEP)

    @property
    def loop_lag(self) -> float:
        """The worst of the last second."""
        return max(self._lags)

    async def sample(self) -> Sample:
        """The process as it is now, or was a moment ago."""
        return await self._samples.get()

    async def follow(self, interval: float) -> AsyncIterator[Sample]:
        """A sample now, and another each time so many seconds have gone by."""
        rest = min(max(interval, SHORTEST), LONGEST)
        while True:
            yield await self.sample()
            await asyncio.sleep(rest)

    async def __aenter__(self) -> Self:
        self._process.cpu_percent()  # the first answer is always 0: it says what happened since the one before
        self._watch = asyncio.create_task(self._look_for_lag(), name="telemetry")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait({self._watch})

    async def _look(self) -> Sample:
        processes = await self._processes.get()
        with self._process.oneshot():
            cpu_percent, rss = self._process.cpu_percent(), self._process.memory_info().rss
        return Sample(
            at=datetime.now(UTC),
            cpu_percent=cpu_percent,
            rss_bytes=rss,
            loop_lag=self.loop_lag,
            subscribers=self._probes.subscribers(),
            queued_events=self._tail.queued,
            database_latency=self._probes.database_latency(),
            processes=processes,
        )

    async def _count_processes(self) -> int:
        return await asyncio.to_thread(self._probes.processes)

    async def _look_for_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK
            await asyncio.sleep(TICK)
            lag = max(0.0, loop.time() - due)
            self._lags.append(lag)
            self._observer.lag(lag)

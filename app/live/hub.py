"""Says "the log grew" in this process and to every other one; the only user of broadcaster, which loses messages.

A wake-up carries no data, so a lost one costs only time: whoever waits also reads the log by the clock.
"""

import asyncio
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self
from urllib.parse import urlsplit

from broadcaster import Broadcast, Event

from app.domain.errors import AppError, ErrorCode

log = logging.getLogger(__name__)

CHANNEL: Final = "trackside"
PATIENCE: Final = 5.0
"""How long a bus may take to answer before it counts as dead."""
PROBE: Final = 5.0
"""How often a quiet process sends a message to itself: broadcaster does not tell when its listener has died."""
FAREWELL: Final = 1.0
"""How long each step of leaving a bus may take."""
FIRST_RETRY: Final = 0.1
LAST_RETRY: Final = 5.0

KINDS: Final = {
    "memory": "memory",
    "redis": "redis",
    "rediss": "redis",
    "postgres": "postgresql",
    "postgresql": "postgresql",
}
"""What carries wake-ups, by the scheme of its address. What else broadcaster knows keeps messages, and fills up."""


@dataclass(frozen=True, slots=True)
class Bus:
    """How the bus is, for those who watch: a dead one costs latency and nothing else."""

    kind: str
    connected: bool
    outages: int


class Broadcaster(Broadcast):
    """Lets go of everything it has started, and of what its tasks have died of; broadcaster's own leaves both behind."""

    async def disconnect(self) -> None:
        started = (getattr(self, "_listener_task", None), getattr(self._backend, "_listener", None))
        tasks = [task for task in started if isinstance(task, asyncio.Task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._backend.disconnect()


def dial(url: str) -> Broadcast:
    """A bus that nobody has connected yet; ValueError for an address that none can have."""
    address = urlsplit(url)
    if address.scheme not in KINDS:
        raise ValueError(f"its address begins with none of {', '.join(f'{kind}://' for kind in KINDS)}")
    _ = address.port  # looked at by nobody else before a connection is tried
    return Broadcaster(url)


class Arrivals(Protocol):
    async def get(self) -> Event: ...


class Hub:
    """Runs as an async context manager. A dead bus is logged and tried again; it never fails its users."""

    def __init__(
        self,
        url: str = "memory://",
        *,
        dial: Callable[[str], Broadcast] = dial,
        patience: float = PATIENCE,
        probe: float = PROBE,
    ) -> None:
        self._url = url
        self._dial = dial
        self._patience = patience
        self._probe = probe
        self._me = secrets.token_hex(8)
        self._bells: set[asyncio.Event] = set()
        self._unsent = asyncio.Event()
        self._noted = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self.connected = False
        """Whether other processes can be heard at the moment."""
        self._outages = 0
        self._deaf_since: float | None = None

    @property
    def state(self) -> Bus:
        scheme = urlsplit(self._url).scheme
        return Bus(KINDS.get(scheme, scheme), self.connected, self._outages)

    def wake(self) -> None:
        """Note that the log grew. Callable from any thread; cannot block or fail; many calls make one wake-up."""
        loop = self._loop
        if loop is None or self._noted:
            return
        self._noted = True
        try:
            loop.call_soon_threadsafe(self._take_note)
        except RuntimeError:
            self._noted = False  # the loop is closed: nobody is left to be told

    @contextmanager
    def bell(self) -> Iterator[asyncio.Event]:
        """An event that is set by every wake-up. Clear it before reading the log, never after."""
        bell = asyncio.Event()
        self._bells.add(bell)
        try:
            yield bell
        finally:
            self._bells.discard(bell)

    async def __aenter__(self) -> Self:
        """AppError for an address that no bus can have."""
        try:
            self._dial(self._url)
        except (ValueError, ImportError, AssertionError) as error:
            raise AppError(
                ErrorCode.INVALID_INPUT,
                f"There is no way to carry wake-ups over {self._url.partition(':')[0]!r}: {error}.",
                suggestion="Use memory:// for a single server, redis://HOST or postgresql://USER@HOST/NAME for several.",
            ) from error
        except Exception as error:
            log.debug("the bus is not there yet: %s", error)
        self._loop = asyncio.get_running_loop()
        self._noted = False
        self._supervisor = asyncio.create_task(self._supervise(), name="hub")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop = None
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait({self._supervisor})

    def _take_note(self) -> None:
        self._noted = False  # before the bells: a wake-up from here on must not be taken for this one
        self._ring()
        self._unsent.set()

    def _ring(self) -> None:
        for bell in self._bells:
            bell.set()

    async def _supervise(self) -> None:
        """Keep one connection to the bus, whatever happens to it."""
        delay = FIRST_RETRY
        while True:
            try:
                await self._converse()
            except Exception as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise asyncio.CancelledError from error  # broadcaster turns a cancellation into a KeyError
                self._note_outage(_reason(error))
            if self.connected:
                self.connected = False
                delay = FIRST_RETRY
            self._ring()  # something may have been said while nobody listened
            # not all servers at once, after an outage that all of them have seen
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(delay * 2, LAST_RETRY)

    def _note_outage(self, why: str) -> None:
        """Say so once, however often it is tried again."""
        if self._deaf_since is not None:
            log.debug("still no wake-ups between servers: %s", why)
            return
        self._deaf_since = asyncio.get_running_loop().time()
        self._outages += 1
        log.warning("no wake-ups between servers: %s; the log is polled, and the bus tried again", why)

    def _note_delivery(self) -> None:
        self.connected = True
        if self._deaf_since is None:
            log.info("wake-ups between servers work (%s)", self.state.kind)
            return
        seconds = asyncio.get_running_loop().time() - self._deaf_since
        self._deaf_since = None
        log.warning("wake-ups between servers work again (%s), after %.1f s", self.state.kind, seconds)

    async def _converse(self) -> None:
        """Connect, subscribe once, then listen and speak until either fails."""
        broadcast = self._dial(self._url)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(_leave, broadcast.disconnect)
            async with asyncio.timeout(self._patience):
                await broadcast.connect()
                subscription = broadcast.subscribe(CHANNEL)
                arrivals = await subscription.__aenter__()
            stack.push_async_callback(_leave, lambda: subscription.__aexit__(None, None, None))
            await _first_to_fail(self._listen(arrivals), self._speak(broadcast))

    async def _listen(self, arrivals: Arrivals) -> None:
        """Ring for every message of another process; fail when not even our own come back.

        The first to come back proves delivery: some servers and versions take every message and deliver none.
        """
        while True:
            try:
                async with asyncio.timeout(self._patience + (self._probe if self.connected else 0.0)):
                    event = await arrivals.get()
            except TimeoutError:
                raise TimeoutError("a message to itself did not come back") from None
            if not self.connected:
                self._note_delivery()
            if event.message != self._me:
                self._ring()

    async def _speak(self, broadcast: Broadcast) -> None:
        """Send one message for all commits since the last one, never two at a time."""
        while True:
            self._unsent.clear()
            try:
                async with asyncio.timeout(self._patience):
                    await broadcast.publish(CHANNEL, self._me)
            except TimeoutError:
                raise TimeoutError("a message could not be sent in time") from None
            with suppress(TimeoutError):
                async with asyncio.timeout(self._probe):
                    await self._unsent.wait()


def _reason(error: Exception) -> str:
    """For people. A subscription that is cut off ends with a KeyError, whatever it was."""
    if isinstance(error, KeyError) or not str(error):
        return f"the bus does not answer ({type(error).__name__})"
    return str(error).splitlines()[0]


async def _leave(step: Callable[[], Awaitable[object]]) -> None:
    """Leaving a broken bus may raise anything, or never return."""
    with suppress(Exception):
        async with asyncio.timeout(FAREWELL):
            await step()


async def _first_to_fail(*endless: Coroutine[None, None, None]) -> None:
    """Not a TaskGroup: up to Python 3.12 that leaves its parent marked as cancelled when a child fails."""
    tasks = [asyncio.ensure_future(one) for one in endless]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

"""Says "the log grew" in this process and to every other one; the only user of broadcaster, which loses messages.

A wake-up carries no data, so a lost one costs only time: whoever waits also reads the log by the clock.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from types import TracebackType
from typing import Final, Protocol, Self

from broadcaster import Broadcast, Event

from app.domain.errors import AppError, ErrorCode

log = logging.getLogger(__name__)

CHANNEL: Final = "trackside"
PATIENCE: Final = 5.0
"""How long a bus may take to answer before it counts as dead."""
PROBE: Final = 5.0
"""How often a quiet process sends a message to itself: broadcaster does not tell when its listener has died."""
FAREWELL: Final = 1.0
"""How long leaving a bus may take."""
FIRST_RETRY: Final = 0.1
LAST_RETRY: Final = 10.0


class Arrivals(Protocol):
    async def get(self) -> Event: ...


class Hub:
    """Runs as an async context manager. A dead bus is logged and tried again; it never fails its users."""

    def __init__(
        self,
        url: str = "memory://",
        *,
        dial: Callable[[str], Broadcast] = Broadcast,
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
                suggestion="Use memory:// for a single server.",
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
                level = logging.WARNING if self.connected or delay == FIRST_RETRY else logging.DEBUG
                log.log(
                    level,
                    "no wake-ups between processes (%s); the log is polled",
                    str(error) or type(error).__name__,
                )
            if self.connected:
                self.connected = False
                delay = FIRST_RETRY
            self._ring()  # something may have been said while nobody listened
            await asyncio.sleep(delay)
            delay = min(delay * 2, LAST_RETRY)

    async def _converse(self) -> None:
        """Connect, subscribe once, then listen and speak until either fails."""
        broadcast = self._dial(self._url)
        stack = AsyncExitStack()
        try:
            async with asyncio.timeout(self._patience):
                stack.push_async_callback(broadcast.disconnect)
                await broadcast.connect()
                arrivals = await stack.enter_async_context(broadcast.subscribe(CHANNEL))
            await _first_to_fail(self._listen(arrivals), self._speak(broadcast))
        finally:
            # leaving a broken bus may raise anything, or never return
            with suppress(Exception):
                async with asyncio.timeout(FAREWELL):
                    await stack.aclose()

    async def _listen(self, arrivals: Arrivals) -> None:
        """Ring for every message of another process; fail when not even our own come back."""
        while True:
            async with asyncio.timeout(self._probe + self._patience):
                event = await arrivals.get()
            if not self.connected:
                self.connected = True
                log.info("wake-ups between processes work")
            if event.message != self._me:
                self._ring()

    async def _speak(self, broadcast: Broadcast) -> None:
        """Send one message for all commits since the last one, never two at a time."""
        while True:
            self._unsent.clear()
            async with asyncio.timeout(self._patience):
                await broadcast.publish(CHANNEL, self._me)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._probe):
                    await self._unsent.wait()


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

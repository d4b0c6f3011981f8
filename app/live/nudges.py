"""Wake-ups for bulk that is not in the event log: "something about this worker grew", in this process only."""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from typing import Final

REMEMBERED: Final = 4096


class Nudges:
    """Remembers the latest nudge of a bounded number of workers, so that one between a read and a wait is not lost.

    Other processes do not hear a nudge: every wait has to end by the clock as well.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._count = 0
        self._latest: OrderedDict[str, int] = OrderedDict()
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        self._loop = None
        for worker_id in list(self._waiting):
            self._wake(worker_id)

    def nudge(self, worker_id: str) -> None:
        """Callable from any thread; cannot block or fail."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                loop.call_soon_threadsafe(self._take, worker_id)

    def latest(self, worker_id: str) -> int:
        """The number of this worker's latest nudge. Ask before reading, and give it to `nudged` afterwards."""
        return self._latest.get(worker_id, 0)

    async def nudged(self, worker_id: str, *, timeout: float, seen: int | None = None) -> int:
        """Wait for a nudge later than `seen`, or for the clock; the answer is the next `seen`."""
        if seen is None or self.latest(worker_id) <= seen:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            waiting = self._waiting.setdefault(worker_id, set())
            waiting.add(future)
            try:
                async with asyncio.timeout(timeout):
                    await future
            except TimeoutError:
                pass
            finally:
                waiting.discard(future)
                if not waiting and self._waiting.get(worker_id) is waiting:
                    del self._waiting[worker_id]
        return self.latest(worker_id)

    def _take(self, worker_id: str) -> None:
        self._count += 1
        self._latest[worker_id] = self._count
        self._latest.move_to_end(worker_id)
        if len(self._latest) > self._remembered:
            self._latest.popitem(last=False)
        self._wake(worker_id)

    def _wake(self, worker_id: str) -> None:
        for future in self._waiting.pop(worker_id, ()):
            if not future.done():
                future.set_result(None)

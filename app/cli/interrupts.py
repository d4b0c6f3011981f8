"""Signals that ask us to end: counted, so that what was started can be ended first."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from app.cli.exit_codes import ExitCode

T = TypeVar("T")

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """A signal came while something was under way that can simply be given up."""


class Interrupts:
    """A context manager inside the running loop. `count` is how many signals have come so far."""

    def __init__(self) -> None:
        self.count = 0
        self._first: signal.Signals | None = None
        self._more = asyncio.Event()
        self._handled: list[signal.Signals] = []

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.INTERRUPTED if self._first is signal.SIGINT else ExitCode.TERMINATED

    async def beyond(self, count: int) -> int:
        """Wait until more than `count` signals have come, and return how many there are."""
        while self.count <= count:
            self._more.clear()
            await self._more.wait()
        return self.count

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something that the next signal cancels: Interrupted is raised once it has cleared up."""
        task = asyncio.create_task(work)
        waiting = asyncio.create_task(self.beyond(self.count))
        try:
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
                raise Interrupted
            return task.result()
        finally:
            task.cancel()
            waiting.cancel()

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
                loop.add_signal_handler(number, self._came, number)
                self._handled.append(number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in self._handled:
            loop.remove_signal_handler(number)

    def _came(self, number: signal.Signals) -> None:
        self.count += 1
        self._first = self._first or number
        self._more.set()

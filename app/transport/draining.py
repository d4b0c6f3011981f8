"""Knows what is under way, so that a server can stop taking work and finish what it has."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from app.transport.refusals import Refused, TransportCode


def going_away() -> Refused:
    return Refused(
        503,
        TransportCode.UNAVAILABLE,
        "The server is going away.",
        suggestion="Try again in a moment.",
        headers={"retry-after": "1", "connection": "close"},
    )


class Drain:
    """Counts requests; once it is begun, lets in no more."""

    def __init__(self) -> None:
        self.begun = False
        self.under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def request(self) -> Iterator[None]:
        if self.begun:
            raise going_away()
        self.under_way += 1
        self._idle.clear()
        try:
            yield
        finally:
            self.under_way -= 1
            if not self.under_way:
                self._idle.set()

    def begin(self) -> None:
        self.begun = True

    async def finished(self) -> None:
        """Wait until the last request has been answered."""
        await self._idle.wait()

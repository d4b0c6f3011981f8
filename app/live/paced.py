"""What is expensive to find out is found out once for everybody who asks, and not too often."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Final, Generic, TypeVar

T = TypeVar("T")

SHARE: Final = 20
"""Asking takes one part in so many of the time, at most."""


class Paced(Generic[T]):
    """Answers with what it found `keep` seconds ago, or longer where finding out takes long.

    Whoever asks while it is being found out waits for the same answer. What fails is not kept.
    """

    def __init__(self, find_out: Callable[[], Awaitable[T]], *, keep: float) -> None:
        self._find_out = find_out
        self._keep = keep
        self._asking: asyncio.Task[T] | None = None
        self._known: tuple[T, float] | None = None

    async def get(self) -> T:
        if self._known is not None and asyncio.get_running_loop().time() < self._known[1]:
            return self._known[0]
        if self._asking is None:
            # in a context of its own: it is not done for the first who asks alone
            self._asking = asyncio.create_task(self._ask(), context=Context())
        # whoever is cancelled while waiting does not take the answer from the others
        return await asyncio.shield(self._asking)

    async def _ask(self) -> T:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            found = await self._find_out()
        finally:
            self._asking = None
        ended = loop.time()
        self._known = (found, max(began + self._keep, ended + (ended - began) * (SHARE - 1)))
        return found

"""Waits that end."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

T = TypeVar("T")


async def until(condition: Callable[[], Any], what: str = "the condition", seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        await asyncio.sleep(0.001)


async def take(stream: AsyncIterator[T], count: int, seconds: float = 10.0) -> list[T]:
    async with asyncio.timeout(seconds):
        return [await anext(stream) for _ in range(count)]

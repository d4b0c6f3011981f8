"""A subscriber that keeps everything it has seen and can be waited for."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Self

from tests.e2e.served import Client

EVENTS = """
subscription($after: Cursor) {
  events(after: $after) {
    __typename id cursor actor
    ... on RunStatusChanged { newRunStatus reason }
    ... on PhaseChanged { newPhase }
    ... on TaskStatusChanged { newTaskStatus task { key } }
    ... on WorkerStatusChanged { newWorkerStatus worker { id } }
    ... on AttentionOpened { item { id title } }
    ... on AttentionClosed { item { id } }
    ... on CommandChanged { command { id verb status } }
    ... on DagMutated { version }
    ... on PipelineChanged { paused }
    ... on SupervisorStateChanged { newState reason }
    ... on SupervisorRestored { step detail questions { id } tasks { key } }
  }
}
"""

Event = dict[str, Any]


class Followed:
    """Follows the log from `after` on. `until` answers with the first event that matches, past or future."""

    def __init__(self, client: Client, *, after: str | None = "0") -> None:
        self._client = client
        self._after = after
        self._grown = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None
        self.events: list[Event] = []

    async def __aenter__(self) -> Self:
        subscribed = asyncio.Event()
        self._reader = asyncio.create_task(self._read(subscribed))
        await subscribed.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._reader is not None
        self._reader.cancel()
        await asyncio.wait([self._reader])

    async def until(self, wanted: Callable[[Event], bool], *, since: int = 0, seconds: float = 30) -> Event:
        async with asyncio.timeout(seconds), self._grown:
            while True:
                for event in self.events[since:]:
                    if wanted(event):
                        return event
                assert self._reader is not None
                if self._reader.done():
                    self._reader.result()
                await self._grown.wait()

    async def _read(self, subscribed: asyncio.Event) -> None:
        async with self._client.socket() as socket:
            subscribed.set()
            async with aclosing(socket.subscribe(EVENTS, {"after": self._after})) as events:
                async for data in events:
                    async with self._grown:
                        self.events.append(data["events"])
                        self._grown.notify_all()


def task(key: str, status: str) -> Callable[[Event], bool]:
    return lambda event: (
        event["__typename"] == "TaskStatusChanged"
        and event["task"]["key"] == key
        and event["newTaskStatus"] == status
    )


def worker(worker_id: str, *statuses: str) -> Callable[[Event], bool]:
    return lambda event: (
        event["__typename"] == "WorkerStatusChanged"
        and event["worker"]["id"] == worker_id
        and event["newWorkerStatus"] in statuses
    )


def run(status: str) -> Callable[[Event], bool]:
    return lambda event: event["__typename"] == "RunStatusChanged" and event["newRunStatus"] == status


def supervisor(state: str) -> Callable[[Event], bool]:
    return lambda event: event["__typename"] == "SupervisorStateChanged" and event["newState"] == state


def command(command_id: str, status: str) -> Callable[[Event], bool]:
    return lambda event: (
        event["__typename"] == "CommandChanged"
        and event["command"]["id"] == command_id
        and event["command"]["status"] == status
    )

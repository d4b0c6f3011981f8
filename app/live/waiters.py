"""Who waits for which facts, found by the fact: an event wakes those it concerns and costs the others nothing."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from app.live.ring import seq_of
from app.store.events import Filter
from app.store.tables import EventRow

Key = tuple[str, str | None]
ALL: Final[Key] = ("", None)


@dataclass(eq=False, slots=True)
class Waiter:
    """Waits for the first event past `after` that it wants; its future gets that event's place and number."""

    only: Filter
    after: int
    future: asyncio.Future[tuple[int, int]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def wants(self, event: EventRow) -> bool:
        return seq_of(event) > self.after and self.only.matches(event)


class Waiters:
    """An index by the narrowest thing a filter names."""

    def __init__(self) -> None:
        self._by_key: dict[Key, set[Waiter]] = {}

    async def wait(self, only: Filter, after: int) -> tuple[int, int]:
        """The place and number of the next event that is announced, wanted and past `after`."""
        waiter = Waiter(only, after)
        keys = _keys_of_filter(only)
        for key in keys:
            self._by_key.setdefault(key, set()).add(waiter)
        try:
            return await waiter.future
        finally:
            for key in keys:
                waiting = self._by_key[key]
                waiting.discard(waiter)
                if not waiting:
                    del self._by_key[key]

    def announce(self, events: Iterable[EventRow], first_place: int) -> None:
        if not self._by_key:
            return
        for place, event in enumerate(events, first_place):
            for key in _keys_of_event(event):
                for waiter in self._by_key.get(key, ()):
                    if not waiter.future.done() and waiter.wants(event):
                        waiter.future.set_result((place, seq_of(event)))

    def fail(self, make_error: type[Exception]) -> None:
        """Wake everybody with an error of their own."""
        for waiting in self._by_key.values():
            for waiter in waiting:
                if not waiter.future.done():
                    waiter.future.set_exception(make_error())


def _keys_of_filter(only: Filter) -> list[Key]:
    for name, wanted in (
        ("worker", only.worker_ids),
        ("task", only.task_ids),
        ("run", only.run_ids),
        ("kind", only.kinds),
    ):
        if wanted is not None:
            return [(name, value) for value in wanted]
    return [ALL if only.project_id is None else ("project", only.project_id)]


def _keys_of_event(event: EventRow) -> tuple[Key, ...]:
    return (
        ("worker", event.worker_id),
        ("task", event.task_id),
        ("run", event.run_id),
        ("kind", event.kind),
        ("project", event.project_id),
        ALL,
    )

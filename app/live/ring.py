"""The newest part of the log in memory, so that a thousand followers cost one read."""

from bisect import bisect_right
from collections.abc import Sequence

from app.store.tables import EventRow


def seq_of(event: EventRow) -> int:
    assert event.seq is not None, "only committed events are read"
    return event.seq


class Ring:
    """Holds every event in (floor, head], at most `size` of them.

    A place is a running number that stays with an event while older ones are dropped, so a reader holds a number
    and never a list. The events are shared by all readers and must not be changed.
    """

    def __init__(self, size: int, start: int) -> None:
        self._size = size
        self._events: list[EventRow] = []
        self._dropped = 0
        self.floor = start
        self.head = start

    def __len__(self) -> int:
        return len(self._events)

    @property
    def end(self) -> int:
        """The place of the next event."""
        return self._dropped + len(self._events)

    def extend(self, events: Sequence[EventRow]) -> None:
        self._events.extend(events)
        self.head = seq_of(events[-1])
        surplus = len(self._events) - self._size
        if surplus > 0:
            self.floor = seq_of(self._events[surplus - 1])
            del self._events[:surplus]
            self._dropped += surplus

    def place_after(self, seq: int) -> int:
        """The place of the first event past `seq`, which must not lie before the floor."""
        return self._dropped + bisect_right(self._events, seq, key=seq_of)

    def at(self, place: int) -> EventRow | None:
        """The event at this place; None where there is none yet, or none any more."""
        index = place - self._dropped
        return self._events[index] if 0 <= index < len(self._events) else None

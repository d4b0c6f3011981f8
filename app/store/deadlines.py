"""How long an operation waits for its first write to begin. Once one has begun, the operation goes on to its end."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from app.domain.errors import AppError, ErrorCode

Held = TypeVar("Held")
T = TypeVar("T")


class Deadline:
    """Settles between the operation, which gives up, and a database thread, which begins, who was first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = False
        self._over = False

    def begin(self) -> None:
        """Called in the transaction before it does anything. AppError where the operation has been given up."""
        with self._lock:
            if self._over:
                raise AppError(ErrorCode.UNAVAILABLE, "The operation was given up before it had begun.")
            self._begun = True

    def give_up(self) -> bool:
        """Whether nothing has begun: then nothing will. Otherwise nothing changes."""
        with self._lock:
            self._over = not self._begun
            return self._over


_CURRENT: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


@contextmanager
def held_to_one() -> Iterator[Deadline]:
    """What is written inside begins before the deadline is given up, or not at all."""
    deadline = Deadline()
    token = _CURRENT.set(deadline)
    try:
        yield deadline
    finally:
        _CURRENT.reset(token)


def in_time(run: Callable[[Held], T]) -> Callable[[Held], T]:
    """The same function, which heeds the deadline of whoever asks for it now."""
    deadline = _CURRENT.get()
    if deadline is None:
        return run

    def begun(held: Held) -> T:
        deadline.begin()
        return run(held)

    return begun

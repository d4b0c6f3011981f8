"""What happens inside that somebody outside may want to count: the inner layers tell it here, and know nobody who listens."""

from collections.abc import Sequence
from typing import Literal

Access = Literal["read", "write"]


class Observer:
    """Hears of everything and does nothing with it. Called from any thread; must not block, and never fails its callers."""

    def transaction(self, access: Access, seconds: float) -> None:
        """A transaction has ended, so long after it was asked for."""

    def batch(self, size: int) -> None:
        """So many writes were committed at once."""

    def appended(self, kinds: Sequence[str]) -> None:
        """Events of these kinds were committed."""

    def lag(self, seconds: float) -> None:
        """The event loop came so late to something that was due."""


class Observers(Observer):
    """Tells each of several."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def transaction(self, access: Access, seconds: float) -> None:
        for one in self._observers:
            one.transaction(access, seconds)

    def batch(self, size: int) -> None:
        for one in self._observers:
            one.batch(size)

    def appended(self, kinds: Sequence[str]) -> None:
        for one in self._observers:
            one.appended(kinds)

    def lag(self, seconds: float) -> None:
        for one in self._observers:
            one.lag(seconds)


NOBODY = Observer()

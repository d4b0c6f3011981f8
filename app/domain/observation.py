"""What happens inside that somebody outside may want to count: the inner layers tell it here, and know nobody who listens."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

Access = Literal["read", "write"]
Outcome = Literal["carried_out", "repeated", "rehearsed", "refused", "failed"]
Answer = Literal["complete", "errors", "refused", "cancelled"]


class Observer:
    """Hears of everything and does nothing with it. Called from any thread; must not block, and never fails its callers."""

    def transaction(self, access: Access, seconds: float) -> None:
        """A transaction has ended, so long after it was asked for."""

    def batch(self, size: int) -> None:
        """So many writes were committed at once."""

    def appended(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Events of these kinds, with this to say, were committed."""

    def lag(self, seconds: float) -> None:
        """The event loop came so late to something that was due."""

    def command(self, verb: str, outcome: Outcome, code: str | None = None) -> None:
        """A client's request to change something has been answered; `code` says why it was refused."""

    def batch_operation(self, operation: str, changed: int, refused: int) -> None:
        """The same was asked of many runs at once: so many were changed, so many refused."""

    def operation(self, kind: str, outcome: Answer, seconds: float) -> None:
        """A GraphQL operation has ended."""

    def error(self, code: str) -> None:
        """A GraphQL error was sent."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """An HTTP request was answered."""

    def socket_opened(self) -> None:
        """A WebSocket was accepted."""

    def socket_closed(self, code: int | None) -> None:
        """One that was accepted has ended; None where the client ended it."""


NOBODY = Observer()

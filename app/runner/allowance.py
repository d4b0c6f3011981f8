"""How much log one worker may keep, and how much of it may wait for a server."""

from dataclasses import dataclass
from enum import Enum, auto

MAX_LOG_BYTES = 64 * 1024 * 1024
MAX_WAITING_BYTES = 8 * 1024 * 1024


class Verdict(Enum):
    KEEP = auto()
    DROP = auto()
    LAST = auto()  # drop, and say that the log ends here


@dataclass(slots=True)
class _Dropped:
    lines: int = 0
    bytes: int = 0

    def add(self, size: int, lines: int) -> None:
        self.lines += lines
        self.bytes += size

    def take(self) -> str:
        words = f"{self.lines} lines ({self.bytes} bytes)"
        self.lines = self.bytes = 0
        return words


class Allowance:
    """Oldest kept, newest dropped; whatever is dropped is counted and told."""

    def __init__(self, *, log_bytes: int = MAX_LOG_BYTES, waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        self._log_bytes = log_bytes
        self._waiting_bytes = waiting_bytes
        self._kept = 0
        self._over = _Dropped()
        self._unsent = _Dropped()
        self.full = False

    def admit(self, size: int, waiting: int) -> Verdict:
        """`size` is that of the line as it is stored and sent: encoded; `waiting` what is not accepted yet."""
        if self.full or self._kept + size > self._log_bytes:
            verdict = Verdict.DROP if self.full else Verdict.LAST
            self.full = True
            self._over.add(size, 1)
            return verdict
        # Once dropping, go on until a quarter is free: a log with a hole is better than a log with a hundred.
        room = self._waiting_bytes * 3 // 4 if self._unsent.lines else self._waiting_bytes
        if waiting + size > room:
            self._unsent.add(size, 1)
            return Verdict.DROP
        self._kept += size
        return Verdict.KEEP

    def drop(self, size: int, lines: int) -> None:
        """What was not even looked at, because the log is full."""
        self._over.add(size, lines)

    def gap(self) -> str | None:
        """Words for the hole before what comes next."""
        if not self._unsent.lines:
            return None
        return f"{self._unsent.take()} of output were dropped here: too much was waiting to be sent."

    def ending(self) -> str:
        return f"The log is full ({self._log_bytes} bytes); what follows is dropped."

    def total(self) -> str | None:
        """Words for everything behind the end of a full log."""
        return (
            f"{self._over.take()} of output were dropped after the log was full."
            if self._over.lines
            else None
        )

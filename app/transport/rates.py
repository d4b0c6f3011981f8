"""How often something may be done: a bucket for each caller, in the memory of this process."""

import time
from collections.abc import Callable
from math import ceil
from typing import Final

from app.transport.refusals import Refused, TransportCode

BURST_SECONDS: Final = 10.0
"""So many seconds' worth may be done at once."""
REMEMBERED: Final = 10_000


class Rate:
    """Takes from a bucket that fills at `per_second` and holds ten seconds' worth; no limit where it is 0."""

    def __init__(self, per_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second * BURST_SECONDS)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, who: str, amount: float = 1.0) -> int:
        """0 where it may be done; otherwise in how many seconds it may be tried again, and nothing is taken."""
        if not self._per_second:
            return 0
        left = self._left(who)
        # more than a bucket ever holds is let through by a full one: it could never be done otherwise
        wanted = min(amount, self._most)
        if left < wanted:
            return max(1, ceil((wanted - left) / self._per_second))
        self._keep(who, left - amount)
        return 0

    def empty_for(self, who: str) -> int:
        """As `take`, and takes nothing."""
        if not self._per_second or self._left(who) >= 1.0:
            return 0
        return max(1, ceil((1.0 - self._left(who)) / self._per_second))

    def _left(self, who: str) -> float:
        left, at = self._buckets.get(who, (self._most, self._clock()))
        return min(self._most, left + (self._clock() - at) * self._per_second)

    def _keep(self, who: str, left: float) -> None:
        self._buckets.pop(who, None)
        if len(self._buckets) >= REMEMBERED:
            self._buckets.pop(next(iter(self._buckets)))  # whoever has done nothing for longest
        self._buckets[who] = (left, self._clock())


def too_often(what: str, seconds: int) -> Refused:
    return Refused(
        429,
        TransportCode.RATE_LIMITED,
        f"{what}: try again in {seconds} s.",
        suggestion="Wait as long as `retryAfterSeconds` says, and send less at a time.",
        headers={"retry-after": str(seconds)},
        details={"retryAfterSeconds": seconds},
    )

"""A clock that stands while the agent is paused or waits for an answer."""


class ActiveTime:
    """The caller brings the time, so that the clock can be tested without waiting."""

    def __init__(self, limit: float | None, *, now: float) -> None:
        self._limit = limit
        self._spent = 0.0
        self._since: float | None = now

    def run(self, active: bool, *, now: float) -> None:
        if self._since is not None:
            self._spent += now - self._since
        self._since = now if active else None

    def left(self, *, now: float) -> float | None:
        """Seconds until the limit if the clock goes on as it does now; None when it stands or there is no limit."""
        if self._limit is None or self._since is None:
            return None
        return self._limit - self._spent - (now - self._since)

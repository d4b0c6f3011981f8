"""What readers ask the engine of their own process for: a query writes nothing itself."""


class Requests:
    """Ids that were asked for since they were last taken: each once, however many asked. For one event loop."""

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def add(self, *ids: str) -> None:
        self._ids.update(ids)

    def take(self) -> list[str]:
        taken, self._ids = sorted(self._ids), set()
        return taken

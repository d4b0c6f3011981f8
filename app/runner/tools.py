"""Hands on to the server what an adapter tells of its agent."""

from typing import Final

from app.agents.reporting import Reporter
from app.runner.outbox import Outbox
from app.runner.reports import Kind

CALL: Final = 200
SHORT: Final = 500


class OutboxReporter(Reporter):
    """Cuts before it journals: an agent's input may be megabytes."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def tool_started(self, call: str, name: str, input_summary: str | None = None) -> None:
        summary = None if input_summary is None else input_summary[: SHORT + 1]
        body = {"call": call[:CALL], "name": name[: CALL + 1], "inputSummary": summary}
        self._outbox.fact(Kind.TOOL_STARTED, body)

    def tool_ended(self, call: str, error: str | None = None) -> None:
        body = {"call": call[:CALL], "error": None if error is None else error[: SHORT + 1]}
        self._outbox.fact(Kind.TOOL_ENDED, body)

"""Hands on to the server what an adapter tells of its agent."""

from decimal import Decimal
from typing import Final

from app.agents.reporting import Reporter
from app.runner.outbox import Outbox
from app.runner.reports import Kind

CALL: Final = 200
SHORT: Final = 500
WHOLE: Final = 2**53 - 1
MOST_DOLLARS: Final = Decimal(10**9)
SMALLEST: Final = Decimal("1e-10")


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

    def used(
        self,
        model: str,
        *,
        input_tokens: int = 0,
        output_tokens: int = 0,
        cache_read_tokens: int = 0,
        cache_write_tokens: int = 0,
        cost_usd: Decimal | None = None,
    ) -> None:
        body = {
            "model": model[:CALL],
            "inputTokens": _whole(input_tokens),
            "outputTokens": _whole(output_tokens),
            "cacheReadTokens": _whole(cache_read_tokens),
            "cacheWriteTokens": _whole(cache_write_tokens),
            "costUsd": None if cost_usd is None else _money(cost_usd),
        }
        self._outbox.fact(Kind.USAGE, body)


def _whole(number: int) -> int:
    """What the schema takes: a report that it refused would hold up all that follow."""
    return min(max(0, number), WHOLE)


def _money(dollars: Decimal) -> str | None:
    if not dollars.is_finite() or not 0 <= dollars <= MOST_DOLLARS:
        return None
    return format(dollars.quantize(SMALLEST), "f")

"""What an ACP agent uses: tokens it tells by the turn, money as a running total."""

import asyncio
from decimal import Decimal
from typing import Final

from acp.schema import Usage, UsageUpdate

from app.agents.reporting import Reporter

_UNKNOWN: Final = "unknown"
_SECONDS_BETWEEN: Final = 1.0
_ROUNDING: Final = Decimal("1e-6")
"""What the sum of differences that were each rounded may be above the total that they are of."""


class Spending:
    """Of the model that the agent says it uses."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._model: str | None = None
        self._cost = Decimal()
        self._told = Decimal()
        self._clock = asyncio.get_running_loop().time
        self._last = float("-inf")

    def goes_on_from(self, cost: Decimal) -> None:
        """The session was resumed, and so much of it is counted already: its total goes on from there, or begins anew."""
        self._cost = self._told = cost

    def uses(self, model: str) -> None:
        if model != self._model:
            self._model = model
            self._reporter.used(model)

    def hear(self, update: UsageUpdate) -> None:
        """What it says of its context is no usage; money in another currency cannot be added up."""
        cost = update.cost
        if cost is None or cost.currency.upper() != "USD":
            return
        total = Decimal(str(cost.amount))
        if not total.is_finite():
            return
        if total < self._cost - _ROUNDING:  # the agent counts anew
            self._told -= self._cost
        self._cost = total
        if self._clock() - self._last >= _SECONDS_BETWEEN:
            self.settle()

    def settle(self, usage: Usage | None = None) -> None:
        """Tell what came on top: at the end of a turn with its tokens, else the money alone."""
        more = self._cost - self._told
        if usage is None and more <= 0:
            return
        self._told, self._last = self._cost, self._clock()
        self._reporter.used(
            self._model or _UNKNOWN,
            input_tokens=usage.input_tokens if usage else 0,
            output_tokens=_output(usage) if usage else 0,
            cache_read_tokens=(usage.cached_read_tokens or 0) if usage else 0,
            cache_write_tokens=(usage.cached_write_tokens or 0) if usage else 0,
            cost_usd=more if more > 0 else None,
        )


def _output(usage: Usage) -> int:
    """Thinking is output: some agents count it there, for others it is the rest of the total."""
    known = usage.input_tokens + usage.output_tokens
    known += (usage.cached_read_tokens or 0) + (usage.cached_write_tokens or 0)
    thought = usage.thought_tokens or 0
    return usage.output_tokens + (thought if usage.total_tokens >= known + thought else 0)

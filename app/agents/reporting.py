"""What an adapter may tell of its agent while it runs; the runner sees to it that it arrives, once and in order."""

from decimal import Decimal
from typing import Protocol


class Reporter(Protocol):
    """`call` is what the agent names the call by: any text that no other call of the same agent has."""

    def tool_started(self, call: str, name: str, input_summary: str | None = None) -> None:
        """The agent has called a tool. The summary is for people, and short: what is over 500 characters is cut."""

    def tool_ended(self, call: str, error: str | None = None) -> None:
        """The call has come back; with `error` it has failed. Calls that are left open fail with their worker."""

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
        """What the agent has used since it last said so, at most once a turn.

        Of an agent that tells running totals, an adapter gives the difference to the one before. With the model alone it
        is only noted which model it is.
        """

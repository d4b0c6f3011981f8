"""What an adapter may tell of its agent while it runs; the runner sees to it that it arrives, once and in order."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol


class Reporter(Protocol):
    """`call` is what the agent names the call by: any text that no other call of the same agent has."""

    def said(self, text: str, *, thought: bool = False) -> None:
        """A piece of what the agent says, or thinks aloud: it becomes lines of the log wherever a line ends."""

    def printed(self, line: str) -> None:
        """A line on its standard output that is none of its protocol."""

    def noted(self, text: str) -> None:
        """A line of our own in the log. Sparingly."""

    def doing(self, activity: str | None, progress: int | None = None) -> None:
        """What it is doing, in a line; how far it is, 0 to 100. As often as it likes: what is told is the newest."""

    def has_session(self, session: str) -> None:
        """It has a session of its own, by what it names it by: another process of it may be given that to resume."""

    def asked(self, request: str, title: str, detail: str | None, options: Sequence[str]) -> None:
        """It may not go on before somebody has chosen one of these; `Conversation.answer` brings the choice."""

    def received(self, items: Sequence[str]) -> None:
        """These context items, by their ids, have reached the agent."""

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

"""What an agent says, in pieces of any size, as lines of its log."""

import asyncio

from app.runner.lines import LineCutter
from app.runner.outbox import Outbox
from app.runner.output import QUIET_SECONDS
from app.runner.reports import Stream

_THOUGHT = "(thinking) "


class Speech:
    """A line is shown when it ends, when the agent goes over to something else, or when it says nothing for a while."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._cutter = LineCutter()
        self._thought = False
        self._quiet: asyncio.TimerHandle | None = None

    def say(self, text: str, *, thought: bool) -> None:
        if thought != self._thought:
            self.end()
            self._thought = thought
        self._stop_waiting()
        self._log(self._cutter.feed(text.encode(errors="replace")))
        if self._cutter.waits:
            self._quiet = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._show)

    def end(self) -> None:
        """Whatever comes next does not go on with this line."""
        self._stop_waiting()
        self._log(self._cutter.finish())

    def _show(self) -> None:
        self._log(self._cutter.show())

    def _log(self, lines: list[str]) -> None:
        marked = (_THOUGHT + line for line in lines) if self._thought else lines
        self._outbox.log(Stream.AGENT, marked)

    def _stop_waiting(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None

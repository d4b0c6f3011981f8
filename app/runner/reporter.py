"""Hands on to the server what an adapter tells of its agent."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from app.agents.reporting import Reporter
from app.domain import limits
from app.runner.lines import LineCutter
from app.runner.outbox import Outbox
from app.runner.reports import Kind, Stream
from app.runner.speech import Speech

CALL: Final = 200
SHORT: Final = 500
NOTE: Final = 2_000
WHOLE: Final = 2**53 - 1
MOST_DOLLARS: Final = Decimal(10**9)
SMALLEST: Final = Decimal("1e-10")
SECONDS_BETWEEN: Final = 1.0
"""An agent may do something else many times a second; who looks on cannot read faster than this."""


class OutboxReporter(Reporter):
    """Cuts before it journals: an agent's input may be megabytes."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._speech = Speech(outbox)
        self._doing: dict[str, str | int] = {}
        self._told: dict[str, str | int] = {}
        self._rest: asyncio.TimerHandle | None = None
        self._open: set[str] = set()
        self._left_out = 0

    def said(self, text: str, *, thought: bool = False) -> None:
        self._speech.say(text, thought=thought)

    def printed(self, line: str) -> None:
        cutter = LineCutter()
        self._outbox.log(Stream.STDOUT, [*cutter.feed(line.encode(errors="replace")), *cutter.finish()])

    def noted(self, text: str) -> None:
        line = " ".join(limits.storable(text).split())
        self._outbox.system(line if len(line) <= NOTE else line[: NOTE - 1] + "…")

    def doing(self, activity: str | None, progress: int | None = None) -> None:
        news = {"text": activity and activity[: SHORT + 1], "progress": progress}
        self._doing |= {name: value for name, value in news.items() if value is not None}
        if self._rest is None:
            self._tell_what_it_does()

    def has_session(self, session: str) -> None:
        if limits.is_name(session):
            self._outbox.fact(Kind.SESSION, session)

    def asked(self, request: str, title: str, detail: str | None, options: Sequence[str]) -> None:
        self._speech.end()
        body = {"request": request, "title": title, "detail": detail, "options": list(options)}
        self._outbox.fact(Kind.ASKED, body)

    def received(self, items: Sequence[str]) -> None:
        self._outbox.fact(Kind.DELIVERED, list(items))

    def finish(self) -> None:
        """Nothing more comes from the agent."""
        self._speech.end()
        self._tell_what_it_does()
        if self._left_out:
            self._outbox.system(
                f"{self._left_out} calls of tools were not told: too much was waiting to be sent."
            )
        if self._rest is not None:
            self._rest.cancel()

    def _tell_what_it_does(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if self._doing == self._told or self._outbox.crowded:
            return
        self._told = dict(self._doing)
        self._outbox.fact(Kind.ACTIVITY, self._told)
        self._rest = asyncio.get_running_loop().call_later(SECONDS_BETWEEN, self._tell_what_it_does)

    def tool_started(self, call: str, name: str, input_summary: str | None = None) -> None:
        self._speech.end()
        if self._outbox.crowded:
            self._left_out += 1
            return
        self._open.add(call)
        summary = None if input_summary is None else input_summary[: SHORT + 1]
        body = {"call": call[:CALL], "name": name[: CALL + 1], "inputSummary": summary}
        self._outbox.fact(Kind.TOOL_STARTED, body)

    def tool_ended(self, call: str, error: str | None = None) -> None:
        if call not in self._open:
            return
        self._open.remove(call)
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

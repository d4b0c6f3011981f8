"""Reports on their way: numbered, journaled, kept in order until the server has taken them."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from app.runner import reports
from app.runner.allowance import MAX_WAITING_BYTES, Allowance, Verdict
from app.runner.journal import Journal, Past
from app.runner.reports import Kind, Report, Stream

log = logging.getLogger(__name__)

MAX_BATCH_LINES = 200
MAX_BATCH_BYTES = 128 * 1024
LINGER_SECONDS = 0.05
_ENVELOPE_BYTES = 512  # what a report and a mutation put around the lines


class Outbox:
    """Log lines gather for a moment and become one report; a fact first closes the report that is open.

    Facts are not dropped. Most are answers to orders, of which there are none while no server is there; an agent can make
    others as fast as it likes, so whoever hands those in looks whether it is `crowded` here.
    """

    def __init__(
        self, journal: Journal, past: Past, *, allowance: Allowance, stir: Callable[[], None] = lambda: None
    ) -> None:
        self._journal = journal
        self._allowance = allowance
        self._stir = stir
        self._pending = deque(past.reports)
        self._last = past.last
        self._waiting = sum(report.size for report in past.reports)
        self._open: list[str] = []
        self._open_size = 0
        self._timer: asyncio.TimerHandle | None = None
        self._batch_limit = MAX_BATCH_LINES
        self._replaced = 0
        self.ready = asyncio.Event()
        if self._pending:
            self.ready.set()

    @property
    def last(self) -> int:
        return self._last

    @property
    def empty(self) -> bool:
        return not self._pending and not self._open

    @property
    def full(self) -> bool:
        """No further log is kept: whoever reads output need not look at it."""
        return self._allowance.full

    @property
    def crowded(self) -> bool:
        """So much waits for a server that what can be left out should be."""
        return self._waiting > MAX_WAITING_BYTES

    def fact(self, kind: Kind, body: Any) -> None:
        self._seal()
        self._add(reports.fact(self._next(), kind, body))

    def log(self, stream: Stream, texts: Iterable[str]) -> None:
        at = reports.now()
        for text in texts:
            line = reports.line(stream, text, at)
            size = reports.size_of(line)
            verdict = self._allowance.admit(size, self._waiting + self._open_size)
            if verdict is Verdict.DROP:
                continue
            if gap := self._allowance.gap():
                self.system(gap)
            if verdict is Verdict.KEEP:
                self._append(line, size)
            else:
                self.system(self._allowance.ending())

    def drop(self, size: int, lines: int) -> None:
        """Output behind the end of a full log."""
        self._allowance.drop(size, lines)

    def system(self, text: str) -> None:
        """A line of our own; not subject to the bounds, so use it sparingly."""
        line = reports.line(Stream.SYSTEM, text, reports.now())
        self._append(line, reports.size_of(line))

    def close_log(self) -> None:
        """Tell what was dropped; nothing of the agent's output comes after this."""
        for words in (self._allowance.gap(), self._allowance.total()):
            if words:
                self.system(words)

    def batch(self) -> list[Report]:
        """The oldest reports not taken, as many as one mutation may carry."""
        chosen: list[Report] = []
        lines = size = 0
        for report in self._pending:
            lines += report.lines
            size += report.size
            if chosen and (
                lines > MAX_BATCH_LINES or size > MAX_BATCH_BYTES or len(chosen) >= self._batch_limit
            ):
                break
            chosen.append(report)
        return chosen

    def synchronise(self, n: int) -> None:
        """A connection begins, the server has everything up to `n`: go on right after that.

        It takes reports in unbroken order only. One that the journal lost (with a full disk, with the machine's power)
        would hold back all behind it, the last one above all, so an empty report takes its number.
        """
        self.accepted(n)
        whole: list[Report] = []
        for report in self._pending:
            before = whole[-1].n if whole else n
            whole += map(_lost, range(before + 1, report.n))
            whole.append(report)
        whole += map(_lost, range(whole[-1].n + 1 if whole else n + 1, self._last + 1))
        if len(whole) > len(self._pending):
            log.warning("%d reports were lost", len(whole) - len(self._pending))
            self._pending = deque(whole)
            self._waiting = sum(report.size for report in whole)
            self.ready.set()

    def accepted(self, n: int) -> None:
        """The server has everything up to `n`."""
        before = len(self._pending)
        while self._pending and self._pending[0].n <= n:
            self._waiting -= self._pending.popleft().size
        self._last = max(self._last, n)
        if len(self._pending) == before:
            return
        self._batch_limit = MAX_BATCH_LINES
        self._journal.accepted(self._last, self._pending, live=self._waiting)
        if not self._pending:
            self.ready.clear()
        self._stir()

    def refused(self, batch: Sequence[Report], words: str) -> bool:
        """The server will never take this batch: find the report it is about, and say so in its place.

        Without this one report would hold back all behind it, the last one above all, for ever. False when there is
        nothing else to send in its place.
        """
        report = batch[0]
        if len(batch) > 1:
            self._batch_limit = 1
            return True
        if report.n == self._replaced:
            return False
        if report.kind in (Kind.STARTED, Kind.EXITED) or not self._pending or self._pending[0] is not report:
            return False
        log.warning("report %d (%s) was refused: %s", report.n, report.kind, words)
        text = f"Report {report.n} ({report.kind}) was refused by the server."  # its words may repeat what it refuses
        notice = reports.lines(report.n, [reports.line(Stream.SYSTEM, text, reports.now())])
        self._pending[0] = notice
        self._waiting += notice.size - report.size
        self._replaced = report.n
        return True

    def _append(self, line: str, size: int) -> None:
        if self._open_size + size > MAX_BATCH_BYTES - _ENVELOPE_BYTES:
            self._seal()
        if not self._open:
            self._timer = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._seal)
        self._open.append(line)
        self._open_size += size
        if len(self._open) == MAX_BATCH_LINES:
            self._seal()

    def _seal(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._open:
            report = reports.lines(self._next(), self._open)
            self._open, self._open_size = [], 0
            self._add(report)

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _add(self, report: Report) -> None:
        self._journal.add(report)
        self._pending.append(report)
        self._waiting += report.size
        self.ready.set()


def _lost(n: int) -> Report:
    return reports.lines(
        n, [reports.line(Stream.SYSTEM, f"Report {n} of the runner was lost.", reports.now())]
    )

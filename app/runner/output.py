"""Reads one pipe of the agent as fast as the agent writes, whatever becomes of the text."""

import asyncio
import os

from app.runner.lines import LineCutter
from app.runner.outbox import Outbox
from app.runner.reports import Stream

QUIET_SECONDS = 2.0
"""After which a line is shown without its end: a prompt has none."""

_READ_BYTES = 64 * 1024


class Output:
    """`ended` is done when nobody holds the other end any more, or after `close`."""

    def __init__(self, fd: int, stream: Stream, outbox: Outbox) -> None:
        self._fd = fd
        self._stream = stream
        self._outbox = outbox
        self._cutter = LineCutter()
        self._loop = asyncio.get_running_loop()
        self._quiet: asyncio.TimerHandle | None = None
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(fd, self._read)

    def close(self) -> None:
        """Stop reading, also when something outside the tree still holds the pipe."""
        if self.ended.done():
            return
        self._stop_waiting()
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._outbox.log(self._stream, self._cutter.finish())
        self.ended.set_result(None)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._stop_waiting()
        if not data:
            self.close()
        elif self._outbox.full:
            self._outbox.drop(len(data), data.count(b"\n"))
        else:
            self._outbox.log(self._stream, self._cutter.feed(data))
            if self._cutter.waits:
                self._quiet = self._loop.call_later(QUIET_SECONDS, self._show)

    def _show(self) -> None:
        if not self._outbox.full:
            self._outbox.log(self._stream, self._cutter.show())

    def _stop_waiting(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None

"""Reads one pipe of the agent as fast as the agent writes, whatever becomes of the text."""

import asyncio
import os

from app.runner.lines import LineCutter
from app.runner.outbox import Outbox
from app.runner.reports import Stream

_READ_BYTES = 64 * 1024


class Output:
    """`ended` is done when nobody holds the other end any more, or after `close`."""

    def __init__(self, fd: int, stream: Stream, outbox: Outbox) -> None:
        self._fd = fd
        self._stream = stream
        self._outbox = outbox
        self._cutter = LineCutter()
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(fd, self._read)

    def close(self) -> None:
        """Stop reading, also when something outside the tree still holds the pipe."""
        if self.ended.done():
            return
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
        if not data:
            self.close()
        elif self._outbox.full:
            self._outbox.drop(len(data), data.count(b"\n"))
        else:
            self._outbox.log(self._stream, self._cutter.feed(data))

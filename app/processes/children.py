"""Reaps every child of this process, its own and the orphans a subreaper is handed.

It waits for any child, so nothing else in the process may start children through asyncio: their exit codes would be
taken away from it.
"""

import asyncio
import os
import signal
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ending:
    """One of the two is set."""

    exit_code: int | None
    signal: int | None

    @classmethod
    def from_status(cls, status: int) -> "Ending":
        code = os.waitstatus_to_exitcode(status)
        return cls(code, None) if code >= 0 else cls(None, -code)


class Children:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._expected: dict[int, asyncio.Future[Ending]] = {}
        self._loop.add_signal_handler(signal.SIGCHLD, self.reap)

    def expect(self, pid: int) -> "asyncio.Future[Ending]":
        """How this child ends; call it before the loop runs again, or the ending may have been thrown away."""
        future: asyncio.Future[Ending] = self._loop.create_future()
        self._expected[pid] = future
        return future

    def reap(self) -> bool:
        """True while any child is left. Under a subreaper False means that no descendant is alive at all."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            future = self._expected.pop(pid, None)
            if future is not None and not future.done():
                future.set_result(Ending.from_status(status))

    def close(self) -> None:
        self._loop.remove_signal_handler(signal.SIGCHLD)

"""JSON-RPC messages over an agent's pipes, one a line: what is none is a line of the log, and no reason to stop."""

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any, Final

from app.agents.conversations import Pipes

LONGEST_MESSAGE: Final = 64 * 1024 * 1024


class _Gate(asyncio.BaseProtocol):
    """Whoever writes waits here while the agent does not read."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self.lost = False

    def pause_writing(self) -> None:
        self._open.clear()

    def resume_writing(self) -> None:
        self._open.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self._open.set()

    async def passed(self) -> None:
        await self._open.wait()
        if self.lost:
            raise ConnectionError("The agent has closed its input.")


class Wire:
    """The SDK's transport. `sent` hears the method of each request that the agent's pipe has taken."""

    def __init__(self, pipes: Pipes, *, printed: Callable[[str], None], sent: Callable[[str], None]) -> None:
        self._pipes = pipes
        self._printed = printed
        self._sent = sent
        self._reader = asyncio.StreamReader(limit=LONGEST_MESSAGE)
        self._gate = _Gate()
        self._input: asyncio.WriteTransport | None = None
        self._output: asyncio.ReadTransport | None = None
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.problem: str | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        reading, writing = os.fdopen(self._pipes.stdout, "rb", 0), os.fdopen(self._pipes.stdin, "wb", 0)
        self._output, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._reader), reading
        )
        self._input, _ = await loop.connect_write_pipe(lambda: self._gate, writing)

    async def send(self, message: dict[str, Any]) -> None:
        if self._input is None or self._input.is_closing():
            raise ConnectionError("The agent is not listened to any more.")
        self._input.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        await self._gate.passed()
        if "method" in message:
            self._sent(message["method"])

    async def receive(self) -> dict[str, Any] | None:
        while True:
            try:
                line = await self._reader.readline()
            except ValueError:
                self.problem = f"The agent sent a message of more than {LONGEST_MESSAGE >> 20} MiB."
                line = b""
            if not line:
                self._end()
                return None
            await asyncio.sleep(
                0
            )  # whatever came before is looked at first: an agent that floods us is not queued up
            message = _message(line)
            if message is not None:
                return message
            if text := line.decode(errors="replace").strip():
                self._printed(text)

    def hang_up(self) -> None:
        if self._input is not None:
            self._input.close()

    async def close(self) -> None:
        if self._input is not None and not self._gate.lost:
            self._input.abort()
        if self._output is not None:
            self._output.close()
        self._end()

    def _end(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


def _message(line: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if isinstance(message, dict) and ("method" in message or "id" in message):
        return message
    return None

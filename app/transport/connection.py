"""One WebSocket: strict reading, text frames one at a time, and what is known about its progress."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected

from app.transport.strict_json import NotStrict, parse

MESSAGE_BYTES: Final = 64 * 1024
RUNNER_MESSAGE_BYTES: Final = 1024 * 1024
"""Runners report in batches. The server reads no larger message from anybody."""
REASON_BYTES: Final = 123
FAREWELL_SECONDS: Final = 5.0

WIRE: Final = "trackside.wire"
"""Where a server that can do it puts a Wire into the scope of a socket."""


class Wire(Protocol):
    """What ASGI does not offer: to look at what has not been sent yet, and to hang up."""

    def unsent(self) -> int: ...

    def abort(self) -> None: ...


class Connection(ASGIWebSocketAdapter):
    def __init__(self, view: Any, request: WebSocket, response: WebSocket) -> None:
        super().__init__(view, request, response)
        self._sending = asyncio.Lock()
        self._waits = False
        self._written = 0
        self._gone = 0
        self._moved_at: float | None = None
        self.message_bytes = MESSAGE_BYTES
        self.last_cursor: str | None = None

    @property
    def wire(self) -> Wire | None:
        found: Wire | None = self.ws.scope.get(WIRE)
        return found

    @property
    def closed(self) -> bool:
        return self.ws.application_state is WebSocketState.DISCONNECTED

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        while not self.closed:
            message = await self.ws.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                raise NonTextMessageReceived
            if len(text) > self.message_bytes or len(text.encode()) > self.message_bytes:
                await self.close(1009, f"A message may have {self.message_bytes:,} bytes")
                return
            try:
                value = parse(text)
            except NotStrict as error:
                raise NonJsonMessageReceived from error
            yield value

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Waits while the client does not read; meanwhile nothing else is written to this socket."""
        text = self.view.encode_json_string(message)
        async with self._sending:
            self._waits = True
            try:
                await self.ws.send_text(text)
            except (WebSocketDisconnect, RuntimeError) as error:
                raise WebSocketDisconnected from error
            finally:
                self._waits = False
            self._written += len(text)

    async def close(self, code: int, reason: str) -> None:
        """Returns soon, and the socket is gone soon, whether its client reads the goodbye or not."""
        if self.closed:
            return
        wire = self.wire
        if wire is not None:
            asyncio.get_running_loop().call_later(FAREWELL_SECONDS, wire.abort)
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # it may be gone already
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self.ws.close(code, shortened(reason))

    def stuck_for(self, now: float) -> float:
        """Seconds in which something has waited to leave and not a byte did. To be asked regularly."""
        unsent = self.wire.unsent() if self.wire is not None else 0
        gone = self._written - unsent
        if self._moved_at is None or gone > self._gone or not (unsent or self._waits):
            self._moved_at = now
        self._gone = gone
        return now - self._moved_at


def shortened(reason: str) -> str:
    """A close frame holds 123 bytes; more would break the connection instead of closing it."""
    return reason.encode()[:REASON_BYTES].decode(errors="ignore")

"""uvicorn's WebSocket protocol, with what its ASGI interface does not offer: to see what is unsent, and to hang up."""

import socket
from asyncio.transports import BaseTransport
from typing import TYPE_CHECKING, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from app.transport.connection import WIRE

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

LINGER_SECONDS: Final = 5.0
LAST_MOMENT: Final = 0.3
SEND_BUFFER: Final = 128 * 1024
"""What the kernel holds for a client that does not read. Left alone it takes megabytes, and moves in thirds of them."""


class SocketProtocol(WebSocketsSansIOProtocol):
    """Is the Wire of its connection."""

    def unsent(self) -> int:
        return self.transport.get_write_buffer_size()

    def abort(self) -> None:
        self.transport.abort()

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    async def run_asgi(self) -> None:
        self.scope[WIRE] = self  # type: ignore[typeddict-unknown-key]
        await super().run_asgi()

    async def send(self, message: "ASGISendEvent") -> None:
        """A refused handshake is an answered one: uvicorn would log an error that the app answered nothing."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True

    def shutdown(self) -> None:
        """The server has said its goodbyes; closing would wait for clients that do not read."""
        super().shutdown()
        self.loop.call_later(LAST_MOMENT, self.transport.abort)

    def handle_ping(self) -> None:
        """A client that pings and does not read must not fill our memory with pongs."""
        output = b"".join(self.conn.data_to_send())
        if self.writable.is_set():
            self.transport.write(output)

    def keepalive_timeout(self) -> None:
        if self.unsent():
            # its pong is behind what it has not read yet: a slow reader is not a dead one, and has a rule of its own
            self.pong_timer = None
            self.pending_ping_payload = None
            self.schedule_ping()
            return
        super().keepalive_timeout()
        self.loop.call_later(
            LINGER_SECONDS, self.transport.abort
        )  # closing waits for a peer that is not there

"""uvicorn as this product runs it: drains before it stops, ends with status 0 on a signal, and logs no addresses."""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from app.transport.connection import RUNNER_MESSAGE_BYTES
from app.transport.protocol import SocketProtocol

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
LAST_SECONDS: Final = 1
"""What uvicorn waits for connections that are still there after the drain."""


def configuration(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",  # whoever starts the server has started the app, and heard what went wrong
        loop="asyncio",
        http="h11",
        ws=SocketProtocol,
        ws_max_size=RUNNER_MESSAGE_BYTES,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        ws_per_message_deflate=False,
        server_header=False,
        proxy_headers=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=LAST_SECONDS,
    )


class Server(uvicorn.Server):
    """Calls `listening` once it accepts connections, and `leaving` when it is told to stop, while it still does."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        listening: Callable[[], Awaitable[None]],
        leaving: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(config)
        self._listening = listening
        self._leaving = leaving
        self._goodbye: asyncio.Future[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        try:
            await self._listening()
        except BaseException:
            await super().shutdown(sockets)
            raise

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._goodbye = asyncio.ensure_future(self._leaving())
        if self.force_exit:
            self._goodbye.cancel()
        with suppress(asyncio.CancelledError):
            await self._goodbye
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal asks it to stop; a second Ctrl-C does not wait any longer."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
            if self._goodbye is not None:
                self._goodbye.cancel()
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn raises a signal again once it has stopped, which would end the process with its number."""
        loop = asyncio.get_running_loop()
        try:
            for number in SIGNALS:
                loop.add_signal_handler(number, self.handle_exit, number, None)
        except (RuntimeError, ValueError):  # not the main thread: whoever owns it decides
            yield
            return
        try:
            yield
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)

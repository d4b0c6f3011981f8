"""Many GraphQL operations over one WebSocket (graphql-transport-ws), for programs that stay connected."""

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

SUBPROTOCOL = Subprotocol("graphql-transport-ws")
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_BAD_MESSAGE = 4400


class ConnectionLost(Exception):
    """The socket is gone: `code` and `reason` are the peer's, or None and the cause."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(f"connection lost ({code}): {reason}" if code else f"connection lost: {reason}")
        self.code = code
        self.reason = reason


class CannotConnect(ConnectionLost):
    """It never was there: nobody listens, no WebSocket is spoken, or the connection was refused."""


class GraphQLFailure(Exception):
    """The server's answer holds errors; `data` is what it answered besides."""

    def __init__(self, errors: Sequence[Mapping[str, Any]], data: Mapping[str, Any] | None = None) -> None:
        super().__init__(
            "; ".join(str(error.get("message", error)) for error in errors) or "unspecified failure"
        )
        self.errors = [dict(error) for error in errors]
        self.data = data

    @property
    def code(self) -> str | None:
        """The first error's `extensions.code`."""
        for error in self.errors:
            extensions = error.get("extensions")
            if isinstance(extensions, dict) and isinstance(extensions.get("code"), str):
                return str(extensions["code"])
        return None


class SlowConsumer(Exception):
    """More was waiting to be read than the subscription's bound; it has been ended, the socket lives on."""


class Encoded(str):
    """Variables that are JSON text already and are sent as they stand."""

    __slots__ = ()


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc  # following would hand the token to wherever the redirect points


class _Operation:
    __slots__ = ("bound", "items")

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.items: asyncio.Queue[dict[str, Any] | Exception | None] = asyncio.Queue()  # None: completed


class GraphQLSocket:
    """Open with `GraphQLSocket.open(...)`; use as an async context manager, or `close` it."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._operations: dict[str, _Operation] = {}
        self._ids = map(str, itertools.count(1))
        self._lost: ConnectionLost | None = None
        self._reader: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls, url: str, *, token: str | None = None, timeout: float = 10.0, ping_seconds: float = 20.0
    ) -> Self:
        """Connect, say hello, and wait for the answer; a peer silent for two `ping_seconds` counts as dead."""
        address = socket_url(url)
        try:
            async with asyncio.timeout(timeout):
                connection = await _Connect(
                    address,
                    subprotocols=[SUBPROTOCOL],
                    compression=None,  # costs more than it saves on a loopback, and mixes the token with other text
                    proxy=None if urlsplit(address).hostname in _LOOPBACK else True,
                    open_timeout=None,
                    close_timeout=2.0,
                    ping_interval=ping_seconds,
                    ping_timeout=ping_seconds,
                    max_size=MAX_MESSAGE_BYTES,
                    user_agent_header="trackside",
                )
                self = cls(connection)
                try:
                    await self._greet(token)
                except BaseException:
                    connection.transport.abort()
                    raise
        except ConnectionClosed as error:
            raise _lost(error, CannotConnect) from error
        except (OSError, InvalidHandshake, InvalidURI) as error:  # a TimeoutError is an OSError
            raise CannotConnect(None, str(error) or "timed out") from error
        self._reader = asyncio.create_task(self._read())
        return self

    async def execute(
        self,
        document: str,
        variables: Mapping[str, Any] | Encoded | None = None,
        *,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Run a query or mutation; `timeout` raises TimeoutError and tells the server to forget it."""
        id, operation = await self._begin(document, variables, bound=2)
        answered = False
        try:
            async with asyncio.timeout(timeout):
                item = await operation.items.get()
            answered = True
        finally:
            await self._finish(id, tell=not answered)
        if isinstance(item, Exception):
            raise item
        if item is None:
            raise GraphQLFailure([{"message": "The server completed the operation without an answer."}])
        return _data(item)

    async def subscribe(
        self, document: str, variables: Mapping[str, Any] | Encoded | None = None, *, bound: int = 1000
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Each item's `data`, asked for with the first item. Ends when the server completes; SlowConsumer when `bound` items wait unread.

        Leave it early through `contextlib.aclosing`, so that the server is told at once.
        """
        id, operation = await self._begin(document, variables, bound=bound)
        ended = False
        try:
            while (item := await operation.items.get()) is not None:
                if isinstance(item, Exception):
                    ended = True
                    raise item
                yield _data(item)
            ended = True
        finally:
            await self._finish(id, tell=not ended)

    async def close(self) -> None:
        """Say goodbye; operations under way end with ConnectionLost."""
        await self._connection.close()
        if self._reader is not None:
            await self._reader

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _greet(self, token: str | None) -> None:
        if self._connection.subprotocol != SUBPROTOCOL:
            raise CannotConnect(None, f"the server does not speak {SUBPROTOCOL}")
        hello: dict[str, Any] = {"type": "connection_init"}
        if token is not None:
            hello["payload"] = {"token": token}
        await self._connection.send(json.dumps(hello))
        while True:
            message = _parse(await self._connection.recv())
            kind = message.get("type") if message else None
            if kind == "connection_ack":
                return
            if kind == "ping":
                await self._connection.send('{"type":"pong"}')
            elif kind != "pong":
                await self._connection.close(_BAD_MESSAGE, "Expected connection_ack")
                raise CannotConnect(None, "the server did not answer connection_init with connection_ack")

    async def _begin(
        self, document: str, variables: Mapping[str, Any] | Encoded | None, *, bound: int
    ) -> tuple[str, _Operation]:
        if self._lost is not None:
            raise ConnectionLost(self._lost.code, self._lost.reason)
        encoded = (
            variables if isinstance(variables, Encoded) else json.dumps(variables or {}, ensure_ascii=False)
        )
        id, operation = next(self._ids), _Operation(bound)
        self._operations[id] = operation
        payload = f'{{"query":{_encoded(document)},"variables":{encoded}}}'
        try:
            await self._connection.send(f'{{"id":"{id}","type":"subscribe","payload":{payload}}}')
        except BaseException as error:
            del self._operations[id]
            if isinstance(error, ConnectionClosed):
                raise _lost(error) from error
            raise
        return id, operation

    async def _finish(self, id: str, *, tell: bool) -> None:
        if self._operations.pop(id, None) is not None and tell:
            with suppress(ConnectionClosed):
                await self._connection.send(f'{{"id":"{id}","type":"complete"}}')

    async def _read(self) -> None:
        try:
            while True:
                message = _parse(await self._connection.recv())
                if message is None:
                    await self._connection.close(_BAD_MESSAGE, "Invalid message")
                elif message.get("type") == "ping":
                    await self._connection.send('{"type":"pong"}')
                else:
                    await self._hand_over(message)
        except ConnectionClosed as error:
            self._lost = _lost(error)
        finally:
            lost = self._lost = self._lost or ConnectionLost(None, "the reader ended")
            for operation in self._operations.values():
                operation.items.put_nowait(ConnectionLost(lost.code, lost.reason))

    async def _hand_over(self, message: dict[str, Any]) -> None:
        id, kind, payload = message.get("id"), message.get("type"), message.get("payload")
        operation = self._operations.get(id) if isinstance(id, str) else None
        if operation is None or not isinstance(id, str):
            return  # an answer that crossed our `complete`, or a pong
        if kind == "next" and isinstance(payload, dict):
            if operation.items.qsize() < operation.bound:
                operation.items.put_nowait(payload)
            else:
                operation.items.put_nowait(SlowConsumer(f"{operation.bound} messages wait unread"))
                await self._finish(id, tell=True)
        elif kind == "error":
            del self._operations[id]
            errors = (
                [error for error in payload if isinstance(error, dict)] if isinstance(payload, list) else []
            )
            operation.items.put_nowait(GraphQLFailure(errors))
        elif kind == "complete":
            del self._operations[id]
            operation.items.put_nowait(None)


def socket_url(url: str) -> str:
    """The WebSocket address of a server: http becomes ws, https wss, and no path means /graphql."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if parts.username is not None or parts.query:
        raise CannotConnect(None, "credentials do not belong into an address: it ends up in logs")
    if scheme is None or not parts.hostname:
        raise CannotConnect(None, f"{url!r} is not the address of a server")
    return f"{scheme}://{parts.netloc}{parts.path if parts.path not in ('', '/') else '/graphql'}"


@lru_cache(maxsize=256)
def _encoded(document: str) -> str:
    return json.dumps(document, ensure_ascii=False)


def _parse(text: str | bytes) -> dict[str, Any] | None:
    if isinstance(text, bytes):
        return None
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and isinstance(message.get("type"), str) else None


def _data(payload: dict[str, Any]) -> dict[str, Any]:
    data, errors = payload.get("data"), payload.get("errors")
    if errors or not isinstance(data, dict):
        listed = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
        raise GraphQLFailure(listed, data if isinstance(data, dict) else None)
    return data


def _lost(error: ConnectionClosed, kind: type[ConnectionLost] = ConnectionLost) -> ConnectionLost:
    if error.rcvd is not None:
        return kind(error.rcvd.code, error.rcvd.reason)
    if error.sent is not None:
        return kind(error.sent.code, error.sent.reason or "closed from this side")
    return kind(None, "the connection broke without a goodbye")

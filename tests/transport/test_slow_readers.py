"""A client that stops reading is closed, slows nobody, and costs a bounded amount of memory."""

import asyncio
import base64
import json
import os
import socket as sockets
import struct
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any
from unittest.mock import AsyncMock

import pytest
from starlette.websockets import WebSocket

from app.store.db import Database
from app.transport import connection
from tests.live.waiting import until
from tests.transport.serving import ADMIN, Served, heard, serving, subscribe


class Reluctant:
    """A WebSocket client on a bare socket with a small buffer, that reads only when it is told to."""

    def __init__(self, port: int) -> None:
        self.socket = sockets.socket()
        self.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.unread = b""

    async def open(self) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        await self.send_raw(
            "GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: graphql-transport-ws\r\nAuthorization: Bearer {ADMIN}\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self.unread:
            self.unread += await self.some()
        self.unread = self.unread.partition(b"\r\n\r\n")[2]
        await self.say(type="connection_init")
        assert json.loads((await self.frame())[1])["type"] == "connection_ack"

    async def say(self, **message: Any) -> None:
        payload = json.dumps(message).encode()
        assert len(payload) < 65_536
        await self.send_raw(struct.pack("!BBH", 0x81, 0xFE, len(payload)) + bytes(4) + payload)

    async def send_raw(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def some(self, most: int = 65_536) -> bytes:
        async with asyncio.timeout(10):
            data = await asyncio.get_running_loop().sock_recv(self.socket, most)
        if not data:
            raise ConnectionResetError
        return data

    async def frame(self) -> tuple[int, bytes]:
        """Its kind and content. Servers do not mask."""
        await self._have(2)
        kind, length, start = self.unread[0] & 15, self.unread[1] & 127, 2
        if length >= 126:
            size = 2 if length == 126 else 8
            await self._have(2 + size)
            length, start = int.from_bytes(self.unread[2 : 2 + size]), 2 + size
        await self._have(start + length)
        content, self.unread = self.unread[start : start + length], self.unread[start + length :]
        return kind, content

    async def goodbye(self) -> tuple[int, str, list[str]]:
        """Read on to the close frame: its code and reason, and the cursors that came before it."""
        cursors = []
        while True:
            kind, content = await self.frame()
            if kind == 8:
                return struct.unpack("!H", content[:2])[0], content[2:].decode(), cursors
            if kind == 1:
                cursors.append(json.loads(content)["payload"]["data"]["flood"]["cursor"])

    async def _have(self, count: int) -> None:
        while len(self.unread) < count:
            self.unread += await self.some()


Stall = Callable[..., Awaitable[Reluctant]]


@pytest.fixture
def stalled() -> Iterator[Stall]:
    """A client whose subscription has come to a stop because nothing is read."""
    clients = []

    async def stall(served: Served, query: str = "subscription{flood{cursor text}}") -> Reluctant:
        client = Reluctant(served.port)
        clients.append(client)
        await client.open()
        await client.say(type="subscribe", id="1", payload={"query": query})
        await until(lambda: len(served.service.sockets) == 1)
        (handler,) = served.service.sockets._open
        await until(lambda: handler.websocket._waits)
        before, sent = -1, served.state.sent
        while before != sent:
            await asyncio.sleep(0.05)
            before, sent = sent, served.state.sent
        return client

    yield stall
    for client in clients:
        client.socket.close()


@pytest.fixture
def short_farewell(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def set_to(seconds: float) -> None:
        monkeypatch.setattr(connection, "FAREWELL_SECONDS", seconds)

    return set_to


async def test_it_is_told_where_to_go_on_when_it_reads_again(sqlite_db: Database, stalled: Stall) -> None:
    async with serving(sqlite_db, slow_reader_seconds=0.4) as served:
        client = await stalled(served)
        await until(lambda: served.state.ended == 1)  # given up: the generator has been closed
        code, reason, cursors = await client.goodbye()
        assert code == 4410
        assert reason == f"Slow consumer: resume after {cursors[-1]}"
        assert cursors == [str(number) for number in range(len(cursors))]


async def test_generic_words_where_no_cursor_was_sent(sqlite_db: Database, stalled: Stall) -> None:
    async with serving(sqlite_db, slow_reader_seconds=0.4) as served:
        client = await stalled(served, "subscription{flood{text}}")
        await until(lambda: served.state.ended == 1)
        while (frame := await client.frame())[0] != 8:
            pass
        assert frame[1][2:] == b"Slow consumer: resume after your last cursor"


async def test_it_is_cut_off_when_it_does_not_read_the_goodbye(
    sqlite_db: Database, stalled: Stall, short_farewell: Callable[[float], None]
) -> None:
    short_farewell(0.2)
    async with serving(sqlite_db, slow_reader_seconds=0.3) as served:
        client = await stalled(served)
        await until(lambda: len(served.service.sockets) == 0)
        await until(lambda: not served.server.server_state.connections)
        with pytest.raises(ConnectionResetError):
            await client.goodbye()


async def test_it_delays_nobody_and_memory_is_bounded(sqlite_db: Database, stalled: Stall) -> None:
    async with serving(sqlite_db, slow_reader_seconds=20) as served:
        client = await stalled(served)
        stopped_at = served.state.sent
        (handler,) = served.service.sockets._open
        wire = handler.websocket.wire
        assert wire is not None
        assert wire.unsent() < 200_000
        async with served.socket() as other:
            for _ in range(20):
                await subscribe(other, "{hello}")
                assert (await heard(other, seconds=1))["type"] == "next"
                assert (await heard(other, seconds=1))["type"] == "complete"
        assert served.state.sent == stopped_at
        client.socket.close()


class ByTheSend(connection.Connection):
    """The flaw: takes the age of a waiting message for the time without progress."""

    def stuck_for(self, now: float) -> float:
        if not self._waits or self._moved_at is None:
            self._moved_at = now
        return now - self._moved_at


async def steady_reader_is_left_alone(
    db: Database, stalled: Stall, kind: type[connection.Connection]
) -> None:
    async with serving(db, slow_reader_seconds=1.0) as served:
        view: Any = served.service.endpoint
        view.websocket_adapter_class = kind
        client = await stalled(served, "subscription{flood(size: 1500000){cursor text}}")
        began = time.monotonic()
        while time.monotonic() < began + 2.5:  # for longer than the limit, in bites
            await client.some(20_000)
            await asyncio.sleep(0.03)
            assert served.state.ended == 0
        client.socket.close()


async def test_a_slow_but_steady_reader_is_left_alone(sqlite_db: Database, stalled: Stall) -> None:
    await steady_reader_is_left_alone(sqlite_db, stalled, connection.Connection)


async def test_the_flaw_of_taking_age_for_a_standstill_is_caught(sqlite_db: Database, stalled: Stall) -> None:
    with pytest.raises((AssertionError, ConnectionResetError)):
        await steady_reader_is_left_alone(sqlite_db, stalled, ByTheSend)


async def test_without_a_wire_the_waiting_message_counts() -> None:
    socket = WebSocket({"type": "websocket", "headers": []}, receive=AsyncMock(), send=AsyncMock())
    line = connection.Connection(None, socket, socket)
    assert line.stuck_for(1.0) == 0
    line._waits = True
    assert line.stuck_for(5.0) == 4.0
    line._written += 10
    assert line.stuck_for(6.0) == 0


async def test_a_dead_client_is_noticed(sqlite_db: Database) -> None:
    async with serving(sqlite_db, ping_seconds=0.1) as served:
        client = Reluctant(served.port)  # answers no pings
        await client.open()
        await until(lambda: len(served.service.sockets) == 0)
        kinds = []
        with suppress(ConnectionResetError):
            while True:
                kinds.append(await client.frame())
        assert kinds[-1] == (8, struct.pack("!H", 1011) + b"keepalive ping timeout")
        client.socket.close()


async def test_a_slow_client_is_not_taken_for_a_dead_one(sqlite_db: Database, stalled: Stall) -> None:
    async with serving(sqlite_db, ping_seconds=0.1, slow_reader_seconds=0.6) as served:
        client = await stalled(served)
        await until(lambda: served.state.ended == 1)
        while (frame := await client.frame())[0] != 8:
            pass
        assert struct.unpack("!H", frame[1][:2]) == (4410,)


async def test_pings_that_nobody_reads_the_answers_of(sqlite_db: Database, stalled: Stall) -> None:
    async with serving(sqlite_db) as served:
        client = await stalled(served)
        (handler,) = served.service.sockets._open
        wire = handler.websocket.wire
        assert wire is not None
        before = wire.unsent()
        ping = struct.pack("!BB", 0x89, 0xFD) + bytes(4) + b"x" * 125
        for _ in range(200):
            await client.send_raw(ping)
        await client.say(type="ping")  # in order: when it has been taken, so have the others
        await until(lambda: handler._pings < 50)
        assert wire.unsent() <= before
        client.socket.close()


async def test_the_watch_survives_a_database_that_is_away(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(sqlite_db, slow_reader_seconds=0.1) as served, served.socket() as client:
        served.service.sockets._recheck = 0.0

        async def away(*_: Any) -> None:
            raise OSError("the database is away")

        with monkeypatch.context() as patch:
            patch.setattr(served.service.authenticator, "look_up", away)
            await until(lambda: "could not be looked up" in caplog.text)
        await subscribe(client, "{hello}")
        assert (await heard(client))["type"] == "next"

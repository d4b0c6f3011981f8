"""The WebSocket client against a real socket: what it sends, and what it makes of everything a server may say."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import Request, Response, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from app.client.socket import (
    CannotConnect,
    ConnectionLost,
    Encoded,
    GraphQLFailure,
    GraphQLSocket,
    SlowConsumer,
    socket_url,
)

Messages = list[dict[str, Any]]


class Peer:
    """A server that does what one test tells it to; `heard` is what it was sent."""

    def __init__(self, script: Callable[["Peer", dict[str, Any]], Awaitable[None]]) -> None:
        self.script = script
        self.heard: Messages = []
        self.connection: ServerConnection
        self.acknowledges = True
        self._changed = asyncio.Event()

    async def say(self, message: Any) -> None:
        await self.connection.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def next(self, id: str, data: Any) -> None:
        await self.say({"id": id, "type": "next", "payload": {"data": data}})

    async def answer(self, id: str, data: Any) -> None:
        await self.next(id, data)
        await self.say({"id": id, "type": "complete"})

    async def until(self, *kinds: str) -> None:
        async with asyncio.timeout(5):
            while [message["type"] for message in self.heard][-len(kinds) :] != list(kinds):
                self._changed.clear()
                await self._changed.wait()

    async def serve(self, connection: ServerConnection) -> None:
        self.connection = connection
        try:
            async for text in connection:
                message = json.loads(text)
                self.heard.append(message)
                self._changed.set()
                if message["type"] == "connection_init" and self.acknowledges:
                    await self.say({"type": "connection_ack"})
                await self.script(self, message)
        except ConnectionClosed:
            pass


async def silence(peer: Peer, message: dict[str, Any]) -> None:
    pass


async def echo(peer: Peer, message: dict[str, Any]) -> None:
    if message["type"] == "subscribe":
        await peer.answer(message["id"], {"echo": message["payload"]})


@asynccontextmanager
async def listening(peer: Peer, **options: Any) -> AsyncIterator[str]:
    async with serve(peer.serve, "127.0.0.1", 0, subprotocols=["graphql-transport-ws"], **options) as server:  # type: ignore[list-item]
        yield f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


@asynccontextmanager
async def talking(
    script: Callable[[Peer, dict[str, Any]], Awaitable[None]], **options: Any
) -> AsyncIterator[tuple[Peer, GraphQLSocket]]:
    peer = Peer(script)
    async with listening(peer) as url, await GraphQLSocket.open(url, **options) as socket:
        yield peer, socket


async def test_execute() -> None:
    async with talking(echo, token="secret") as (peer, socket):
        assert await socket.execute("{ ü }", {"a": "é"}) == {
            "echo": {"query": "{ ü }", "variables": {"a": "é"}}
        }
        assert await socket.execute("{ b }", Encoded('{"raw":1}')) == {
            "echo": {"query": "{ b }", "variables": {"raw": 1}}
        }
        assert peer.heard[0] == {"type": "connection_init", "payload": {"token": "secret"}}
        assert {message["type"] for message in peer.heard[1:]} == {"subscribe"}


async def test_answers_out_of_order() -> None:
    waiting: list[str] = []

    async def both_then_backwards(peer: Peer, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            waiting.append(message["id"])
        if len(waiting) == 2:
            for id in reversed(waiting):
                await peer.answer(id, {"id": id})

    async with talking(both_then_backwards) as (_, socket):
        answers = await asyncio.gather(socket.execute("{ a }"), socket.execute("{ b }"))
    assert [answer["id"] for answer in answers] == waiting


@pytest.mark.parametrize(
    ("reply", "code", "data"),
    [
        (
            {"type": "error", "payload": [{"message": "no", "extensions": {"code": "STALE_FENCE"}}]},
            "STALE_FENCE",
            None,
        ),
        ({"type": "next", "payload": {"data": {"a": 1}, "errors": [{"message": "half"}]}}, None, {"a": 1}),
        ({"type": "next", "payload": {"data": None}}, None, None),
        ({"type": "complete"}, None, None),
        ({"type": "error", "payload": "nonsense"}, None, None),
    ],
)
async def test_failures(reply: dict[str, Any], code: str | None, data: Any) -> None:
    async def fail(peer: Peer, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            await peer.say({"id": message["id"], **reply})

    async with talking(fail) as (_, socket):
        with pytest.raises(GraphQLFailure) as raised:
            await socket.execute("{ a }")
    assert (raised.value.code, raised.value.data) == (code, data)


async def test_subscription_to_its_end() -> None:
    async def count(peer: Peer, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            for i in range(3):
                await peer.next(message["id"], {"i": i})
            await peer.say({"id": message["id"], "type": "complete"})

    async with talking(count) as (peer, socket):
        assert [data["i"] async for data in socket.subscribe("subscription { i }")] == [0, 1, 2]
        assert "complete" not in [message["type"] for message in peer.heard]


async def test_leaving_a_subscription_tells_the_server() -> None:
    async def one(peer: Peer, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            await peer.next(message["id"], {"i": 0})

    async with talking(one) as (peer, socket):
        async with aclosing(socket.subscribe("subscription { i }")) as stream:
            assert await anext(stream) == {"i": 0}
        await peer.until("complete")
        assert peer.heard[-1]["id"] == peer.heard[-2]["id"]


async def test_a_cancelled_or_late_operation_is_forgotten_on_both_sides() -> None:
    async def only_the_third(peer: Peer, message: dict[str, Any]) -> None:
        if message.get("id") == "3" and message["type"] == "subscribe":
            for id in ("1", "2", "3"):  # late answers to what nobody waits for any more
                await peer.answer(id, {"id": id})

    async with talking(only_the_third) as (peer, socket):
        task = asyncio.create_task(socket.execute("{ a }"))
        await peer.until("subscribe")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await peer.until("complete")
        with pytest.raises(TimeoutError):
            await socket.execute("{ b }", timeout=0.01)
        await peer.until("complete")
        assert await socket.execute("{ c }") == {"id": "3"}


async def test_a_slow_consumer_loses_its_subscription_and_nothing_else() -> None:
    async def flood(peer: Peer, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe" and "flood" in message["payload"]["query"]:
            for i in range(10):
                await peer.next(message["id"], {"i": i})
        else:
            await echo(peer, message)

    got: list[int] = []

    async def read_on(stream: AsyncIterator[dict[str, Any]]) -> None:
        async for data in stream:
            got.append(data["i"])

    async with (
        talking(flood) as (peer, socket),
        aclosing(socket.subscribe("subscription { flood }", bound=4)) as stream,
    ):
        assert await anext(stream) == {"i": 0}
        await peer.until("complete")  # the bound is met while nobody reads
        await socket.execute("{ other }")
        with pytest.raises(SlowConsumer):
            await read_on(stream)
    assert got in ([1, 2, 3], [1, 2, 3, 4])


async def test_pings_are_answered() -> None:
    async def ping(peer: Peer, message: dict[str, Any]) -> None:
        if message["type"] == "connection_init":
            await peer.say({"type": "ping"})

    peer = Peer(ping)
    async with listening(peer) as url, await GraphQLSocket.open(url):
        await peer.until("pong")


async def test_ping_before_the_acknowledgement() -> None:
    async def ping_first(peer: Peer, message: dict[str, Any]) -> None:
        if message["type"] == "connection_init":
            await peer.say({"type": "ping"})
        elif message["type"] == "pong":
            await peer.say({"type": "connection_ack"})

    peer = Peer(ping_first)
    peer.acknowledges = False
    async with listening(peer) as url, await GraphQLSocket.open(url):
        assert [message["type"] for message in peer.heard] == ["connection_init", "pong"]


async def test_a_torn_connection_ends_every_operation() -> None:
    async with talking(silence) as (peer, socket):
        stream = socket.subscribe("subscription { a }")
        tasks = [asyncio.create_task(anext(stream)), asyncio.create_task(socket.execute("{ b }"))]  # type: ignore[arg-type]
        await peer.until("subscribe", "subscribe")
        peer.connection.transport.abort()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, ConnectionLost)
        with pytest.raises(ConnectionLost):
            await socket.execute("{ c }")


async def test_the_code_and_reason_of_a_close() -> None:
    async def hang_up(peer: Peer, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            await peer.connection.close(4411, "Token revoked")

    async with talking(hang_up) as (_, socket):
        with pytest.raises(ConnectionLost) as raised:
            await socket.execute("{ a }")
    assert (raised.value.code, raised.value.reason) == (4411, "Token revoked")


async def test_a_peer_that_no_longer_reads_is_dead() -> None:
    async def deaf(peer: Peer, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            peer.connection.transport.pause_reading()

    async with talking(deaf, ping_seconds=0.1) as (peer, socket):
        async with asyncio.timeout(5):
            with pytest.raises(ConnectionLost):
                await socket.execute("{ a }")
        peer.connection.transport.abort()


@pytest.mark.parametrize("nonsense", ["[]", "5", "null", "no json", '{"type": 1}', "[" * 100_000, b"{}"])
async def test_nonsense_ends_the_connection(nonsense: str | bytes) -> None:
    async def talk_nonsense(peer: Peer, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            await peer.say(nonsense)

    async with talking(talk_nonsense) as (_, socket):
        with pytest.raises(ConnectionLost) as raised:
            await socket.execute("{ a }")
    assert raised.value.code == 4400


async def test_nobody_listens() -> None:
    async with listening(Peer(silence)) as url:
        pass
    with pytest.raises(CannotConnect):
        await GraphQLSocket.open(url)


async def test_no_acknowledgement() -> None:
    peer = Peer(silence)
    peer.acknowledges = False
    async with listening(peer) as url:
        with pytest.raises(CannotConnect):
            await GraphQLSocket.open(url, timeout=0.1)


async def test_refused_with_a_code() -> None:
    async def refuse(peer: Peer, message: dict[str, Any]) -> None:
        await peer.connection.close(4403, "Forbidden")

    peer = Peer(refuse)
    peer.acknowledges = False
    async with listening(peer) as url:
        with pytest.raises(CannotConnect) as raised:
            await GraphQLSocket.open(url, token="wrong")
    assert (raised.value.code, raised.value.reason) == (4403, "Forbidden")


async def test_another_protocol() -> None:
    async with serve(Peer(silence).serve, "127.0.0.1", 0) as server:
        with pytest.raises(CannotConnect):
            await GraphQLSocket.open(f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}")


async def test_the_token_does_not_follow_a_redirect() -> None:
    elsewhere = Peer(silence)
    async with listening(elsewhere) as target:

        def redirect(connection: ServerConnection, request: Request) -> Response:
            response = connection.respond(HTTPStatus.FOUND, "")
            response.headers["Location"] = target.replace("http", "ws")
            return response

        async with listening(Peer(silence), process_request=redirect) as url:
            with pytest.raises(CannotConnect):
                await GraphQLSocket.open(url, token="secret")
    assert elsewhere.heard == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000", "ws://127.0.0.1:8000/graphql"),
        ("http://127.0.0.1:8000/", "ws://127.0.0.1:8000/graphql"),
        ("https://example.org/trackside/graphql", "wss://example.org/trackside/graphql"),
        ("ws://[::1]:80/graphql", "ws://[::1]:80/graphql"),
    ],
)
def test_addresses(url: str, expected: str) -> None:
    assert socket_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:80",
        "ftp://x",
        "http://",
        "http://me:secret@x",
        "http://x?token=secret",
        "ftp://me:secret@x",
    ],
)
def test_no_addresses(url: str) -> None:
    with pytest.raises(CannotConnect) as raised:
        socket_url(url)
    assert "secret" not in str(raised.value)

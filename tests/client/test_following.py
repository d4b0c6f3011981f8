"""Subscriptions over connections that break: every item once, in order, from the cursor that was reached."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from app.client.discovery import Located
from app.client.errors import NoServer, NotAllowed, RequestFailed, Unreachable
from app.client.following import Line
from app.client.http import At, Server
from app.client.retries import BackOff

AT_ONCE = BackOff(first=0.0, limit=0.0)
Script = Callable[["Session"], Awaitable[None]]


class Session:
    """One connection on which a subscription was asked for."""

    def __init__(self, connection: ServerConnection, subscribe: dict[str, Any]) -> None:
        self.connection = connection
        self.id = subscribe["id"]
        self.variables: dict[str, Any] = subscribe["payload"]["variables"]

    async def say(self, kind: str, **more: Any) -> None:
        await self.connection.send(json.dumps({"id": self.id, "type": kind, **more}))

    async def give(self, *cursors: int) -> None:
        for cursor in cursors:
            await self.say("next", payload={"data": {"events": {"cursor": str(cursor)}}})

    async def fail(self, code: str) -> None:
        await self.say("error", payload=[{"message": "No.", "extensions": {"code": code}}])

    async def drop(self) -> None:
        self.connection.transport.abort()


class Peer:
    """Plays one script after the other, a connection each; `sessions` are those it has had."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = list(scripts)
        self.sessions: list[Session] = []

    @property
    def positions(self) -> list[str]:
        """Where each subscription wanted to go on."""
        return [session.variables["after"] for session in self.sessions]

    async def serve(self, connection: ServerConnection) -> None:
        async for text in connection:
            message = json.loads(text)
            if message["type"] == "connection_init":
                await connection.send('{"type": "connection_ack"}')
            elif message["type"] == "subscribe":
                session = Session(connection, message)
                self.sessions.append(session)
                await self._scripts.pop(0)(session)


@asynccontextmanager
async def listening(peer: Peer) -> AsyncIterator[str]:
    async with serve(peer.serve, "127.0.0.1", 0, subprotocols=["graphql-transport-ws"]) as server:  # type: ignore[list-item]
        yield f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


async def take(line: Line, number: int, *, after: str = "0", endless: bool = True) -> list[int]:
    """The cursors of the first items, so many or as many as there are."""
    stream = line.follow(
        "subscription", {}, after=after, cursor=lambda data: str(data["events"]["cursor"]), endless=endless
    )
    found: list[int] = []
    async with asyncio.timeout(10), aclosing(stream):
        async for data in stream:
            found.append(int(data["events"]["cursor"]))
            if len(found) == number:
                break
    return found


def gives(*cursors: int, then: str = "wait") -> Script:
    async def script(session: Session) -> None:
        await session.give(*cursors)
        if then == "drop":
            await session.drop()
        elif then == "complete":
            await session.say("complete")
        elif then != "wait":
            await session.fail(then)

    return script


@pytest.mark.parametrize("then", ["drop", "complete", "UNAVAILABLE"])
async def test_it_goes_on_from_the_last_cursor_however_it_was_broken_off(then: str) -> None:
    peer = Peer(gives(1, 2, then=then), gives(then=then), gives(3, then=then), gives(4, 5))

    async with listening(peer) as url:
        assert await take(Line(At(url), back_off=AT_ONCE), 5) == [1, 2, 3, 4, 5]

    assert peer.positions == ["0", "2", "2", "3"]


async def test_what_may_end_ends_when_the_server_says_so() -> None:
    peer = Peer(gives(1, 2, then="complete"))

    async with listening(peer) as url:
        assert await take(Line(At(url), back_off=AT_ONCE), 9, endless=False) == [1, 2]


async def test_a_break_is_told_once_however_often_it_is_mended_in_vain() -> None:
    told: list[str] = []
    peer = Peer(
        gives(1, then="drop"), gives(then="drop"), gives(then="drop"), gives(2, then="drop"), gives(3)
    )

    async with listening(peer) as url:
        await take(Line(At(url), back_off=AT_ONCE, lost=told.append), 3)

    assert len(told) == 2


@pytest.mark.parametrize("code", ["CURSOR_EXPIRED", "INTERNAL", "INVALID_INPUT"])
async def test_what_is_refused_is_not_asked_again(code: str) -> None:
    peer = Peer(gives(1, then=code))

    async with listening(peer) as url:
        with pytest.raises(RequestFailed) as error:
            await take(Line(At(url), back_off=AT_ONCE), 9)

    assert error.value.code == code
    assert len(peer.sessions) == 1


async def test_a_token_that_is_refused_is_not_presented_again() -> None:
    async def refuse(session: Session) -> None:
        await session.connection.close(4403, "Forbidden")

    peer = Peer(refuse)

    async with listening(peer) as url:
        with pytest.raises(NotAllowed):
            await take(Line(At(url), back_off=AT_ONCE), 1)

    assert len(peer.sessions) == 1


async def test_patience_ends_where_nothing_comes_up() -> None:
    with pytest.raises(Unreachable):
        await take(Line(At("http://127.0.0.1:1"), patience=0.0, back_off=AT_ONCE), 1)


async def test_a_server_that_moves_is_found_again() -> None:
    async with listening(Peer(gives(1, then="drop"))) as old, listening(Peer(gives(2))) as new:
        places: list[str | None] = [old, None, new]

        class Moving:
            def locate(self) -> Located:
                url = places.pop(0)
                if url is None:
                    raise NoServer("It is being restarted.")
                return Located(url, None)

        server: Server = Moving()
        assert await take(Line(server, back_off=AT_ONCE), 2) == [1, 2]

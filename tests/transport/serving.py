"""A small schema behind the real transport, on a real socket."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from strawberry.types import Info
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.domain.access import Actor, Role
from app.domain.errors import AppError, ErrorCode
from app.store import tokens
from app.store.db import Database, Tx
from app.transport.dump import Dump
from app.transport.server import Server, configuration
from app.transport.service import RevokedTokens, Service, Terms, build_schema

ADMIN = "trk_admin-of-the-tests"
VIEWER = "trk_viewer-of-the-tests"


@dataclass
class State:
    """What the resolvers of a test share with it."""

    db: Database
    begun: threading.Event = field(default_factory=threading.Event)
    commit: threading.Event = field(default_factory=threading.Event)
    written: list[str] = field(default_factory=list)

    started: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    contexts: list["Context"] = field(default_factory=list)
    sent: int = 0
    ended: int = 0


@dataclass(eq=False)
class Context:
    state: State
    actor: Actor
    request_id: str


def state_of(info: Info[Context, None]) -> State:
    return info.context.state


@strawberry.type
class Tick:
    cursor: str
    text: str = ""


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world", number: int = 0) -> str:
        return f"hello {name}"

    @strawberry.field
    def me(self) -> "Query":
        return Query()

    @strawberry.field
    def who(self, info: Info[Context, None]) -> str:
        return info.context.actor.name

    @strawberry.field
    def bug(self) -> str | None:
        raise ZeroDivisionError("password=hunter2")

    @strawberry.field
    def refused(self) -> str | None:
        raise AppError(ErrorCode.NOT_FOUND, "There is no such thing.", suggestion="Look elsewhere.")

    @strawberry.field
    def nothing(self) -> str:
        return None  # type: ignore[return-value]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def work(self, info: Info[Context, None]) -> str:
        state_of(info).started.set()
        await state_of(info).release.wait()
        return "done"

    @strawberry.mutation
    async def write(self, info: Info[Context, None], name: str) -> str:
        """In a transaction that ends when the test says so."""
        state = state_of(info)

        def write(_tx: Tx) -> str:
            state.begun.set()
            assert state.commit.wait(20)
            state.written.append(name)
            return name

        return await state.db.write(write)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self, info: Info[Context, None], count: int = 3) -> AsyncIterator[Tick]:
        state_of(info).contexts.append(info.context)
        for number in range(count):
            yield Tick(cursor=str(number))

    @strawberry.subscription
    async def flood(self, info: Info[Context, None], size: int = 20_000) -> AsyncIterator[Tick]:
        state = state_of(info)
        try:
            while True:
                yield Tick(cursor=str(state.sent), text="x" * size)
                state.sent += 1
                await asyncio.sleep(0)
        finally:
            state.ended += 1

    @strawberry.subscription
    async def forever(self, info: Info[Context, None]) -> AsyncIterator[Tick]:
        try:
            yield Tick(cursor="0")
            await asyncio.Event().wait()
        finally:
            state_of(info).ended += 1

    @strawberry.subscription
    async def breaks(self) -> AsyncIterator[Tick]:
        yield Tick(cursor="0")
        raise ZeroDivisionError("password=hunter2")

    @strawberry.subscription
    async def refuses(self) -> AsyncIterator[Tick]:
        raise AppError(ErrorCode.INVALID_INPUT, "There is no such position.")
        yield Tick(cursor="0")


@dataclass
class Served:
    url: str
    service: Service
    server: Server
    state: State
    db: Database

    @property
    def path(self) -> str:
        return f"{self.url}/graphql"

    @property
    def ws(self) -> str:
        return self.path.replace("http", "ws")

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def client(self, token: str | None = ADMIN, **headers: str) -> httpx.AsyncClient:
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(base_url=self.url, headers=headers)

    async def ask(self, query: str, **body: Any) -> httpx.Response:
        async with self.client(accept="application/graphql-response+json") as client:
            return await client.post("/graphql", json={"query": query, **body})

    @asynccontextmanager
    async def socket(
        self, *, token: str | None = ADMIN, hello: bool = True, query: str = "", **options: Any
    ) -> AsyncIterator[ClientConnection]:
        options.setdefault("subprotocols", [Subprotocol("graphql-transport-ws")])
        async with connect(
            self.ws + query, compression=None, close_timeout=1, proxy=None, **options
        ) as socket:
            if hello:
                await say(socket, "connection_init", payload={"token": token} if token else None)
                assert (await heard(socket))["type"] == "connection_ack"
            yield socket


async def say(socket: ClientConnection, type: str, **fields: Any) -> None:
    await socket.send(json.dumps({"type": type, **fields}))


async def subscribe(socket: ClientConnection, query: str, id: str = "1", **payload: Any) -> None:
    await say(socket, "subscribe", id=id, payload={"query": query, **payload})


async def heard(socket: ClientConnection, seconds: float = 10.0) -> dict[str, Any]:
    async with asyncio.timeout(seconds):
        message: dict[str, Any] = json.loads(await socket.recv())
        return message


async def closed(socket: ClientConnection, seconds: float = 10.0) -> tuple[int | None, str | None]:
    """How the server closes, whatever it says before."""
    with suppress(ConnectionClosed):
        async with asyncio.timeout(seconds):
            while True:
                await socket.recv()
    return socket.close_code, socket.close_reason


async def whoami(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.state.actor.name)


@asynccontextmanager
async def serving(
    db: Database, *, ping_seconds: float = 20.0, revoked: RevokedTokens | None = None, **terms: Any
) -> AsyncIterator[Served]:
    await db.write(tokens.ensure, name="admin", role=Role.ADMIN, secret=ADMIN)
    await db.write(tokens.ensure, name="viewer", role=Role.VIEWER, secret=VIEWER)
    await db.write(tokens.signing_key)
    state = State(db)
    service = Service(
        build_schema(Query, Mutation, Subscription),
        db,
        lambda actor, request_id: Context(state, actor, request_id),
        Terms(**terms),
    )
    dump = Dump(db, slow_seconds=Terms(**terms).slow_reader_seconds)
    routes = [
        Route("/graphql", service.endpoint),
        WebSocketRoute("/graphql", service.endpoint),
        Route("/state.ndjson", service.authenticated(dump)),
        Route("/whoami", service.authenticated(_route(whoami))),
    ]
    ready = asyncio.Event()

    async def listening() -> None:
        ready.set()

    async def leaving() -> None:
        await service.drain(5)

    config = configuration(service.gate(Starlette(routes=routes)))
    config.port = 0
    config.ws_ping_interval = config.ws_ping_timeout = ping_seconds
    server = Server(config, listening=listening, leaving=leaving)
    async with service.running(revoked):
        task = asyncio.create_task(server.serve())
        async with asyncio.timeout(10):
            await ready.wait()
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield Served(f"http://127.0.0.1:{port}", service, server, state, db)
        finally:
            state.release.set()
            state.commit.set()
            server.should_exit = True
            async with asyncio.timeout(20):
                await task


def _route(endpoint: Any) -> Any:
    route = Route("/whoami", endpoint)
    return route.app

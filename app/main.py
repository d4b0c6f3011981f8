"""The composition root: the only module that knows all others."""

import asyncio
import gc
import logging
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

import strawberry
from anyio import lowlevel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp

from app import premises, schema, store
from app.dispatch import leftovers
from app.dispatch.local import LocalDispatch
from app.domain.access import READERS, Actor, Role
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.observation import Observer
from app.domain.project_settings import ProjectSettings
from app.domain.runs import Patience
from app.engine import loop as engine
from app.engine.presence import Place
from app.live.hub import Hub
from app.live.log import Closed, Tail
from app.live.requests import Requests
from app.live.telemetry import Probes, Telemetry
from app.schema import sdl
from app.schema.context import Context, Services
from app.settings import Settings, configuration_directory
from app.store import migrations
from app.store.db import Database
from app.transport import service as transport
from app.transport.dump import Dump
from app.web import access, health
from app.web.metrics import Metrics

log = logging.getLogger(__name__)

SERVER_FILE = "server.json"
TOKEN_FILE = "token"
METRICS = "/metrics"
TURN_SECONDS: Final = 0.001
"""How long a thread may keep the interpreter while another wants it. The event loop asks for it after each wait and each
write to a socket: with Python's own five milliseconds those behind a busy database thread add up to twenty and more."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,512}")


async def settle() -> None:
    """What a process does once that serves from now on: nothing of it holds the event loop later."""
    sys.setswitchinterval(TURN_SECONDS)
    await lowlevel.checkpoint()  # loads what the first streamed answer would otherwise wait for
    # what is there by now stays: the collector would look at all of it again, and hold everything up meanwhile
    gc.collect()
    gc.freeze()


@dataclass(slots=True)
class Address:
    """Where the server listens, known once it does."""

    url: str = ""


class Application:
    """Everything but the socket. `running` starts it; `serving` is told the address; `drain` lets go of clients."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._address = Address()
        self._hub = Hub(settings.events_url)
        self._db: Database | None = None
        self._tail: Tail | None = None
        self._telemetry: Telemetry | None = None
        self._index_requests = Requests()
        self._dispatch: LocalDispatch | None = None
        self._metrics = Metrics(version())
        self._engine: engine.Engine | None = None
        self._service: transport.Service | None = None
        self._key = b""
        self._agents = settings.configured_agents()
        self._stack = AsyncExitStack()
        self.asgi: ASGIApp | None = None

    @property
    def server_file(self) -> Path:
        return self.settings.data_dir / SERVER_FILE

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Application"]:
        """Open everything that needs no address. AppError where that cannot be done."""
        async with AsyncExitStack() as stack:
            settings = self.settings
            stack.callback(premises.take(settings.data_dir).close)
            if (lock := premises.take_database(settings.database)) is not None:
                stack.callback(lock.close)
            db = self._db = await asyncio.to_thread(
                _open_database, settings.database, self._hub, self._metrics
            )
            stack.callback(db.close)
            await _ensure_first_token(db, settings)
            self._key = await db.write(store.tokens.signing_key)
            await stack.enter_async_context(self._hub)
            self._tail = await stack.enter_async_context(Tail(db, self._hub))
            self._telemetry = await stack.enter_async_context(
                Telemetry(self._tail, self._probes(), self._metrics)
            )
            self._service = transport.Service(self._schema(), db, self._context, self._terms(), self._metrics)
            patience = Patience(timedelta(seconds=settings.stale_after_seconds))
            self._metrics.watch(self._tail, self._subscriptions, lambda: db.read(store.counts.read, patience))
            self._metrics.watch_servers(lambda: self._hub.state, self._leads)
            await stack.enter_async_context(self._service.running(self._revoked_tokens))
            self.asgi = self._routes(self._service)
            async with self._stack:
                yield self

    async def serving(self, url: str) -> None:
        """The server listens at `url`: tell runners and clients, then begin to work."""
        assert self._db is not None
        assert self._tail is not None
        self._address.url = url
        premises.write_address(self.server_file, url)
        self._stack.callback(self.server_file.unlink, missing_ok=True)
        self._dispatch = LocalDispatch(self.settings.data_dir, self.server_file)
        terms = engine.Terms(
            host=_place(self.settings),
            heartbeat_timeout=timedelta(seconds=self.settings.heartbeat_timeout_seconds),
            configuration=str(configuration_directory()),
            supervisor_timeout=timedelta(seconds=self.settings.supervisor_timeout_seconds),
            stale_after=timedelta(seconds=self.settings.stale_after_seconds),
            stale_check=timedelta(seconds=self.settings.stale_check_seconds),
            local=leftovers.place(self.settings.data_dir),
            keep_local=timedelta(days=self.settings.keep_local_days),
        )
        self._engine = engine.Engine(self._db, self._tail, self._dispatch, terms, self._index_requests)
        await self._stack.enter_async_context(self._engine)
        await settle()

    async def drain(self) -> None:
        """Start nothing more, finish what is under way, close every socket as going away. Workers go on."""
        assert self._service is not None
        seconds = self.settings.drain_seconds
        log.info("this server stops; workers go on, and the next one on this data directory takes them up")
        leaving = {
            asyncio.ensure_future(self._service.drain(seconds)),
            asyncio.ensure_future(self._stack.aclose()),
        }
        done, _ = await asyncio.wait(leaving, timeout=seconds)
        for task in done:
            if (error := task.exception()) is not None:
                log.error("the server could not leave in order", exc_info=error)

    # ------------------------------------------------------------------ parts

    def _schema(self) -> strawberry.Schema:
        return transport.build_schema(
            schema.Query,
            schema.Mutation,
            schema.Subscription,
            types=schema.TYPES,
            config=schema.CONFIG,
            observer=self._metrics,
        )

    def _terms(self) -> transport.Terms:
        settings = self.settings
        return transport.Terms(
            host=settings.host,
            allowed_hosts=settings.allowed_hosts,
            allowed_origins=settings.allowed_origins,
            slow_reader_seconds=settings.slow_reader_seconds,
            request_timeout_seconds=settings.request_timeout_seconds,
            max_sockets=settings.max_sockets,
            max_sockets_per_token=settings.max_sockets_per_token,
            max_operations_per_socket=settings.max_operations_per_socket,
            mutations_per_second=settings.mutations_per_second,
            failed_logins_per_second=settings.failed_logins_per_second,
        )

    def _probes(self) -> Probes:
        return Probes(
            database_latency=self._metrics.latency.take,
            subscribers=self._subscriptions,
            processes=lambda: self._dispatch.count_processes() if self._dispatch is not None else 0,
        )

    def _context(self, actor: Actor, _request_id: str) -> Context:
        assert self._db is not None
        assert self._tail is not None
        assert self._telemetry is not None
        services = Services(
            db=self._db,
            tail=self._tail,
            telemetry=self._telemetry,
            url=lambda: self._address.url,
            server_file=str(self.server_file.absolute()),
            signing_key=lambda: self._key,
            agents=self._agents,
            heartbeat_seconds=self.settings.heartbeat_seconds,
            supervisor_heartbeat_seconds=self.settings.supervisor_heartbeat_seconds,
            observer=self._metrics,
            configuration=str(configuration_directory()),
            stale_after=timedelta(seconds=self.settings.stale_after_seconds),
            index_requests=self._index_requests,
            defaults=ProjectSettings(
                phase_guard=self.settings.phase_guard,
                auto_advance=self.settings.auto_advance,
                auto_complete=self.settings.auto_complete,
                conflict_policy=self.settings.conflict_policy,
                stale_after_seconds=round(self.settings.stale_after_seconds),
            ),
        )
        return Context(services, actor)

    async def _revoked_tokens(self) -> AsyncIterator[str]:
        assert self._tail is not None
        only = store.events.Filter(kinds=frozenset({EventKind.TOKEN_CHANGED}))
        try:
            async for event in self._tail.follow(only=only):
                if event.data["revoked"]:
                    yield event.data["token"]
        except Closed:
            pass  # nobody can revoke anything here any more

    def _routes(self, service: transport.Service) -> ASGIApp:
        async def schema_text(_request: Request) -> Response:
            return PlainTextResponse(_schema_text())

        assert self._db is not None
        dump = Dump(self._db, slow_seconds=self.settings.slow_reader_seconds)
        guarded = Starlette(
            routes=[
                Route("/graphql", service.endpoint),
                WebSocketRoute("/graphql", service.endpoint),
                Route("/schema.graphql", schema_text),
                Route("/state.ndjson", service.authenticated(dump)),
            ]
        )
        checks = {"database": self._database_answers, "log": self._log_is_read, "engine": self._engine_runs}
        metrics = Route(METRICS, self._metrics.answer)
        if not self.settings.metrics_public:
            metrics = Route(METRICS, service.authenticated(metrics.app, may=_may_watch), methods=["GET"])
        # who asks for these names the machine by whatever address it has, and has to be answered to the last
        watched = [
            *health.routes(checks, {"wakeUps": self._bus_works, "leader": self._somebody_leads}),
            metrics,
        ]
        everything = Starlette(routes=[*watched, Mount("/", service.gate(guarded))])
        known = [route.path for route in [*watched, *guarded.routes] if isinstance(route, Route)]
        return access.Access(everything, self._metrics, known)

    def _subscriptions(self) -> int:
        return self._service.sockets.subscriptions if self._service is not None else 0

    async def _database_answers(self) -> bool:
        assert self._db is not None
        await self._db.read(store.events.head)
        return True

    async def _log_is_read(self) -> bool:
        return self._tail is not None and self._tail.running

    async def _somebody_leads(self) -> bool:
        assert self._db is not None
        return await self._db.read(store.leases.is_held, store.leases.ENGINE)

    def _leads(self) -> bool:
        return self._engine is not None and self._engine.leads

    async def _bus_works(self) -> bool:
        return self._hub.connected

    async def _engine_runs(self) -> bool:
        draining = self._service is not None and self._service.draining
        return self._engine is not None and self._engine.running and not draining


def _place(settings: Settings) -> Place:
    return Place(
        id=premises.host_id(settings.data_dir, store.ids.new("host")),
        name=settings.host_name,
        slots=settings.slots,
        labels=sorted(settings.host_labels),
    )


def _open_database(url: str, hub: Hub, observer: Observer) -> Database:
    db: Database | None = None
    try:
        db = Database(url, on_commit=hub.wake, observer=observer)
        migrations.upgrade(db)
    except Exception as error:
        if db is not None:
            db.close()
        raise AppError(
            ErrorCode.UNAVAILABLE,
            f"The database cannot be used: {(str(error) or type(error).__name__).splitlines()[0]}",
            suggestion="Check --database-url, and that the server answers.",
        ) from error
    return db


async def _ensure_first_token(db: Database, settings: Settings) -> None:
    """The token that was set, else the one that was made at the first start; readable by this user alone.

    One that was set and is no good is refused; one that was made, and revoked since, is replaced.
    """
    given = settings.token.get_secret_value() if settings.token is not None else ""
    path = settings.data_dir / TOKEN_FILE
    kept = path.read_text().strip() if not given and path.exists() else ""
    source = "TRACKSIDE_TOKEN" if given else str(path)
    if given or kept:
        try:
            await _ensure_admin(db, given or kept, source)
        except AppError as error:
            if given:
                raise AppError(
                    error.code, f"{source}: {error.message}", suggestion=error.suggestion
                ) from error
            log.warning("%s: %s A new one takes its place.", source, error.message)
            kept = ""
    if given:
        return
    if kept:
        path.chmod(0o600)
        return
    token = store.tokens.new_secret()
    await _ensure_admin(db, token, source)
    premises.write_private(path, token + "\n")


async def _ensure_admin(db: Database, token: str, source: str) -> None:
    if not _TOKEN.fullmatch(token):
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"The token in {source} cannot be sent in a header.",
            suggestion="Use 1 to 512 letters, digits and punctuation marks, without spaces.",
        )
    await db.write(store.tokens.ensure, name="admin", role=Role.ADMIN, secret=token)


def _may_watch(actor: Actor) -> bool:
    """What concerns the whole instance is not for a token of one project."""
    return actor.role in READERS and actor.project_id is None


@cache
def version() -> str:
    try:
        return metadata.version("trackside")
    except metadata.PackageNotFoundError:
        return "unknown"


@cache
def _schema_text() -> str:
    return sdl.text()

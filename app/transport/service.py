"""GraphQL as served: the schema with its limits, the endpoint, and the gate in front of every route."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import strawberry
from starlette.types import ASGIApp
from strawberry.schema.config import StrawberryConfig

from app.domain.access import Actor
from app.domain.observation import NOBODY, Observer
from app.store.db import Database
from app.transport.draining import Drain
from app.transport.errors import ServedSchema
from app.transport.gate import Addresses, Gate
from app.transport.identity import Authenticated, Authenticator
from app.transport.limits import EXTENSIONS
from app.transport.rates import Rate
from app.transport.sockets import Sockets
from app.transport.view import MakeContext, View

log = logging.getLogger(__name__)

RevokedTokens = Callable[[], AsyncIterator[str]]
"""Follows the ids of tokens that are revoked, on whichever server; ends where the log does."""


@dataclass(frozen=True)
class Terms:
    """What an operator may set about how GraphQL is served."""

    host: str = "127.0.0.1"
    allowed_hosts: frozenset[str] = frozenset()
    allowed_origins: frozenset[str] = frozenset()
    slow_reader_seconds: float = 30.0
    request_timeout_seconds: float = 60.0
    max_sockets: int = 10_000
    max_sockets_per_token: int = 1_000
    max_operations_per_socket: int = 100
    mutations_per_second: float = 100.0
    failed_logins_per_second: float = 10.0


def build_schema(
    query: type,
    mutation: type | None,
    subscription: type | None,
    *,
    types: Sequence[Any] = (),
    config: StrawberryConfig | None = None,
    observer: Observer = NOBODY,
) -> strawberry.Schema:
    """The schema that is served: the same types as the exported one, with limits, caches and masked errors."""
    served = ServedSchema(query, mutation, subscription, types=types, config=config, extensions=EXTENSIONS)
    served.observer = observer
    return served


class Service:
    """`endpoint` answers GraphQL; `gate` and `authenticated` wrap it and every other route."""

    def __init__(
        self,
        schema: strawberry.Schema,
        db: Database,
        make_context: MakeContext,
        terms: Terms,
        observer: Observer = NOBODY,
    ) -> None:
        self._addresses = Addresses(terms.host, terms.allowed_hosts, terms.allowed_origins)
        self._drain = Drain()
        self.authenticator = Authenticator(db, failures=Rate(terms.failed_logins_per_second))
        self.sockets = Sockets(
            self.authenticator,
            slow_seconds=terms.slow_reader_seconds,
            most=terms.max_sockets,
            most_per_token=terms.max_sockets_per_token,
        )
        self.endpoint: ASGIApp = View(
            schema,
            self.authenticator,
            self.sockets,
            make_context,
            observer,
            seconds=terms.request_timeout_seconds,
            operations=terms.max_operations_per_socket,
            mutations=Rate(terms.mutations_per_second),
        )

    @property
    def draining(self) -> bool:
        return self._drain.begun

    def gate(self, app: ASGIApp) -> ASGIApp:
        return Gate(app, self._addresses, self._drain)

    def authenticated(self, app: ASGIApp, *, may: Callable[[Actor], bool] = lambda _: True) -> ASGIApp:
        return Authenticated(app, self.authenticator, may)

    @asynccontextmanager
    async def running(self, revoked: RevokedTokens | None = None) -> AsyncIterator[None]:
        watches = {
            asyncio.create_task(self.sockets.watch(), name="sockets"),
            asyncio.create_task(self.authenticator.uses.watch(), name="token-uses"),
        }
        if revoked is not None:
            watches.add(asyncio.create_task(self._heed(revoked), name="revoked-tokens"))
        try:
            yield
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.wait(watches)
            await self.authenticator.uses.write_due(every=timedelta(0))

    async def _heed(self, revoked: RevokedTokens) -> None:
        """Act on revocations as they come. Should that fail, open sockets are looked through from time to time anyway."""
        try:
            async for token_id in revoked():
                self.sockets.token_changed(token_id)
        except Exception:
            log.warning("revoked tokens are noticed late from here on", exc_info=True)

    async def drain(self, seconds: float) -> None:
        """Take nothing new; finish what is under way, for so long at most; close every socket."""
        deadline = time.monotonic() + seconds
        self._drain.begin()
        await self.sockets.drain(seconds)
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await self._drain.finished()
        except TimeoutError:
            pass

"""Who presents which token: read from headers, looked up in the store, remembered for a moment."""

import re
import time
from collections.abc import Callable, Sequence
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.domain.access import Actor
from app.store import tokens
from app.store.db import Database, Tx
from app.transport.media import header
from app.transport.refusals import Refused, TransportCode, refuse

KEEP_SECONDS: Final = 2.0
"""How long a token that was good is taken without asking: a revoked one works for so long at most."""
REMEMBERED: Final = 4096

_SECRET: Final = re.compile(r"[\x21-\x7e]{1,512}")
_BEARER: Final = re.compile(r"bearer +([\x21-\x7e]{1,512})", re.IGNORECASE)


def bearer(scope: Scope) -> str | None:
    """The token in the Authorization header of a request or a handshake."""
    found = _BEARER.fullmatch(header(scope, b"authorization") or "")
    return found[1] if found else None


class Authenticator:
    """Only good tokens are remembered, by their digest, and not for long."""

    def __init__(
        self, db: Database, *, keep: float = KEEP_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._db = db
        self._keep = keep
        self._clock = clock
        self._known: dict[str, tuple[Actor, float]] = {}

    async def identify(self, secret: str | None) -> Actor | None:
        if secret is None or not _SECRET.fullmatch(secret):
            return None
        known = self._known.get(tokens.digest(secret))
        if known is not None and self._clock() < known[1]:
            return known[0]
        return (await self.look_up([secret]))[0]

    async def look_up(self, secrets: Sequence[str]) -> list[Actor | None]:
        """Ask the store about all of them at once."""
        asked_at = self._clock()
        actors = await self._db.read(_actors_of, secrets)
        for secret, actor in zip(secrets, actors, strict=True):
            self._remember(tokens.digest(secret), actor, asked_at + self._keep)
        return actors

    def _remember(self, digest: str, actor: Actor | None, until: float) -> None:
        self._known.pop(digest, None)
        if actor is not None:
            if len(self._known) >= REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[digest] = (actor, until)


class Authenticated:
    """Lets only callers with a good token through to an app, which finds them in `request.state.actor`."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            actor = await authenticate(scope, self._authenticator)
        except Refused as refused:
            await refuse(refused, scope, receive, send)
            return
        scope.setdefault("state", {})["actor"] = actor
        await self._app(scope, receive, send)


async def authenticate(scope: Scope, authenticator: Authenticator) -> Actor:
    actor = await authenticator.identify(bearer(scope))
    if actor is None:
        raise Refused(
            401,
            TransportCode.UNAUTHENTICATED,
            "A valid token is needed.",
            suggestion="Send the header `Authorization: Bearer TOKEN`.",
            headers={"www-authenticate": "Bearer"},
        )
    return actor


def _actors_of(tx: Tx, secrets: Sequence[str]) -> list[Actor | None]:
    return [tokens.actor_of(tx, secret) for secret in secrets]

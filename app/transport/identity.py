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
from app.transport.rates import Rate, too_often
from app.transport.refusals import Refused, TransportCode, refuse
from app.transport.uses import Uses

KEEP_SECONDS: Final = 2.0
"""How long a token that was good is taken without asking: one that was revoked works for so long at most, where word of it
does not come."""
REMEMBERED: Final = 4096

_SECRET: Final = re.compile(r"[\x21-\x7e]{1,512}")
_BEARER: Final = re.compile(r"bearer +([\x21-\x7e]{1,512})", re.IGNORECASE)


def bearer(scope: Scope) -> str | None:
    """The token in the Authorization header of a request or a handshake."""
    found = _BEARER.fullmatch(header(scope, b"authorization") or "")
    return found[1] if found else None


def address_of(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


class Authenticator:
    """Only good tokens are remembered, by their digest, and not for long."""

    def __init__(
        self,
        db: Database,
        *,
        keep: float = KEEP_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        failures: Rate | None = None,
    ) -> None:
        self._db = db
        self._keep = keep
        self._clock = clock
        self._known: dict[str, tuple[Actor, float]] = {}
        self._forgotten = 0
        self._failures = failures or Rate(0)
        self._once_good: dict[str, None] = {}
        self.uses = Uses(db)

    async def admit(self, secret: str | None, address: str) -> Actor | None:
        """As `identify`, for who is not known yet: whoever has tried too often is not looked up any more.

        That is refused (Refused), unless the token is known to have been good, or was made for a worker: those who share
        an address with somebody else's mistakes, and runners above all, go on.
        """
        if secret is None:
            return None
        seconds = self._failures.empty_for(address)
        if seconds and not self._is_trusted(secret):
            raise too_often("Too many tokens that are no good have come from this address", seconds)
        actor = await self.identify(secret)
        if actor is None:
            self._failures.take(address)
        return actor

    def _is_trusted(self, secret: str) -> bool:
        return secret.startswith(tokens.DERIVED) or tokens.digest(secret) in self._once_good

    def has_ended(self, actor: Actor) -> bool:
        """Whether this caller's token is past its time."""
        return actor.expires_at is not None and actor.expires_at <= self._db.clock()

    def forget(self, token_id: str) -> None:
        """A token has changed: ask about it again. What is being asked just now may be out of date as well."""
        self._forgotten += 1
        for digest in [one for one, (actor, _) in self._known.items() if actor.id == token_id]:
            del self._known[digest]

    async def identify(self, secret: str | None) -> Actor | None:
        if secret is None or not _SECRET.fullmatch(secret):
            return None
        known = self._known.get(tokens.digest(secret))
        if known is not None and self._clock() < known[1] and not self.has_ended(known[0]):
            actor: Actor | None = known[0]
        else:
            actor = (await self.look_up([secret]))[0]
        if actor is not None:
            self.uses.note(actor)
        return actor

    async def look_up(self, secrets: Sequence[str]) -> list[Actor | None]:
        """Ask the store about all of them at once."""
        asked_at, forgotten = self._clock(), self._forgotten
        actors = await self._db.read(_actors_of, secrets)
        for secret, actor in zip(secrets, actors, strict=True):
            keep = self._keep if forgotten == self._forgotten else 0.0
            self._remember(tokens.digest(secret), actor, asked_at + keep)
        return actors

    def _remember(self, digest: str, actor: Actor | None, until: float) -> None:
        self._known.pop(digest, None)
        if actor is not None:
            if len(self._known) >= REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[digest] = (actor, until)
            if len(self._once_good) >= REMEMBERED:
                self._once_good.pop(next(iter(self._once_good)))
            self._once_good[digest] = None


class Authenticated:
    """Lets only callers with a good token, who `may`, through to an app, which finds them in `request.state.actor`."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator, may: Callable[[Actor], bool]) -> None:
        self._app = app
        self._authenticator = authenticator
        self._may = may

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            actor = await authenticate(scope, self._authenticator)
            if not self._may(actor):
                raise Refused(403, TransportCode.FORBIDDEN, "This token may not read that.")
        except Refused as refused:
            await refuse(refused, scope, receive, send)
            return
        scope.setdefault("state", {})["actor"] = actor
        await self._app(scope, receive, send)


async def authenticate(scope: Scope, authenticator: Authenticator) -> Actor:
    actor = await authenticator.admit(bearer(scope), address_of(scope))
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

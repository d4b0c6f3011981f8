"""All open sockets of this process: finds those that do not read, those whose token has died, and closes the rest."""

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from app.domain.access import Actor, Role
from app.transport.identity import Authenticator

if TYPE_CHECKING:
    from app.transport.handler import Handler

log = logging.getLogger(__name__)

RECHECK_SECONDS: Final = 5.0
TOGETHER: Final = 100
"""Tokens that are looked up in one transaction."""


class Sockets:
    """`watch` runs for as long as the server does."""

    def __init__(
        self,
        authenticator: Authenticator,
        *,
        slow_seconds: float,
        recheck: float = RECHECK_SECONDS,
        most: int = 10_000,
        most_per_token: int = 1_000,
    ) -> None:
        self._authenticator = authenticator
        self._slow_seconds = slow_seconds
        self._recheck = recheck
        self._most = most
        self._most_per_token = most_per_token
        self._open: set[Handler] = set()
        self._of_token: Counter[str] = Counter()
        self._runners = 0
        self._goodbyes: set[asyncio.Task[None]] = set()
        self.leaving = False

    def __len__(self) -> int:
        return len(self._open)

    @property
    def subscriptions(self) -> int:
        """How many are open, on all sockets together."""
        return sum(handler.subscriptions for handler in self._open)

    @property
    def _limited(self) -> int:
        """How many are open, those of runners aside."""
        return len(self._open) - self._runners

    @property
    def crowded(self) -> bool:
        """Whether not even those who have yet to say who they are may come in."""
        return self._limited >= 2 * self._most

    def refusal(self, handler: "Handler", actor: Actor) -> str | None:
        """Why this caller may not have one more; None where it may, and then it is counted. Runners always may."""
        if actor.role is not Role.RUNNER:
            if self._limited > self._most:
                return "Too many sockets on this server"
            if self._of_token[actor.id] >= self._most_per_token:
                return "Too many sockets with this token"
        else:
            self._runners += 1
        self._of_token[actor.id] += 1
        handler.actor = actor
        return None

    @contextmanager
    def holding(self, handler: "Handler") -> Iterator[None]:
        self._open.add(handler)
        try:
            yield
        finally:
            self._open.discard(handler)
            if handler.actor is not None:
                self._of_token[handler.actor.id] -= 1
                if not self._of_token[handler.actor.id]:
                    del self._of_token[handler.actor.id]
                self._runners -= handler.actor.role is Role.RUNNER

    async def watch(self) -> None:
        loop = asyncio.get_running_loop()
        tick = min(1.0, self._slow_seconds / 4)
        rechecked = loop.time()
        while True:
            await asyncio.sleep(tick)
            now = loop.time()
            for handler in list(self._open):
                if handler.websocket.closed:
                    continue
                if handler.websocket.stuck_for(now) >= self._slow_seconds:
                    self._say_goodbye(handler.evict())
                elif handler.actor is not None and self._authenticator.has_ended(handler.actor):
                    self._say_goodbye(handler.expire())
            if now - rechecked >= self._recheck:
                rechecked = now
                try:
                    await self._recheck_tokens()
                except Exception:
                    log.warning("tokens of open sockets could not be looked up", exc_info=True)

    def token_changed(self, token_id: str) -> None:
        """Whoever has revoked a token, on whichever server: it is asked about again, and its sockets are closed."""
        self._authenticator.forget(token_id)
        for handler in list(self._open):
            if handler.actor is not None and handler.actor.id == token_id:
                self._say_goodbye(handler.expire())

    async def drain(self, seconds: float) -> None:
        """Close every socket, after what it is in the middle of."""
        self.leaving = True
        if self._open:
            await asyncio.wait([asyncio.ensure_future(one.drain(seconds)) for one in list(self._open)])

    async def _recheck_tokens(self) -> None:
        holders: dict[str, list[Handler]] = {}
        for handler in self._open:
            if handler.connection_acknowledged and handler.secret is not None:
                holders.setdefault(handler.secret, []).append(handler)
        secrets = list(holders)
        for start in range(0, len(secrets), TOGETHER):
            some = secrets[start : start + TOGETHER]
            for secret, actor in zip(some, await self._authenticator.look_up(some), strict=True):
                for handler in holders[secret] if actor is None else ():
                    self._say_goodbye(handler.expire())

    def _say_goodbye(self, goodbye: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(goodbye)
        self._goodbyes.add(task)
        task.add_done_callback(self._goodbyes.discard)

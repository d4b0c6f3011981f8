"""Keeps this server's host registered, and one server of all in the lead."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app import commands, store
from app.domain.hosts import ABSENT, LEASE
from app.store.db import Database
from app.store.leases import Lease, LeaseLost

log = logging.getLogger(__name__)

BEAT: Final = LEASE.total_seconds() / 3.5
QUIET_BEAT: Final = ABSENT.total_seconds() / 2
"""On SQLite, where nobody else is there to take over: a server with nothing to do writes little."""
FAREWELL: Final = 3.0


@dataclass(frozen=True, slots=True)
class Place:
    """What a server says of the host it runs workers on."""

    id: str
    name: str
    slots: int
    labels: Sequence[str] = ()


class Presence:
    """`arrive`, then `keep` for ever, then `leave`. `heard_since` and `led_since` begin anew after every gap."""

    def __init__(self, db: Database, place: Place) -> None:
        self._db = db
        self.place = place
        self._session = secrets.token_hex(8)
        self._renewed = 0.0
        self.lease: Lease | None = None
        self.heard_since: datetime = db.clock()
        self.led_since: datetime = self.heard_since

    @property
    def leads(self) -> bool:
        """Whether this server does what only one may do. The lease itself is asked for again where it matters."""
        return self.standing is not None

    @property
    def standing(self) -> Lease | None:
        """The lease, as long as nobody else can have it."""
        if self.lease is None or (not self._db.is_sqlite and self._gap() > LEASE.total_seconds()):
            return None
        return self.lease

    def lost(self) -> None:
        """Another server leads: forget the lease until it is free again."""
        if self.lease is not None:
            log.warning("another server leads now; this one goes on for its own workers")
        self.lease = None

    async def arrive(self, worker_ids: Sequence[str]) -> None:
        """Register; `worker_ids` have directories here."""
        place = self.place
        await self._db.write(
            commands.hosts.register,
            host_id=place.id,
            name=place.name,
            slots=place.slots,
            labels=place.labels,
            worker_ids=worker_ids,
        )
        await self._beat()

    async def keep(self, gained: Callable[[], Awaitable[None]]) -> None:
        """Say again and again that this host is there. `gained` is called when this server begins to lead."""
        failing = False
        while True:
            await asyncio.sleep(QUIET_BEAT if self._db.is_sqlite else BEAT)
            try:
                if await self._beat():
                    await gained()
                await self._miss_others()
                failing = False
            except LeaseLost:
                self.lost()
            except Exception:
                log.log(
                    logging.DEBUG if failing else logging.ERROR,
                    "this host cannot be kept registered; it is tried again",
                    exc_info=True,
                )
                failing = True

    async def _miss_others(self) -> None:
        if (lease := self.standing) is None:
            return
        silent = await self._db.read(store.hosts.silent)
        if silent:
            await self._db.write(commands.hosts.miss, lease=lease, led_since=self.led_since)

    async def leave(self) -> None:
        """Another server may lead at once. Where that cannot be said, it finds out by itself."""
        try:
            async with asyncio.timeout(FAREWELL):
                await self._db.write(commands.hosts.leave, host_id=self.place.id, session=self._session)
        except Exception as error:
            log.warning("this host could not be signed off: %s", error)

    async def _beat(self) -> bool:
        """Whether this server leads since now."""
        lease, at = await self._db.write(commands.hosts.beat, host_id=self.place.id, session=self._session)
        gap, self._renewed = self._gap(), asyncio.get_running_loop().time()
        if gap > ABSENT.total_seconds():
            self.heard_since = self._db.clock()
        if lease is None:
            self.lost()
            return False
        gained = lease != self.lease
        if gained or gap > ABSENT.total_seconds():
            self.led_since = at
        if gained:
            log.info("this server leads: it starts tasks for every host (term %d)", lease.fence)
        self.lease = lease
        return gained

    def _gap(self) -> float:
        return asyncio.get_running_loop().time() - self._renewed

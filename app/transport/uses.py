"""When each token was last used, written down now and then: a request must not cost a write."""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Final

from app.domain.access import Actor
from app.store import tokens
from app.store.db import Database

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
EVERY: Final = timedelta(seconds=60)
"""How often one token's last use is written at most."""
KEPT: Final = 10_000


class Uses:
    """`note` costs nothing; `watch` runs for as long as the server does and writes what is due, all of it at once."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._noted: dict[str, datetime] = {}
        self._written: dict[str, datetime] = {}

    def note(self, actor: Actor) -> None:
        if actor.id.startswith("tok_"):  # workers' own tokens are not kept
            self._noted[actor.id] = self._db.clock()

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.write_due()

    async def write_due(self, *, every: timedelta = EVERY) -> int:
        """Returns how many were written; what cannot be written is tried again."""
        due = {
            id: at
            for id, at in self._noted.items()
            if id not in self._written or at - self._written[id] >= every
        }
        if not due:
            return 0
        try:
            await self._db.write(tokens.note_uses, due)
        except Exception:
            log.warning("the last use of tokens could not be written", exc_info=True)
            return 0
        for id, at in due.items():
            if self._noted.get(id) == at:
                del self._noted[id]
            self._written.pop(id, None)
            self._written[id] = at
        while len(self._written) > KEPT:
            del self._written[next(iter(self._written))]
        return len(due)

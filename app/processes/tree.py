"""Everything that came from one agent, however it was forked, detached or orphaned."""

import os
import signal
from collections.abc import Iterable

from app.processes import signals
from app.processes.identity import Identity, Seen
from app.processes.table import SYSTEM, Table


class Tree:
    """Found three ways: below `keeper` (a subreaper, so nothing below it can get away), below what was seen before
    (for systems without a subreaper), and by the environment `tag` (for what a dead keeper left behind).
    """

    def __init__(
        self, tag: str, *, keeper: int | None = None, roots: Iterable[Identity] = (), table: Table = SYSTEM
    ) -> None:
        self.tag = tag
        self._keeper = keeper
        self._known = set(roots)
        self._table = table

    def members(self, *, everywhere: bool = False) -> list[Seen]:
        """Who is alive now; `everywhere` also reads the environment of every process of the machine."""
        found: dict[Identity, Seen] = {}
        if self._keeper is not None:
            self._add(found, self._table.descendants([self._keeper]))
        known = [seen for identity in self._known - found.keys() if (seen := self._table.look(identity))]
        self._add_with_descendants(found, known)
        if everywhere:
            tagged = [seen for seen in self._table.tagged(self.tag) if seen.identity not in found]
            self._add_with_descendants(found, tagged)
        self._known = set(found)
        return list(found.values())

    def signal(self, members: Iterable[Seen], *numbers: signal.Signals) -> None:
        signals.send_all((seen.identity for seen in members), *numbers, identify=self._table.identify)

    def _add(self, found: dict[Identity, Seen], more: Iterable[Seen]) -> None:
        found.update(
            (seen.identity, seen) for seen in more if seen.identity.pid not in (os.getpid(), self._keeper)
        )

    def _add_with_descendants(self, found: dict[Identity, Seen], more: list[Seen]) -> None:
        if more:
            self._add(found, more)
            self._add(found, self._table.descendants([seen.identity.pid for seen in more]))

"""Chooses how this system's processes are read."""

import sys
from collections.abc import Iterable
from typing import Protocol

from app.processes.identity import Identity, Seen

if sys.platform == "linux":
    from app.processes import linux as _system
else:
    from app.processes import portable as _system


class Table(Protocol):
    def identify(self, pid: int) -> Identity | None: ...

    def look(self, identity: Identity) -> Seen | None: ...

    def created_at(self, identity: Identity) -> float: ...

    def descendants(self, pids: Iterable[int]) -> list[Seen]: ...

    def tagged(self, tag: str) -> list[Seen]: ...


SYSTEM: Table = _system

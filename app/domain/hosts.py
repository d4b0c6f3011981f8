"""Hosts: machines that run workers, and where the next worker goes."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final


class HostStatus(StrEnum):
    ONLINE = "ONLINE"
    DRAINING = "DRAINING"
    OFFLINE = "OFFLINE"


LEASE: Final = timedelta(seconds=5)
"""How long a server that leads may be silent before another one leads."""
FRESH: Final = timedelta(seconds=5)
"""A host that was not heard for so long gets no new work."""
ABSENT: Final = timedelta(seconds=10)
"""A host that was not heard for so long is OFFLINE."""


def status_of(*, present: bool, draining: bool) -> HostStatus:
    """A host that is drained stays so while it is away."""
    if not present:
        return HostStatus.OFFLINE
    return HostStatus.DRAINING if draining else HostStatus.ONLINE


class Room:
    """How many more workers each host takes. The one with the most room is next, so that load spreads."""

    def __init__(self, free: Mapping[str, int], labels: Mapping[str, Collection[str]] | None = None) -> None:
        self._free = dict(sorted(free.items()))
        self._labels = labels or {}

    @property
    def total(self) -> int:
        return sum(max(0, free) for free in self._free.values())

    def take(self, labels: Collection[str] = ()) -> str | None:
        """The host of the next worker, also beyond its slots: the caller has looked.

        None where there is no host that has all these labels.
        """
        fitting = [host for host in self._free if set(labels) <= set(self._labels.get(host, ()))]
        if not fitting:
            return None
        host = max(fitting, key=lambda one: self._free[one])
        self._free[host] -= 1
        return host

    @property
    def labels(self) -> list[str]:
        """Every label that some host has."""
        return sorted({label for labels in self._labels.values() for label in labels})

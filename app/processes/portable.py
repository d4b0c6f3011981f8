"""The process table through psutil, for systems without /proc; the same functions as `linux`."""

import os
from collections.abc import Iterable

import psutil

from app.processes.identity import Identity, Seen

_STATES = {psutil.STATUS_STOPPED: "T", psutil.STATUS_TRACING_STOP: "t", psutil.STATUS_DISK_SLEEP: "D"}
_DEAD = {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _seen(process: psutil.Process) -> Seen | None:
    try:
        status, created = process.status(), process.create_time()
    except psutil.Error:
        return None
    return None if status in _DEAD else Seen(Identity(process.pid, created), _STATES.get(status, "R"))


def identify(pid: int) -> Identity | None:
    """Who has this pid now, dead but not reaped included."""
    process = _process(pid)
    try:
        return Identity(pid, process.create_time()) if process else None
    except psutil.Error:
        return None


def look(identity: Identity) -> Seen | None:
    """The process as it is now, or None when it has ended (a zombie has) or its pid is another's."""
    process = _process(identity.pid)
    seen = _seen(process) if process else None
    return seen if seen and seen.identity == identity else None


def created_at(identity: Identity) -> float:
    """The creation as seconds since the epoch, for people to read."""
    return identity.created


def descendants(pids: Iterable[int]) -> list[Seen]:
    """Every live process below these pids, the pids themselves left out."""
    found: dict[int, Seen] = {}
    for pid in pids:
        process = _process(pid)
        try:
            children = process.children(recursive=True) if process else []
        except psutil.Error:
            continue
        for child in children:
            if seen := _seen(child):
                found[child.pid] = seen
    return list(found.values())


def tagged(tag: str) -> list[Seen]:
    """Every live process whose environment was given `tag` ("NAME=value") when it was started."""
    name, _, value = tag.partition("=")
    found = []
    for process in psutil.process_iter():
        try:
            matches = process.environ().get(name) == value
        except (psutil.Error, OSError):
            continue
        if matches and process.pid != os.getpid() and (seen := _seen(process)):
            found.append(seen)
    return found

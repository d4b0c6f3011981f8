"""Linux's process table, read straight from /proc: a walk costs what the tree costs, not what the machine runs."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from app.processes.identity import Identity, Seen

_TICKS = os.sysconf("SC_CLK_TCK")
_GONE = (FileNotFoundError, ProcessLookupError, PermissionError, NotADirectoryError)


def _read(path: str) -> bytes | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except _GONE:
        return None
    parts = []
    try:
        while part := os.read(fd, 65536):
            parts.append(part)
    except OSError:  # it ended while it was read (ESRCH), or it is not ours to read (EACCES, EIO)
        return None
    finally:
        os.close(fd)
    return b"".join(parts)


_BOOT = (_read("/proc/sys/kernel/random/boot_id") or b"").decode().strip()
_HAS_CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # CONFIG_PROC_CHILDREN


class _Stat:
    __slots__ = ("identity", "parent", "state")

    def __init__(self, pid: int, raw: bytes) -> None:
        fields = raw[raw.rindex(b")") + 2 :].split()  # the name before may itself hold spaces and brackets
        self.state = fields[0].decode()
        self.parent = int(fields[1])
        self.identity = Identity(pid, int(fields[19]) / _TICKS, _BOOT)


def _stat(pid: int) -> _Stat | None:
    raw = _read(f"/proc/{pid}/stat")
    return _Stat(pid, raw) if raw else None


def _pids() -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            yield int(name)


def identify(pid: int) -> Identity | None:
    """Who has this pid now, dead but not reaped included."""
    stat = _stat(pid)
    return stat.identity if stat else None


def look(identity: Identity) -> Seen | None:
    """The process as it is now, or None when it has ended (a zombie has) or its pid is another's."""
    stat = _stat(identity.pid)
    if stat is None or stat.identity != identity or stat.state in "ZX":
        return None
    return Seen(identity, stat.state)


def created_at(identity: Identity) -> float:
    """The creation as seconds since the epoch, for people to read."""
    for line in (_read("/proc/stat") or b"").splitlines():
        if line.startswith(b"btime "):
            return int(line.split()[1]) + identity.created
    return identity.created


def descendants(pids: Iterable[int]) -> list[Seen]:
    """Every live process below these pids, the pids themselves left out."""
    children = _children_reader()
    found: dict[int, Seen] = {}
    queue = [(pid, identify(pid)) for pid in pids]
    while queue:
        pid, parent = queue.pop()
        below = [
            stat
            for child in children(pid)
            if child not in found and (stat := _stat(child)) and stat.parent == pid
        ]
        # A pid that changed hands meanwhile would bring a stranger's children in. What its own children were has been
        # handed to the subreaper, and the next look finds it there.
        if parent is None or identify(pid) != parent:
            continue
        for stat in below:
            if stat.state not in "ZX":
                found[stat.identity.pid] = Seen(stat.identity, stat.state)
            queue.append((stat.identity.pid, stat.identity))
    return list(found.values())


def _children_reader() -> Callable[[int], list[int]]:
    if _HAS_CHILDREN:
        return _children
    below = _parents()
    return lambda pid: below.get(pid, [])


def _children(pid: int) -> list[int]:
    threads: list[str] = []
    with suppress(*_GONE):
        threads = os.listdir(f"/proc/{pid}/task")
    return [
        int(child)
        for thread in threads
        for child in (_read(f"/proc/{pid}/task/{thread}/children") or b"").split()
    ]


def _parents() -> dict[int, list[int]]:
    below: dict[int, list[int]] = {}
    for pid in _pids():
        if stat := _stat(pid):
            below.setdefault(stat.parent, []).append(pid)
    return below


def tagged(tag: str) -> list[Seen]:
    """Every live process whose environment was given `tag` ("NAME=value") when it was started."""
    wanted = b"\0" + os.fsencode(tag) + b"\0"
    found = []
    for pid in _pids():
        before = _stat(pid)
        environ = _read(f"/proc/{pid}/environ") if before and before.state not in "ZX" else None
        if environ is None or wanted not in b"\0" + environ + b"\0":
            continue
        after = _stat(pid)
        if before and after and before.identity == after.identity and after.state not in "ZX":
            found.append(Seen(after.identity, after.state))
    return found

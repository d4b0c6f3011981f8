"""A lock the kernel lets go of on any death, and that tells who holds it."""

import fcntl
import json
import os
from pathlib import Path

from app.processes.identity import Identity
from app.processes.table import SYSTEM


class Lock:
    """Held until `close` or the end of the process; not inherited by programs this process starts."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def take(cls, path: Path) -> "Lock | None":
        """None when another process holds it. The directory must exist."""
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                return None
            if _is_at(fd, path):
                return cls(fd)
            os.close(fd)  # removed between open and lock: what is locked is nobody's lock any more

    def sign(self) -> None:
        """Write down who holds it, for whoever has to end a holder that hangs."""
        me = SYSTEM.identify(os.getpid())
        text = json.dumps(me.to_json() if me else {}).encode()
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, text, 0)

    def close(self) -> None:
        os.close(self._fd)


def holder(path: Path) -> Identity | None:
    """Who signed the lock last; whether it is still held only `take` can tell."""
    try:
        return Identity.from_json(json.loads(path.read_text()))
    except (OSError, ValueError):
        return None


def _is_at(fd: int, path: Path) -> bool:
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(fd), there)

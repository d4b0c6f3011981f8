"""What servers of `trackside run` leave behind: the directory of a run that did not complete is kept, to look into."""

import logging
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from app.premises import LOCK_FILE
from app.processes.locks import Lock

log = logging.getLogger(__name__)

LOCAL: Final = "local"
_MARK: Final = "serve.log"
_OURS: Final = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
"""How such directories are called, with the file that is written in each at first. Nothing else is touched."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A directory, when anything was last written in it, and how many bytes it takes."""

    path: Path
    used_at: datetime
    size: int


def place(data_dir: Path) -> Path:
    """Where such directories are, seen from a server's own: beside it where it is one of them, below it otherwise."""
    own = data_dir.absolute()
    return own.parent if own.parent.name == LOCAL and _OURS.fullmatch(own.name) else own / LOCAL


def find(local: Path, *, before: datetime) -> list[Leftover]:
    """Those below `local` in which nothing was written since, the oldest first. Reads the disk: not for an event loop."""
    found = [_look(path) for path in _directories(local)]
    return sorted(
        (one for one in found if one is not None and one.used_at < before), key=lambda one: one.used_at
    )


def remove(leftover: Leftover) -> bool:
    """Whether it is gone. One where a server, or a runner that outlived it, is at work is left alone."""
    with ExitStack() as held:
        for path in [leftover.path / LOCK_FILE, *leftover.path.glob("workers/*/lock")]:
            try:
                lock = Lock.take(path)
            except OSError:
                return not leftover.path.exists()
            if lock is None:
                return False
            held.callback(lock.close)
        shutil.rmtree(leftover.path, ignore_errors=True)
    gone = not leftover.path.exists()
    if gone:
        log.info("removed %s, which nothing was written to since %s", leftover.path, leftover.used_at.date())
    else:
        log.warning("%s could not be removed as a whole", leftover.path)
    return gone


def clear(local: Path, *, kept_for: timedelta, now: datetime) -> int:
    """Remove what is older than that. Returns how many there were."""
    return sum(remove(one) for one in find(local, before=now - kept_for))


def _directories(local: Path) -> Iterator[Path]:
    try:
        yield from (
            entry
            for entry in sorted(local.iterdir())
            if _OURS.fullmatch(entry.name) and not entry.is_symlink() and (entry / _MARK).is_file()
        )
    except OSError:
        return


def _look(directory: Path) -> Leftover | None:
    """None where it is going away meanwhile. Locks are opened by whoever looks, and say nothing."""
    newest, size = 0.0, 0
    try:
        for path in directory.rglob("*"):
            found = path.lstat()
            size += found.st_size
            if stat.S_ISREG(found.st_mode) and not path.name.endswith("lock"):
                newest = max(newest, found.st_mtime)
    except OSError:
        return None
    return Leftover(directory, datetime.fromtimestamp(newest, UTC), size)

"""Notices when the file that an open run was made from is edited, and says so in the log. It changes nothing in the run."""

import asyncio
import hashlib
import logging
import os
import stat
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from watchfiles import Change, awatch

from app import commands, store
from app.domain import limits
from app.domain.events import EventKind
from app.live.log import Closed, Tail
from app.store.db import Database
from app.store.events import Filter
from app.store.runs import PlanFile

log = logging.getLogger(__name__)

OPENS_RUNS: Final = Filter(
    kinds=frozenset({EventKind.RUN_STATUS_CHANGED, EventKind.PLAN_IMPORTED, EventKind.PROJECT_CHANGED})
)
"""After one of these other files may be those to watch."""

LONGEST_REST: Final = 30.0
FAILURE_REST: Final = 1.0
_DEBOUNCE: Final = 200
"""Milliseconds: an editor that writes a file in several steps has changed it once."""


@dataclass(slots=True)
class Looks:
    """What earlier looks found, so that a file is read again only when it was changed."""

    digests: dict[str, tuple[tuple[int, int, int], str]] = field(default_factory=dict)
    """By path, how the file looked from outside and the hash of what it held."""
    told: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By run, the hash of its plan and that of the file, as they were told to the database."""


async def run_once(db: Database, looks: Looks) -> int:
    """Compare every open run with its file once. Returns how many changes were announced."""
    files = await db.read(store.runs.plan_files)
    found = await asyncio.to_thread(_digests, {(file.root, file.path) for file in files}, looks)
    announced = 0
    for file in files:
        digest = found.get((file.root, file.path))
        if digest is None:
            continue  # gone, or not on this machine: there is nothing to compare with
        if file.run_id not in looks.told:  # an earlier server may have told something
            known = await db.read(commands.plans.known_hash, file.run_id)
            looks.told[file.run_id] = (file.hash, known)
        if looks.told[file.run_id] != (file.hash, digest):
            announced += await db.write(commands.plans.notice, run_id=file.run_id, hash=digest)
            looks.told[file.run_id] = (file.hash, digest)
    for run_id in looks.told.keys() - {file.run_id for file in files}:
        del looks.told[run_id]
    return announced


async def follow(db: Database, tail: Tail, leads: Callable[[], bool]) -> None:
    """Do so at the start, whenever a watched file changes, and whenever there are other files to watch."""
    looks, watch = Looks(), _Watch()
    try:
        while True:
            seen = tail.head  # before the look: what changes during it wakes at once
            try:
                if leads():
                    await watch.over(await db.read(store.runs.plan_files))
                    watch.changed.clear()
                    await run_once(db, looks)
                await _first(tail.changed(OPENS_RUNS, seen), watch.changed.wait())
            except Closed:
                return
            except Exception:
                log.exception("plan files could not be looked at; it is tried again")
                await asyncio.sleep(FAILURE_REST)
    finally:
        await watch.end()


async def _first(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait for the first of these, or for the longest rest."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, timeout=LONGEST_REST, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Watch:
    """The kernel's word for it: `changed` is set when something happens to one of the files."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self._paths: frozenset[str] = frozenset()
        self._task: asyncio.Task[None] | None = None

    async def over(self, files: Collection[PlanFile]) -> None:
        """Watch these from here on. Directories are watched, because editors put new files in the place of old ones."""
        paths = frozenset(os.path.join(file.root, file.path) for file in files)
        if paths == self._paths and (self._task is None or not self._task.done()):
            return
        await self.end()
        self._paths = paths
        folders = await asyncio.to_thread(_folders, paths)
        if folders:
            self._task = asyncio.create_task(self._follow(folders, paths), name="engine-plan-files-watch")
            await asyncio.sleep(0)  # it begins to watch before anybody looks

    async def end(self) -> None:
        self._paths = frozenset()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _follow(self, folders: list[str], paths: frozenset[str]) -> None:
        names = {os.path.basename(path) for path in paths}

        def concerns(_: Change, path: str) -> bool:
            return os.path.basename(path) in names

        try:
            async for _ in awatch(*folders, watch_filter=concerns, debounce=_DEBOUNCE, recursive=False):
                self.changed.set()
        except Exception as error:  # no more watches to be had, say
            log.warning("plan files are looked at every %g s only: %s", LONGEST_REST, error)
            await asyncio.sleep(LONGEST_REST)


def _folders(paths: Collection[str]) -> list[str]:
    return [folder for folder in {os.path.dirname(path) for path in paths} if os.path.isdir(folder)]


def _digests(wanted: Collection[tuple[str, str]], looks: Looks) -> dict[tuple[str, str], str]:
    found = {}
    for root, path in wanted:
        whole = os.path.realpath(os.path.join(root, path))
        if os.path.commonpath([root, whole]) != root:
            continue  # a link that leads out of the project
        try:
            digest = _digest(whole, looks)
        except OSError:
            looks.digests.pop(whole, None)
            continue
        if digest is not None:
            found[root, path] = digest
    return found


def _digest(path: str, looks: Looks) -> str | None:
    """The hash of the file's text, as runs keep it; None for what is no file of a plan's size."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > limits.PLAN_FILE:
            return None
        outside = (status.st_ino, status.st_size, status.st_mtime_ns)
        known = looks.digests.get(path)
        if known is not None and known[0] == outside:
            return known[1]
        text = file.read(limits.PLAN_FILE).decode("utf-8", errors="replace")
    digest = hashlib.sha256(text.encode()).hexdigest()
    looks.digests[path] = (outside, digest)
    return digest

"""Finds the plans of a project: a bounded walk that follows no link, and a short look at what may be one.

Every document with boxes could be called a plan, a README too. So what a file is called, or where it lies, has to say it.
"""

import os
import re
import stat
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from threading import Lock
from typing import Final

from app.domain.errors import AppError
from app.domain.plans import SETTLED, PlanFormat
from app.plans.detect import reader_for
from app.plans.text import source

MOST_ENTRIES: Final = 100_000
MOST_PLANS: Final = 500
MOST_FILE: Final = 2 * 1024 * 1024
MOST_BYTES: Final = 32 * 1024 * 1024
DEEPEST: Final = 16

_LEFT_OUT: Final = frozenset(
    {"__pycache__", "build", "dist", "node_modules", "site-packages", "target", "templates", "vendor", "venv"}
)
_HIDDEN_BUT_READ: Final = frozenset(
    {".conductor", ".kiro", ".openspec", ".specify", ".taskmaster", ".trackside"}
)
_ENVIRONMENT: Final = "pyvenv.cfg"
_NAME = re.compile(r"(?:^|[^a-z])(?:plan|plans|task|tasks|todo|todos|roadmap)(?:[^a-z]|$)")
_FOLDERS: Final = frozenset({"plan", "plans", "tasks"})
_SUFFIXES: Final = frozenset({".json", ".markdown", ".md", ".yaml", ".yml"})
_LIST = re.compile(rb"^\s*[\"']?(?:phases|tasks)[\"']?\s*:|\"tasks\"\s*:", re.MULTILINE)
_KEPT: Final = 2_000


@dataclass(frozen=True, slots=True)
class Found:
    """A plan in a few words. `path` is from the project's root, with slashes."""

    path: str
    format: PlanFormat
    title: str | None
    tasks: int
    completed: int


@dataclass(frozen=True, slots=True)
class _Version:
    """A file as it is now: the same one does not have to be read again."""

    root: str
    path: str
    inode: int
    size: int
    changed: int


_known: "OrderedDict[_Version, Found | None]" = OrderedDict()
_lock = Lock()


def find(root: str) -> list[Found]:
    """The plans below a directory, in the order of their paths; what cannot be read as one is left out.

    Reads files: to be called in a thread.
    """
    plans: list[Found] = []
    left = MOST_BYTES
    if not os.path.isdir(root):
        return plans
    for path, status, directory in _candidates(root):
        version = _Version(root, path, status.st_ino, status.st_size, status.st_mtime_ns)
        with _lock:
            known = version in _known
        if not known:
            left -= status.st_size
            if left < 0:
                break
            _remember(version, _read(path, directory))
        if (plan := _known.get(version)) is not None:
            plans.append(plan)
        if len(plans) == MOST_PLANS:
            break
    return sorted(plans, key=lambda plan: plan.path)


def _remember(version: _Version, plan: Found | None) -> None:
    with _lock:
        _known[version] = plan
        while len(_known) > _KEPT:
            _known.popitem(last=False)


def _candidates(root: str) -> Iterator[tuple[str, os.stat_result, int]]:
    """Paths that sound like a plan, with the directory they lie in, open."""
    seen = 0
    for folder, below, names, directory in os.fwalk(root, follow_symlinks=False):
        steps = PurePosixPath(os.path.relpath(folder, root)).parts
        seen += len(below) + len(names)
        if seen > MOST_ENTRIES:
            return
        if _ENVIRONMENT in names:
            below.clear()
            continue
        below[:] = [] if len(steps) >= DEEPEST else sorted(name for name in below if _is_entered(name))
        for name in sorted(names):
            path = str(PurePosixPath(*steps, name))
            if not _sounds_like_plan(steps, name) or not path.isprintable():
                continue  # what is not printable is no name that createRun would take
            try:
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            except OSError:
                continue  # deleted since it was listed
            if stat.S_ISREG(status.st_mode) and 0 < status.st_size <= MOST_FILE:
                yield path, status, directory


def _is_entered(name: str) -> bool:
    return name in _HIDDEN_BUT_READ or not (name.startswith(".") or name in _LEFT_OUT)


def _sounds_like_plan(steps: tuple[str, ...], name: str) -> bool:
    stem, suffix = os.path.splitext(name.lower())
    if suffix not in _SUFFIXES or stem.startswith(".") or "template" in stem:
        return False
    return _NAME.search(stem) is not None or any(step.lower() in _FOLDERS for step in steps[-1:])


def _read(path: str, directory: int) -> Found | None:
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(os.open(os.path.basename(path), flags, dir_fd=directory), "rb") as file:
            content = file.read(MOST_FILE + 1)
        if not path.lower().endswith((".md", ".markdown")) and _LIST.search(content) is None:
            return None  # a file of settings: reading it as a plan would cost more and find nothing
        document = source(content, name=path)
        plan = reader_for(document).read(document)
    except (OSError, AppError):
        return None
    tasks = list(plan.tasks())
    completed = sum(task.status in SETTLED for task in tasks)
    return Found(path, plan.format, plan.title, len(tasks), completed)

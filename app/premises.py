"""What a server keeps to itself on its machine: locks, its address, its host's id, its token."""

import json
import os
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.domain.errors import AppError, ErrorCode
from app.processes.locks import Lock, holder

LOCK_FILE: Final = "server.lock"
HOST_FILE: Final = "host"

_HOST_ID: Final = re.compile(r"host_[0-9a-z]{26}")


def take(directory: Path) -> Lock:
    """Hold the data directory as long as this process lives: two servers on one would both start its tasks."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = Lock.take(directory / LOCK_FILE)
    except OSError as error:
        raise AppError(
            ErrorCode.UNAVAILABLE,
            f"The data directory {directory} cannot be used: {error.strerror or error}.",
            suggestion="Choose another one with --data-dir.",
        ) from error
    if lock is None:
        other = holder(directory / LOCK_FILE)
        who = f"Another server (process {other.pid})" if other is not None else "Another server"
        raise AppError(
            ErrorCode.UNAVAILABLE,
            f"{who} is at work on the data directory {directory}.",
            suggestion="Use it, stop it, or choose another directory with --data-dir.",
        )
    lock.sign()
    return lock


def take_database(url: str) -> Lock | None:
    """One server for a file: on SQLite nothing tells a second one that tasks were started, or that it may lead."""
    if not url.startswith("sqlite:///") or not (path := Path(url.removeprefix("sqlite:///"))).name:
        return None
    try:
        lock = Lock.take(path.with_name(f"{path.name}.lock"))
    except OSError:
        return None  # opening the database says it better
    if lock is None:
        raise AppError(
            ErrorCode.UNAVAILABLE,
            f"Another server is at work on the database {path}.",
            suggestion="Use it, stop it, or give all of them a database on PostgreSQL with --database-url.",
        )
    lock.sign()
    return lock


def host_id(directory: Path, new: str) -> str:
    """The id of the host that this directory makes of its machine; `new` where it has none yet.

    It stays with the directory, as the workers' files do.
    """
    path = directory / HOST_FILE
    kept = path.read_text().strip() if path.exists() else ""
    if _HOST_ID.fullmatch(kept):
        return kept
    write_private(path, new + "\n")
    return new


def write_address(path: Path, url: str) -> None:
    started = datetime.now(UTC).isoformat()
    write_private(path, json.dumps({"url": url, "pid": os.getpid(), "startedAt": started}) + "\n")


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)

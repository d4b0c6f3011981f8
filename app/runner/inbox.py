"""Puts context items where the agent finds them, each whole or not at all."""

import os
import re
from contextlib import suppress
from pathlib import Path

from app.agents.assignments import ContextItem

_UNSAFE = re.compile(r"[^\w .+@=,-]")
_MAX_NAME_BYTES = 200


def file_name(item: ContextItem) -> str:
    """A plain file name: no directory, not hidden, not too long. Two items of one name: the newer replaces the older."""
    plain = _UNSAFE.sub("_", item.name).lstrip(". ").rstrip(" ")
    while len(plain.encode()) > _MAX_NAME_BYTES:
        stem, suffix = os.path.splitext(plain)
        plain = stem[:-1] + suffix if len(stem) > 1 else plain[:-1]
    return plain or "item-" + _UNSAFE.sub("_", item.id)


def write(inbox: Path, item: ContextItem) -> None:
    """OSError when it cannot be written."""
    unfinished = (
        inbox.parent / f".{inbox.name}.new"
    )  # beside it: whoever watches the inbox sees whole files only
    with suppress(FileNotFoundError):
        unfinished.unlink()
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(item.content.encode("utf-8", "replace"))
    os.replace(unfinished, inbox / file_name(item))

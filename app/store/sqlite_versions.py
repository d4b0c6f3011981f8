"""Whether the SQLite library that Python was built with can be trusted with a write-ahead log."""

import sqlite3
from typing import Final

FIXED: Final = (3, 51, 3)


def warning(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str | None:
    """What an operator should know about this version, if anything."""
    if version >= FIXED:
        return None
    return (
        f"SQLite {'.'.join(map(str, version))} may damage a database that two programs write to (fixed in "
        f"{'.'.join(map(str, FIXED))}): while this server runs, nothing else should write to its file"
    )

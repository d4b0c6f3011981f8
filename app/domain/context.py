"""What can be given to a worker to read, and what is known of a project's files."""

from enum import StrEnum


class ContextKind(StrEnum):
    FILE = "FILE"
    SKELETON = "SKELETON"
    TEXT = "TEXT"


class ContextFileState(StrEnum):
    FRESH = "FRESH"
    STALE = "STALE"
    FAILED = "FAILED"

"""What can happen to a tick-box under a task."""

from enum import StrEnum


class SubtaskChange(StrEnum):
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"

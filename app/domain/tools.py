"""Calls of tools by agents."""

from enum import StrEnum
from typing import Final


class ToolCallStatus(StrEnum):
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


ENDED_FIRST: Final = "The worker ended first."

"""Warnings in the order of their lines, and no more of them than somebody would read."""

from collections.abc import Sequence
from typing import Final

from app.domain.plans import PlanWarning

_MOST: Final = 1_000


def in_order(warnings: Sequence[PlanWarning]) -> list[PlanWarning]:
    ordered = sorted(warnings, key=lambda warning: warning.line)
    if len(ordered) <= _MOST:
        return ordered
    left_out = ordered[_MOST]
    message = f"{len(ordered) - _MOST} more warnings from here on are not listed."
    return [*ordered[:_MOST], PlanWarning(left_out.line, message)]

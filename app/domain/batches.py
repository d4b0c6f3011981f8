"""What can be done to many runs at once, and to which of them."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final

from app.domain.runs import ENDED, EXPECTED_TO_MOVE, STALE_AFTER, RunStatus


class BatchOperation(StrEnum):
    ARCHIVE_OLD = "ARCHIVE_OLD"
    PAUSE_ALL = "PAUSE_ALL"
    RESUME_ALL = "RESUME_ALL"
    CLEANUP_ARCHIVED = "CLEANUP_ARCHIVED"
    RESTART_STALE = "RESTART_STALE"


S, B = RunStatus, BatchOperation
CONCERNS: Final[Mapping[BatchOperation, frozenset[RunStatus]]] = {
    B.ARCHIVE_OLD: ENDED - {S.ARCHIVED},
    B.PAUSE_ALL: frozenset({S.ACTIVE, S.WAITING_FOR_INPUT, S.BLOCKED}),
    B.RESUME_ALL: frozenset({S.PAUSED, S.PAUSING}),
    B.CLEANUP_ARCHIVED: frozenset({S.ARCHIVED}),
    B.RESTART_STALE: EXPECTED_TO_MOVE,
}
"""In which statuses an operation has anything to do."""

BY_AGE: Final = frozenset({B.ARCHIVE_OLD, B.CLEANUP_ARCHIVED})
"""Operations that leave alone what was active lately."""

OLD_AFTER: Final = timedelta(days=7)
"""How long a run has to be without activity for those, where nothing else is said."""

STILL_FOR: Final = {B.RESTART_STALE: STALE_AFTER}
"""Operations that are for what has stood still for so long, where nothing else is said."""

MOST: Final = 500
"""How many runs one request changes at most; the next request goes on with the rest."""

EVERY: Final = timedelta(minutes=1)
OFTEN: Final = 10
"""One caller may ask for no more batches than this in so long; dry runs are not counted."""

"""How many there are of everything, by status: for whoever watches the whole instance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, func, select

from app.domain.attention import AttentionStatus
from app.store.db import Tx
from app.store.tables import AttentionRow, RunRow, TaskRow, WorkerRow


@dataclass(frozen=True, slots=True)
class Counts:
    """Statuses that nothing has are left out."""

    runs: Mapping[str, int]
    tasks: Mapping[str, int]
    workers: Mapping[str, int]
    open_attention: int


def read(tx: Tx) -> Counts:
    """Each of these reads an index and no row."""
    return Counts(
        runs=_by_status(tx, RunRow.status),
        tasks=_by_status(tx, TaskRow.status),
        workers=_by_status(tx, WorkerRow.status),
        open_attention=tx.session.exec(
            select(func.count()).select_from(AttentionRow).where(AttentionRow.status == AttentionStatus.OPEN)
        ).one(),
    )


def _by_status(tx: Tx, status: Any) -> dict[str, int]:
    return dict(tx.session.exec(select(col(status), func.count()).group_by(col(status))).all())

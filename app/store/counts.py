"""How many there are of everything, by status: for whoever watches the whole instance."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import col, func, select

from app.domain.attention import AttentionStatus
from app.domain.runs import Patience
from app.store import runs
from app.store.db import Tx
from app.store.tables import AttentionRow, RunRow, TaskRow, WorkerRow


@dataclass(frozen=True, slots=True)
class Counts:
    """Statuses and kinds that nothing has are left out. `attention_age` is that of the oldest open item of a kind."""

    runs: Mapping[str, int]
    tasks: Mapping[str, int]
    workers: Mapping[str, int]
    stale_runs: int
    open_attention: Mapping[str, int]
    attention_age: Mapping[str, timedelta]


def read(tx: Tx, patience: Patience) -> Counts:
    """Each of these reads an index, and of rows only what is open."""
    stale = select(func.count()).select_from(RunRow).where(runs.is_stale(tx, patience))
    items = tx.session.exec(
        select(col(AttentionRow.kind), func.count(), func.min(AttentionRow.created_at))
        .where(AttentionRow.status == AttentionStatus.OPEN)
        .group_by(col(AttentionRow.kind))
    ).all()
    return Counts(
        runs=_by_status(tx, RunRow.status),
        tasks=_by_status(tx, TaskRow.status),
        workers=_by_status(tx, WorkerRow.status),
        stale_runs=tx.session.exec(stale).one(),
        open_attention={kind: count for kind, count, _ in items},
        attention_age={kind: tx.now - since for kind, _, since in items},
    )


def _by_status(tx: Tx, status: Any) -> dict[str, int]:
    return dict(tx.session.exec(select(col(status), func.count()).group_by(col(status))).all())

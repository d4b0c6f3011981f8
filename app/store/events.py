"""The append-only log."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_
from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from app.domain.events import ASKED_FOR, EventKind
from app.store.db import Fact, Tx
from app.store.tables import TOLD, EventRow, RunRow


@dataclass(frozen=True, slots=True)
class Filter:
    """Which facts are wanted; None is no limit. Matches rows in SQL and in memory alike.

    `hidden` are the kinds that the reader may not know of.
    """

    project_id: str | None = None
    run_ids: frozenset[str] | None = None
    task_ids: frozenset[str] | None = None
    worker_ids: frozenset[str] | None = None
    kinds: frozenset[str] | None = None
    run_statuses: frozenset[str] | None = None
    hidden: frozenset[str] = frozenset()

    def matches(self, event: EventRow) -> bool:
        return (
            (self.project_id is None or event.project_id == self.project_id)
            and (self.run_ids is None or event.run_id in self.run_ids)
            and (self.task_ids is None or event.task_id in self.task_ids)
            and (self.worker_ids is None or event.worker_id in self.worker_ids)
            and (self.kinds is None or event.kind in self.kinds)
            and (self.run_statuses is None or event.run_status in self.run_statuses)
            and event.kind not in self.hidden
        )


EVERYTHING = Filter()


def append(
    tx: Tx,
    kind: EventKind,
    *,
    run: RunRow | None = None,
    task_id: str | None = None,
    worker_id: str | None = None,
    project_id: str | None = None,
    **data: Any,
) -> None:
    """Record one fact. It is written when the transaction's function has ended, in the order of the calls."""
    tx.facts.append(
        Fact(
            kind=kind,
            at=tx.now,
            actor=tx.actor,
            project_id=run.project_id if run is not None else project_id,
            run_id=run.id if run is not None else None,
            task_id=task_id,
            worker_id=worker_id,
            run_status=run.status if run is not None else None,
            data=data,
        )
    )


def after(tx: Tx, seq: int, *, limit: int, only: Filter = EVERYTHING) -> Sequence[EventRow]:
    query = selected(only).where(col(EventRow.seq) > seq).order_by(col(EventRow.seq)).limit(limit)
    return tx.session.exec(query).all()


def page(
    tx: Tx, only: Filter, *, after: int | None, before: int | None, size: int, backward: bool
) -> tuple[list[EventRow], bool]:
    """One window of the log, oldest first whichever way it is read, and whether there is more that way."""
    query = selected(only)
    if after is not None:
        query = query.where(col(EventRow.seq) > after)
    if before is not None:
        query = query.where(col(EventRow.seq) < before)
    order = col(EventRow.seq).desc() if backward else col(EventRow.seq)
    rows = list(tx.session.exec(query.order_by(order).limit(size + 1)).all())
    more, rows = len(rows) > size, rows[:size]
    if backward:
        rows.reverse()
    return rows, more


def first_of_run(tx: Tx, run_id: str) -> int | None:
    """Position of the oldest event about a run; None where nothing is kept of it."""
    return tx.session.exec(select(func.min(EventRow.seq)).where(EventRow.run_id == run_id)).one()


def last_of(tx: Tx, run_id: str, kinds: Collection[EventKind]) -> EventRow | None:
    """The newest fact of these kinds in a run."""
    only = Filter(run_ids=frozenset({run_id}), kinds=frozenset(kinds))
    return tx.session.exec(selected(only).order_by(col(EventRow.seq).desc()).limit(1)).first()


def head(tx: Tx) -> int:
    """Position of the newest event; 0 before the first."""
    return tx.session.exec(select(func.max(EventRow.seq))).one() or 0


def selected(only: Filter) -> SelectOfScalar[EventRow]:
    query = select(EventRow)
    if only.project_id is not None:
        query = query.where(EventRow.project_id == only.project_id)
    for column, wanted in (
        (EventRow.run_id, only.run_ids),
        (EventRow.task_id, only.task_ids),
        (EventRow.worker_id, only.worker_ids),
        (EventRow.kind, only.kinds),
        (EventRow.run_status, only.run_statuses),
    ):
        if wanted is not None:
            query = query.where(_in(column, wanted))
    if only.hidden >= ASKED_FOR:
        query = query.where(TOLD)  # in the words of an index, which a bound parameter is not
    if only.hidden - ASKED_FOR:
        query = query.where(col(EventRow.kind).not_in(sorted(only.hidden - ASKED_FOR)))
    return query


def _in(column: Any, wanted: Collection[str]) -> Any:
    return col(column).in_(sorted(wanted)) if wanted else or_(False)

"""What agents have used: by the hour for questions of all kinds, and summed up where it is looked at all the time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, null
from sqlmodel import col, func, select

from app.domain.usage import OTHER, Amounts, UsageGroup, UsageInterval
from app.domain.workers import LIVE
from app.store import ids
from app.store.db import Tx
from app.store.tables import RunRow, TaskRow, WorkerRow
from app.store.usage_tables import UsageRow, UsageSumRow

NAMES: Final = tuple(Amounts.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """Whole hours: `since` the one that it lies in, `until` those that begin before it."""

    project_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    worker_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """`key` is an id, a model or a day; empty for what belongs to none of them."""

    key: str
    start: datetime | None
    amounts: Amounts


def add(
    tx: Tx, run: RunRow, worker: WorkerRow, model: str, at: datetime, amounts: Amounts, *, models: int
) -> None:
    """Nobody else adds to these rows meanwhile: the run is locked. `models` are told apart at most."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    row = tx.session.get(UsageRow, (worker.id, model, hour))
    if row is None and model not in (known := _models_of(tx, worker.id)) and len(known) >= models:
        model = OTHER
        row = tx.session.get(UsageRow, (worker.id, model, hour))
    if row is None:
        row = UsageRow(
            worker_id=worker.id,
            model=model,
            hour=hour,
            day=hour.replace(hour=0),
            project_id=run.project_id,
            run_id=run.id,
            task_id=worker.task_id,
        )
        tx.session.add(row)
    _raise(row, amounts)
    for owner in (worker.id, worker.task_id, run.id):
        if owner is not None:
            _raise(_sum(tx, run, owner), amounts)
    tx.session.flush()
    run.cost = _sum(tx, run, run.id).cost


def sums_of(tx: Tx, owners: Sequence[str]) -> dict[str, Amounts | None]:
    """Of workers, tasks and runs; None where nothing was ever told."""
    found: dict[str, Amounts | None] = dict.fromkeys(owners)
    for part in ids.parts(owners):
        for row in tx.session.exec(select(UsageSumRow).where(col(UsageSumRow.owner_id).in_(part))):
            found[row.owner_id] = _amounts(row)
    return found


def of_project(tx: Tx, project_id: str | None) -> Amounts:
    """Of one or of all: as many rows are read as there are runs."""
    query: Any = select(*(func.coalesce(func.sum(getattr(UsageSumRow, name)), 0) for name in NAMES))
    query = query.select_from(UsageSumRow).join(RunRow, col(RunRow.id) == UsageSumRow.owner_id)
    if project_id is not None:
        query = query.where(RunRow.project_id == project_id)
    return Amounts() + Amounts(*map(int, tx.session.exec(query).one()))


def buckets(
    tx: Tx, only: UsageFilter, group: UsageGroup, interval: UsageInterval | None, most: int
) -> list[Bucket]:
    """Newest first where there is a time, and the dearest first."""
    key = _KEYS[group]
    start = _start(group, interval)
    sums = [func.sum(getattr(UsageRow, name)) for name in NAMES]
    query: Select[Any] = select(key, start if start is not None else null(), *sums).select_from(UsageRow)
    if group is UsageGroup.PHASE:
        query = query.outerjoin(TaskRow, col(TaskRow.id) == UsageRow.task_id)
    query = query.where(*_wanted(tx, only)).group_by(key)
    if start is not None:
        query = query.group_by(start).order_by(start.desc())
    query = query.order_by(sums[-1].desc(), key).limit(most)
    found = tx.session.connection().execute(query).all()
    return [
        Bucket(
            "" if named is None else named.date().isoformat() if isinstance(named, datetime) else named,
            begun,
            Amounts() + Amounts(*map(int, numbers)),
        )
        for named, begun, *numbers in found
    ]


_KEYS: Final[dict[UsageGroup, Any]] = {
    UsageGroup.PROJECT: col(UsageRow.project_id),
    UsageGroup.RUN: col(UsageRow.run_id),
    UsageGroup.PHASE: col(TaskRow.phase_id),
    UsageGroup.TASK: col(UsageRow.task_id),
    UsageGroup.WORKER: col(UsageRow.worker_id),
    UsageGroup.MODEL: col(UsageRow.model),
    UsageGroup.DAY: col(UsageRow.day),
}


def _start(group: UsageGroup, interval: UsageInterval | None) -> Any:
    if interval is UsageInterval.HOUR:
        return col(UsageRow.hour)
    if interval is UsageInterval.DAY or group is UsageGroup.DAY:
        return col(UsageRow.day)
    return None


def _wanted(tx: Tx, only: UsageFilter) -> list[ColumnElement[bool]]:
    equal = (
        (UsageRow.project_id, tx.scope),
        (UsageRow.project_id, only.project_id),
        (UsageRow.run_id, only.run_id),
        (UsageRow.task_id, only.task_id),
        (UsageRow.worker_id, only.worker_id),
    )
    wanted = [col(column) == value for column, value in equal if value is not None]
    if only.since is not None:
        wanted.append(col(UsageRow.hour) >= only.since.replace(minute=0, second=0, microsecond=0))
    if only.until is not None:
        wanted.append(col(UsageRow.hour) < only.until)
    return wanted


def untold_since(tx: Tx, moment: datetime) -> Sequence[str]:
    """Live workers that have used something which was not told, last told of then or before."""
    query = select(WorkerRow.id).where(
        col(WorkerRow.status).in_(sorted(LIVE)),
        col(WorkerRow.untold).is_not(None),
        col(WorkerRow.told_at) <= moment,
    )
    return tx.session.exec(query.order_by(col(WorkerRow.id))).all()


def _models_of(tx: Tx, worker_id: str) -> set[str]:
    return set(
        tx.session.exec(select(UsageRow.model).where(UsageRow.worker_id == worker_id).distinct()).all()
    )


def _sum(tx: Tx, run: RunRow, owner_id: str) -> UsageSumRow:
    row = tx.session.get(UsageSumRow, owner_id)
    if row is None:
        row = UsageSumRow(owner_id=owner_id, run_id=run.id)
        tx.session.add(row)
        tx.session.flush()
    return row


def _amounts(row: UsageRow | UsageSumRow) -> Amounts:
    return Amounts(**{name: getattr(row, name) for name in NAMES})


def _raise(row: UsageRow | UsageSumRow, amounts: Amounts) -> None:
    for name, number in (_amounts(row) + amounts).plain().items():
        setattr(row, name, number)

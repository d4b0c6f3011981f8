from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, not_, or_
from sqlalchemy.orm import defer
from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from app.domain.errors import AppError, ErrorCode, not_found
from app.domain.runs import EDITABLE, EXPECTED_TO_MOVE, Patience, RunStatus
from app.store import phases, project_flags, searching
from app.store.db import Tx, load_for_change
from app.store.tables import PhaseRow, ProjectRow, RunRow

_SHORT: Final = (defer(RunRow.plan_text),)  # type: ignore[arg-type]
"""The text of a plan has up to 16 MiB, and every change of a run reads its row: it is read where it is asked for."""


@dataclass(frozen=True, slots=True)
class RunFilter:
    project_id: str | None = None
    statuses: Sequence[str] | None = None
    search: str | None = None
    created_after: datetime | None = None
    phase: str | None = None
    waiting: bool | None = None
    stale: bool | None = None
    patience: Patience = field(default_factory=Patience)


def get(tx: Tx, run_id: str) -> RunRow:
    run = find(tx, run_id)
    if run is None:
        raise not_found("run", run_id)
    return run


def find(tx: Tx, run_id: str) -> RunRow | None:
    run = tx.session.get(RunRow, run_id, options=_SHORT)
    return run if run is not None and tx.scope in (None, run.project_id) else None


def lock(tx: Tx, run_id: str, *, version: int | None = None) -> RunRow:
    """Load a run for change. A caller that passes `version` refuses to overwrite newer work."""
    run = load_for_change(tx, RunRow, run_id, options=_SHORT)
    if run is None or tx.scope not in (None, run.project_id):
        raise not_found("run", run_id)
    if version is not None and run.version != version:
        phase = phases.find(tx, run.phase_id)
        raise AppError(
            ErrorCode.VERSION_CONFLICT,
            f"The run has moved on: it is at version {run.version}, not {version}.",
            suggestion="Read the run again, look at what changed, and decide anew.",
            path=["input", "expectedVersion"],
            details={
                "expected": version,
                "actual": run.version,
                "currentPhase": phase.key if phase is not None else None,
            },
        )
    return run


def by_ids(tx: Tx, wanted: Sequence[str]) -> dict[str, RunRow]:
    return {row.id: row for row in tx.session.exec(select_all(tx).where(col(RunRow.id).in_(wanted)))}


def plan_texts(tx: Tx, wanted: Sequence[str]) -> dict[str, str]:
    """The documents that runs were made from."""
    query = select(RunRow.id, RunRow.plan_text).where(col(RunRow.id).in_(wanted))
    if tx.scope is not None:
        query = query.where(RunRow.project_id == tx.scope)
    return dict(tx.session.exec(query).all())


def select_all(tx: Tx, only: RunFilter | None = None) -> SelectOfScalar[RunRow]:
    query = select(RunRow).options(*_SHORT)
    if tx.scope is not None:
        query = query.where(RunRow.project_id == tx.scope)
    if only is None:
        return query
    if only.project_id is not None:
        query = query.where(RunRow.project_id == only.project_id)
    if only.statuses is not None:
        query = query.where(col(RunRow.status).in_(only.statuses))
    if only.created_after is not None:
        query = query.where(RunRow.created_at > only.created_after)
    if only.phase is not None:
        query = query.join(PhaseRow, col(PhaseRow.id) == RunRow.phase_id).where(PhaseRow.key == only.phase)
    if only.waiting is not None:
        query = query.where(RunRow.open_attention > 0 if only.waiting else RunRow.open_attention == 0)
    if only.stale is not None:
        silent = is_stale(tx, only.patience)
        query = query.where(silent if only.stale else not_(silent))
    if only.search:
        query = query.where(
            or_(searching.contains(tx, RunRow.name, only.search), col(RunRow.id) == only.search)
        )
    return query


def is_stale(tx: Tx, patience: Patience) -> ColumnElement[bool]:
    """Whether a run that should be getting on has been silent for too long: for its project, where that says so."""
    own = [] if patience.everywhere else project_flags.said(tx, "stale_after_seconds")
    last = col(RunRow.last_activity_at)
    silent = last < tx.now - patience.silence
    if own:
        silent = or_(
            and_(silent, not_(project_flags.is_set(RunRow.project_id, "stale_after_seconds"))),
            *(
                and_(col(RunRow.project_id).in_(who), last < tx.now - timedelta(seconds=seconds))
                for seconds, who in own
            ),
        )
    return and_(col(RunRow.status).in_(sorted(EXPECTED_TO_MOVE)), silent)


@dataclass(frozen=True, slots=True)
class PlanFile:
    """The file that an open run was made from, and the hash of the text it was last made of."""

    run_id: str
    root: str
    path: str
    hash: str


def plan_files(tx: Tx) -> list[PlanFile]:
    """Of every run whose tasks can still be changed and that was made from a file of its project, unless that says that its
    plans are not watched.
    """
    query = (
        select(RunRow.id, ProjectRow.root, RunRow.plan_path, RunRow.plan_hash)
        .join(ProjectRow, col(ProjectRow.id) == RunRow.project_id)
        .where(
            col(RunRow.plan_path).is_not(None),
            col(RunRow.status).in_(sorted(EDITABLE)),
            not_(project_flags.is_off(RunRow.project_id, "watch_plans")),
        )
        .order_by(col(RunRow.id))
    )
    return [PlanFile(id, root, path or "", hash) for id, root, path, hash in tx.session.exec(query)]


def with_room(tx: Tx) -> Sequence[str]:
    """Runs that are active, have a task ready and may start another worker; the oldest first."""
    query = (
        select(RunRow.id)
        .where(
            RunRow.status == RunStatus.ACTIVE,
            RunRow.ready > 0,
            RunRow.live_workers < RunRow.max_workers,
        )
        .order_by(col(RunRow.created_at), col(RunRow.id))
    )
    return tx.session.exec(query).all()


def count_ready(tx: Tx) -> int:
    """Ready tasks of active runs, within the caller's scope."""
    query = select(func.coalesce(func.sum(RunRow.ready), 0)).where(RunRow.status == RunStatus.ACTIVE)
    return tx.session.exec(query if tx.scope is None else query.where(RunRow.project_id == tx.scope)).one()


def longest_silent(tx: Tx, only: RunFilter, silence: timedelta | None, most: int) -> Sequence[str]:
    """Ids of runs that the filter selects and that have done nothing for so long, the longest silent first."""
    query = select_all(tx, only).order_by(col(RunRow.last_activity_at), col(RunRow.id)).limit(most)
    if silence is not None:
        query = query.where(RunRow.last_activity_at <= tx.now - silence)
    return [run.id for run in tx.session.exec(query)]


def newly_stale(tx: Tx, patience: Patience, run_id: str | None = None) -> Sequence[str]:
    """Runs whose present silence is too long and was not announced; of one alone whether it is so."""
    query = select(RunRow.id).where(
        is_stale(tx, patience),
        or_(
            col(RunRow.stale_announced_at).is_(None),
            col(RunRow.stale_announced_at) < RunRow.last_activity_at,
        ),
    )
    if run_id is not None:
        query = query.where(RunRow.id == run_id)
    return tx.session.exec(query.order_by(col(RunRow.id))).all()


def delete(tx: Tx, run: RunRow) -> None:
    """With its phases, tasks, workers and their logs, which the database sees to."""
    tx.session.delete(run)
    tx.session.flush()


def unfinished(run: RunRow) -> int:
    """How many tasks there is still something to do about."""
    return run.pending + run.ready + run.running + run.waiting + run.blocked + run.failed

from collections.abc import Sequence

from sqlalchemy import or_, update
from sqlmodel import col, func, select

from app.domain.access import Role
from app.domain.errors import not_found
from app.domain.hosts import ABSENT, FRESH, Room
from app.domain.workers import LIVE
from app.store import leases
from app.store.db import Tx, load_for_change
from app.store.host_tables import HostRow
from app.store.tables import RunRow, WorkerRow

_LIVE = sorted(LIVE)


def lock(tx: Tx, host_id: str) -> HostRow:
    host = load_for_change(tx, HostRow, host_id)
    if host is None:
        raise not_found("host", host_id)
    return host


def find(tx: Tx, host_id: str) -> HostRow | None:
    return tx.session.get(HostRow, host_id)


def by_ids(tx: Tx, wanted: Sequence[str]) -> dict[str, HostRow]:
    return {row.id: row for row in tx.session.exec(select(HostRow).where(col(HostRow.id).in_(wanted)))}


def listed(tx: Tx) -> Sequence[HostRow]:
    return tx.session.exec(select(HostRow).order_by(col(HostRow.name), col(HostRow.id))).all()


def beat(tx: Tx, host_id: str) -> None:
    """One statement: this is asked for all the time."""
    tx.session.connection().execute(
        update(HostRow).where(col(HostRow.id) == host_id).values(last_seen_at=leases.now(tx))
    )


def silent(tx: Tx) -> Sequence[HostRow]:
    """Hosts that are held for present and were not heard for long."""
    moment = leases.now(tx) - ABSENT
    return tx.session.exec(
        select(HostRow).where(col(HostRow.present).is_(True), HostRow.last_seen_at < moment)
    ).all()


def running_on(tx: Tx, host_ids: Sequence[str], *, only: Role | None = None) -> dict[str, int]:
    """How many live workers each host has, within the caller's scope; of one role, where it is said."""
    query = (
        select(WorkerRow.host_id, func.count())
        .where(col(WorkerRow.host_id).in_(host_ids), col(WorkerRow.status).in_(_LIVE))
        .group_by(col(WorkerRow.host_id))
    )
    if only is not None:
        query = query.where(WorkerRow.role == only)
    if tx.scope is not None:
        query = query.join(RunRow, col(RunRow.id) == WorkerRow.run_id).where(RunRow.project_id == tx.scope)
    counted = dict(tx.session.exec(query).all())
    return {host_id: counted.get(host_id, 0) for host_id in host_ids}


def reachable(tx: Tx, here: str | None = None) -> Sequence[HostRow]:
    """Hosts that can be given something: heard just now, or the one that asks."""
    heard = col(HostRow.last_seen_at) > leases.now(tx) - FRESH
    return tx.session.exec(
        select(HostRow).where(col(HostRow.present).is_(True), or_(heard, col(HostRow.id) == here))
    ).all()


def room(tx: Tx, hosts: Sequence[HostRow]) -> Room:
    """What is left of the slots of those that are not drained. Agents that look after runs take none."""
    open_ones = [host for host in hosts if not host.draining]
    running = running_on(tx, [host.id for host in open_ones], only=Role.WORKER)
    return Room(
        {host.id: host.slots - running[host.id] for host in open_ones},
        {host.id: host.labels for host in open_ones},
    )

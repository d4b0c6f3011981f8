"""Hosts come, are heard, go, and are drained; the server that leads notices who is away."""

from collections.abc import Sequence
from datetime import datetime

from app import store
from app.commands.audit import Change
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.hosts import ABSENT, LEASE, HostStatus, status_of
from app.store.db import Tx
from app.store.host_tables import HostRow
from app.store.leases import ENGINE, Lease


def register(
    tx: Tx, *, host_id: str, name: str, slots: int, labels: Sequence[str], worker_ids: Sequence[str] = ()
) -> None:
    """A server has started on this host, which has the directories of these workers."""
    moment, host = store.leases.now(tx), store.hosts.find(tx, host_id)
    store.workers.adopt(tx, host_id, worker_ids)
    if host is None:
        host = HostRow(
            id=host_id,
            name=name,
            slots=slots,
            labels=list(labels),
            registered_at=moment,
            last_seen_at=moment,
        )
        tx.session.add(host)
        _announce(tx, host, old=None, reason="It was registered.")
        return
    host.name, host.slots, host.labels, host.last_seen_at = name, slots, list(labels), moment
    _set(tx, host, present=True, reason="It is back.")


def beat(tx: Tx, *, host_id: str, session: str) -> tuple[Lease | None, datetime]:
    """A host is there; its server leads on, or takes over where nobody leads. Also the time by the clock of all.

    The lease comes first: who starts tasks holds it while it looks at hosts.
    """
    lease = store.leases.take(tx, ENGINE, holder=host_id, session=session, keep=LEASE)
    store.hosts.beat(tx, host_id)
    host = store.hosts.find(tx, host_id)
    if host is not None and not host.present:
        _set(tx, store.hosts.lock(tx, host_id), present=True, reason="It is back.")
    return lease, store.leases.now(tx)


def leave(tx: Tx, *, host_id: str, session: str) -> None:
    """Its server ends in order. Another one leads at once; the workers go on, and wait for the next server."""
    store.leases.release(tx, ENGINE, session=session)
    _set(tx, store.hosts.lock(tx, host_id), present=False, reason="Its server was stopped.")


def miss(tx: Tx, *, lease: Lease, led_since: datetime) -> int:
    """Note which hosts have gone without a word. Returns how many.

    What was silent before this server led may have been heard by nobody: the database may have been away.
    """
    store.leases.require(tx, lease)
    if led_since > store.leases.now(tx) - ABSENT:
        return 0
    missing = store.hosts.silent(tx)
    for host in missing:
        _set(tx, host, present=False, reason=f"It was not heard for {ABSENT.total_seconds():g} s.")
    return len(missing)


def drain(tx: Tx, *, host_id: str, reason: str | None = None) -> Change:
    """No new workers; those that it has go on."""
    _set(tx, store.hosts.lock(tx, host_id), draining=True, reason=reason)
    return Change({"host": host_id})


def resume(tx: Tx, *, host_id: str, reason: str | None = None) -> Change:
    _set(tx, store.hosts.lock(tx, host_id), draining=False, reason=reason)
    return Change({"host": host_id})


def with_labels(tx: Tx, labels: Sequence[str]) -> str | None:
    """The host for a worker that is started by hand now; None where there is none, and none in particular was asked for."""
    room = store.hosts.room(tx, store.hosts.reachable(tx))
    host = room.take(labels)
    if labels and host is None:
        there = ", ".join(room.labels)
        raise AppError(
            ErrorCode.UNAVAILABLE,
            f"No host that takes workers now has {' and '.join(map(repr, labels))}.",
            suggestion=f"Hosts that do have {there}." if there else "No host that does has any label.",
            path=["input", "hostLabels"],
        )
    return host


def _set(
    tx: Tx,
    host: HostRow,
    *,
    present: bool | None = None,
    draining: bool | None = None,
    reason: str | None,
) -> None:
    old = status_of(present=host.present, draining=host.draining)
    host.present = host.present if present is None else present
    host.draining = host.draining if draining is None else draining
    if status_of(present=host.present, draining=host.draining) is not old:
        _announce(tx, host, old=old, reason=reason)


def _announce(tx: Tx, host: HostRow, *, old: HostStatus | None, reason: str | None) -> None:
    store.events.append(
        tx,
        EventKind.HOST_CHANGED,
        host=host.id,
        old=old,
        new=status_of(present=host.present, draining=host.draining),
        reason=reason,
    )

"""Rights that one server at a time has, for as long as it keeps renewing them.

Time is the database's here: servers' own clocks may differ by more than a lease lasts.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.store.db import Tx, load_for_change
from app.store.host_tables import LeaseRow

ENGINE: Final = "engine"
"""Who has this one starts tasks, for every host."""


class LeaseLost(Exception):
    """Another process has the lease by now. The transaction has changed nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    name: str
    session: str
    fence: int


def now(tx: Tx) -> datetime:
    """The one clock of all servers on this database. SQLite has one server, and its clock."""
    if tx.exclusive or tx.session.get_bind().dialect.name == "sqlite":
        return tx.now
    moment: datetime = tx.session.connection().execute(text("SELECT clock_timestamp()")).scalar_one()
    return moment


def find(tx: Tx, name: str) -> LeaseRow | None:
    return tx.session.get(LeaseRow, name)


def is_held(tx: Tx, name: str) -> bool:
    """Whether some server has it now."""
    row = find(tx, name)
    if row is None or not row.holder:
        return False
    return tx.session.get_bind().dialect.name == "sqlite" or row.expires_at > now(tx)


def take(tx: Tx, name: str, *, holder: str, session: str, keep: timedelta) -> Lease | None:
    """Renew the lease, or take it where nobody has it; None while another one does.

    An earlier process on the same host is dead for certain, because it held the lock of the data directory; and on
    SQLite every earlier process is, because it held the lock of the database.
    """
    row = find(tx, name)
    if row is None:
        with suppress(IntegrityError), tx.session.begin_nested():  # another server may just have made it
            tx.session.add(LeaseRow(name=name, holder="", session="", fence=0, expires_at=tx.now))
    elif not tx.exclusive and row.holder not in ("", holder) and row.expires_at > now(tx):
        return None  # seen without a lock: whoever leads renews often, and need not wait for those who look
    row = load_for_change(tx, LeaseRow, name)
    assert row is not None
    moment = now(tx)
    if row.session != session:
        if not tx.exclusive and row.holder not in ("", holder) and row.expires_at > moment:
            return None
        row.holder, row.session, row.fence = holder, session, row.fence + 1
    row.expires_at = moment + keep
    return Lease(name, session, row.fence)


def require(tx: Tx, lease: Lease) -> None:
    """Nobody else can take the lease before this transaction ends. LeaseLost where somebody already has.

    A server that was stopped for longer than its lease lasts believes that it still leads: this is where it learns.
    """
    row = load_for_change(tx, LeaseRow, lease.name)
    if row is None or (row.session, row.fence) != (lease.session, lease.fence):
        raise LeaseLost(lease.name)


def release(tx: Tx, name: str, *, session: str) -> None:
    """Let another one have it at once."""
    row = load_for_change(tx, LeaseRow, name)
    if row is not None and row.session == session:
        row.holder, row.session = "", ""

from collections.abc import Sequence
from itertools import count

from sqlmodel import col, select

from app.domain.saved_states import KEPT, Kept
from app.store.db import Tx
from app.store.saved_state_tables import SavedStateRow

_LIGHT = 0


def newest(tx: Tx, supervisor_id: str, *, light: bool = True) -> list[Kept]:
    """What is kept of a supervisor, newest first; without its last heartbeat where that is not wanted."""
    return [Kept(row.n, row.body, row.digest) for row in _rows(tx, supervisor_id, light=light)]


def put(tx: Tx, supervisor_id: str, kept: Kept, *, light: bool) -> None:
    """Write a state in the place of the oldest one, where enough are kept; a light one in that of the last heartbeat."""
    if light:
        row = tx.session.get(SavedStateRow, (supervisor_id, _LIGHT))
        slot = _LIGHT
    else:
        rows = _rows(tx, supervisor_id, light=False)
        row = rows[-1] if len(rows) >= KEPT else None
        taken = {row.slot for row in rows}  # with gaps, where somebody has deleted one
        slot = next(free for free in count(1) if free not in taken)
    if row is None:
        row = SavedStateRow(supervisor_id=supervisor_id, slot=slot, n=0, body=b"", digest=b"")
        tx.session.add(row)
    row.n, row.body, row.digest = kept.n, kept.body, kept.digest


def _rows(tx: Tx, supervisor_id: str, *, light: bool) -> Sequence[SavedStateRow]:
    query = select(SavedStateRow).where(SavedStateRow.supervisor_id == supervisor_id)
    if not light:
        query = query.where(SavedStateRow.slot != _LIGHT)
    return tx.session.exec(query.order_by(col(SavedStateRow.n).desc())).all()

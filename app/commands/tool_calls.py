"""What becomes of the tools that an agent calls, as its runner tells it."""

from datetime import datetime

from app import store
from app.domain import limits
from app.domain.events import EventKind
from app.domain.reports import ToolEnded, ToolStarted
from app.domain.tools import ENDED_FIRST, ToolCallStatus
from app.store.db import Tx
from app.store.tables import RunRow, WorkerRow
from app.store.tool_tables import ToolCallRow


def take(tx: Tx, run: RunRow, worker: WorkerRow, told: ToolStarted | ToolEnded, at: datetime) -> None:
    if isinstance(told, ToolStarted):
        _start(tx, run, worker, told, at)
    else:
        _come_back(tx, run, worker, told, at)


def _start(tx: Tx, run: RunRow, worker: WorkerRow, told: ToolStarted, at: datetime) -> None:
    """An agent that names two calls alike gets the first one only."""
    key = _cut(told.call, limits.NAME)
    if store.tool_calls.find(tx, worker.id, key) is not None:
        return
    call = store.tool_calls.add(
        tx,
        worker_id=worker.id,
        key=key,
        name=_cut(told.name, limits.NAME),
        input_summary=None if told.input_summary is None else _cut(told.input_summary, limits.TITLE),
        at=at,
    )
    store.events.append(
        tx,
        EventKind.TOOL_STARTED,
        run=run,
        task_id=worker.task_id,
        worker_id=worker.id,
        call=call.id,
        tool=call.name,
        summary=call.input_summary,
    )


def _come_back(tx: Tx, run: RunRow, worker: WorkerRow, told: ToolEnded, at: datetime) -> None:
    """The end of a call that never began, or that has ended, says nothing."""
    call = store.tool_calls.find(tx, worker.id, _cut(told.call, limits.NAME))
    if call is not None and call.status == ToolCallStatus.STARTED:
        _end(tx, run, worker, call, at, error=told.error)


def give_up(tx: Tx, run: RunRow, worker: WorkerRow) -> None:
    """The worker is over, and with it whatever its agent was calling."""
    for call in store.tool_calls.under_way(tx, worker.id):
        _end(tx, run, worker, call, tx.now, error=ENDED_FIRST)


def _end(
    tx: Tx, run: RunRow, worker: WorkerRow, call: ToolCallRow, at: datetime, *, error: str | None
) -> None:
    call.status = ToolCallStatus.COMPLETED if error is None else ToolCallStatus.FAILED
    call.error = None if error is None else _cut(error, limits.TITLE)
    # the clock of a runner may have been set back, or be another than the server's; the column holds 31 bits
    call.duration_ms = min(max(0, round((at - call.started_at).total_seconds() * 1000)), 2**31 - 1)
    store.events.append(
        tx,
        EventKind.TOOL_COMPLETED,
        run=run,
        task_id=worker.task_id,
        worker_id=worker.id,
        call=call.id,
        tool=call.name,
        duration=call.duration_ms,
        success=error is None,
    )


def _cut(text: str, most: int) -> str:
    """An agent's words are cut, not refused: nobody is there who could say less."""
    text = limits.storable(text)
    return text if len(text) <= most else text[: most - 1] + "…"

"""The switch for everything: whether any run's tasks are dispatched at all."""

from app import store
from app.commands.audit import Change
from app.domain.events import EventKind
from app.store.db import Tx


def pause(tx: Tx, *, reason: str | None = None) -> Change:
    return _set(tx, paused=True, reason=reason)


def resume(tx: Tx, *, reason: str | None = None) -> Change:
    return _set(tx, paused=False, reason=reason)


def _set(tx: Tx, *, paused: bool, reason: str | None) -> Change:
    pipeline = store.pipeline.lock(tx)
    if pipeline.paused != paused:
        pipeline.paused, pipeline.reason = paused, reason if paused else None
        store.events.append(tx, EventKind.PIPELINE_CHANGED, paused=paused, reason=reason)
    return Change({})

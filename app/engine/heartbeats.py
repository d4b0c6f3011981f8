"""Looks after workers that have gone silent: first another runner is offered, then they are given up."""

import logging
from datetime import datetime, timedelta

from app import commands, store
from app.commands.scheduling import Launch
from app.dispatch.local import LocalDispatch
from app.domain.errors import AppError
from app.domain.workers import is_silent
from app.engine import scheduling
from app.store.db import Database

log = logging.getLogger(__name__)


async def run_once(
    db: Database,
    dispatch: LocalDispatch,
    key: bytes,
    *,
    host_id: str,
    ready_since: datetime,
    patience: timedelta,
) -> int:
    """Look at this host's silent workers once. Returns how many were given up.

    After a third of `patience` a runner is asked for again: where the first one died, the second one ends what is
    left and reports it. After all of it the worker is LOST, once nothing of its tree is left for certain.
    """
    given_up = 0
    now = db.clock()
    for worker in await db.read(store.workers.unheard_since, now - patience / 3, host_id=host_id):
        heard = worker.last_heartbeat_at or worker.created_at
        if is_silent(heard, now, ready_since=ready_since, patience=patience):
            given_up += await _give_up(db, dispatch, worker.id, worker.fence)
        elif worker.dispatched_at is not None and is_silent(
            heard, now, ready_since=ready_since, patience=patience / 3
        ):
            await scheduling.start(dispatch, key, Launch(worker.id, worker.fence))
    return given_up


async def run_elsewhere(db: Database, *, led_since: datetime, patience: timedelta) -> int:
    """Give up silent workers whose host is away, for the server that leads. Returns how many.

    Something of them may still run. Whatever it reports is refused, and its runner then ends it.
    """
    lost, now = 0, db.clock()
    for worker in await db.read(store.workers.out_of_reach, now - patience):
        heard = worker.last_heartbeat_at or worker.created_at
        if is_silent(heard, now, ready_since=led_since, patience=patience):
            lost += await db.write(
                commands.reports.lose,
                worker_id=worker.id,
                fence=worker.fence,
                reason="Nothing was heard of it for too long, and its host is away.",
                unheard_since=now - patience,
            )
    return lost


async def _give_up(db: Database, dispatch: LocalDispatch, worker_id: str, fence: int) -> bool:
    try:
        ended = await dispatch.end_hung(worker_id)
    except (AppError, OSError):
        log.exception(
            "worker %s is silent, and cannot be looked after", worker_id, extra={"worker_id": worker_id}
        )
        return False
    if not ended:
        log.error(
            "worker %s is silent, and something of it cannot be ended",
            worker_id,
            extra={"worker_id": worker_id},
        )
        return False
    return await db.write(
        commands.reports.lose,
        worker_id=worker_id,
        fence=fence,
        reason="Nothing was heard of it for too long; what was left of it was ended.",
    )

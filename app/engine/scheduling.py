"""Gives ready tasks to workers and has the runners of this host's workers started."""

import logging

from app import commands, store
from app.commands.scheduling import Launch
from app.dispatch.local import LocalDispatch
from app.domain.access import Role
from app.domain.errors import AppError
from app.logs import about
from app.store import tokens
from app.store.db import Database
from app.store.leases import Lease

log = logging.getLogger(__name__)


async def run_once(
    db: Database, dispatch: LocalDispatch, key: bytes, *, host_id: str, lease: Lease | None
) -> int:
    """Start as much as there is room for. Returns how many workers were started on this host.

    Tasks are given out by the server that leads; each server starts the workers of its own host.
    """
    if lease is None and not await db.read(store.workers.has_undispatched, host_id):
        return 0
    launches = await db.write(commands.scheduling.turn, host_id=host_id, lease=lease)
    for launch in launches:
        await start(dispatch, key, launch)
    return len(launches)


async def start(dispatch: LocalDispatch, key: bytes, launch: Launch) -> None:
    """Make sure that a worker has a runner. Asking again is harmless, so a failure is left to the next look."""
    token = tokens.derive(key, Role.RUNNER, launch.worker_id, launch.fence)
    with about(worker_id=launch.worker_id):
        try:
            await dispatch.launch(worker_id=launch.worker_id, fence=launch.fence, token=token)
        except (AppError, OSError) as error:  # a full disk, say: the other workers get theirs all the same
            log.warning("worker %s has no runner yet: %s", launch.worker_id, error)
        else:
            log.debug("runner asked for", extra={"fence": launch.fence})

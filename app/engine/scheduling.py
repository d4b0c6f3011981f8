"""Gives ready tasks to workers and has their runners started."""

import logging

from app import commands
from app.commands.scheduling import Launch
from app.dispatch.local import LocalDispatch
from app.domain.access import Role
from app.domain.errors import AppError
from app.logs import about
from app.store import tokens
from app.store.db import Database

log = logging.getLogger(__name__)


async def run_once(db: Database, dispatch: LocalDispatch, key: bytes, *, slots: int) -> int:
    """Start as much as there is room for. Returns how many workers were started."""
    launches = await db.write(commands.scheduling.claim, slots=slots)
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

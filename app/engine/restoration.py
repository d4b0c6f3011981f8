"""Takes up the workers that an earlier server left behind."""

from app import store
from app.commands.scheduling import Launch
from app.dispatch.local import LocalDispatch
from app.engine import scheduling
from app.store.db import Database


async def run_once(db: Database, dispatch: LocalDispatch, key: bytes, *, host_id: str) -> int:
    """Make sure that every live worker of this host has a runner. Returns how many there are.

    Where a runner is still at work, the new one finds its lock held and ends; where none was ever started, it starts;
    where one died, it ends what is left of the tree and reports it.
    """
    workers = await db.read(store.workers.live, host_id=host_id)
    for worker in workers:
        if worker.dispatched_at is None:
            continue  # the next turn asks for its runner, and says so: what nobody was asked for can be ended at once
        await scheduling.start(dispatch, key, Launch(worker.id, worker.fence))
    return len(workers)

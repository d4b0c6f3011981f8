"""Agents that look after runs, as processes that were started for them."""

from datetime import timedelta
from typing import Any

from app import store
from app.domain.access import Actor, Role
from app.domain.supervisors import SupervisorState
from app.store.tables import WorkerRow
from tests.conftest import Clock
from tests.fleet import Fleet

S = SupervisorState
AGENT = {"kind": "command", "argv": ["an-agent"]}
PATIENCE = timedelta(seconds=120)


async def a_run(fleet: Fleet, *entries: str, **arguments: Any) -> str:
    """A run that is given an agent."""
    return await fleet.a_run(*(entries or ("a", "b < a")), supervisor=AGENT, **arguments)


async def processes(fleet: Fleet, run: str) -> list[WorkerRow]:
    """The ones that live."""
    return [worker for worker in await fleet.live(run) if worker.role == Role.ORCHESTRATOR]


async def process(fleet: Fleet, run: str) -> str:
    """The worker that is the supervisor, up; started first where it is not."""
    await fleet.claim()
    (worker,) = await processes(fleet, run)
    return await fleet.up(worker.id) if worker.status == "SPAWNING" else worker.id


async def actor_of(fleet: Fleet, worker_id: str) -> Actor | None:
    """Who its token makes it."""
    key = await fleet.db.write(store.tokens.signing_key)
    token = store.tokens.derive(key, Role.ORCHESTRATOR, worker_id, 1)
    return await fleet.db.read(store.tokens.actor_of, token)


async def die(fleet: Fleet, clock: Clock, run: str) -> float | None:
    """Let the process fail. Seconds until the next one is started, or None where none is."""
    await fleet.exit(await process(fleet, run), 1)
    at = (await fleet.supervisor(run)).starts_at
    return None if at is None else (at - clock()).total_seconds()

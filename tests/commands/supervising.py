"""Agents that look after runs: what they do, what is saved of them, and how they are brought back."""

from typing import Any

import pytest
from sqlalchemy import text

from app import commands, store
from app.commands.audit import Receipt
from app.domain.access import Actor, Role
from app.domain.errors import AppError
from app.domain.saved_states import SavedState, unseal
from app.domain.supervisors import SupervisorState
from app.store.db import Tx
from app.store.restorations import Restored
from tests.factories import COMMAND, an_actor
from tests.fleet import Fleet

S = SupervisorState
SPAWN = {"runtime": COMMAND, "name": "scout"}


def agent_of(run: str, name: str = "one") -> Actor:
    return an_actor(Role.ORCHESTRATOR, id=f"tok_{name}", run_id=run)


async def heartbeat(
    fleet: Fleet, run: str, actor: Actor | None, state: S = S.WORKING, **said: Any
) -> commands.supervisors.Heard:
    assert actor is not None, "its token is good for nothing"
    return await fleet.db.write(commands.supervisors.beat, actor=actor, run_id=run, state=state, **said)


async def refused_heartbeat(
    fleet: Fleet, run: str, actor: Actor | None, state: S = S.WORKING, **said: Any
) -> str:
    """The code of the refusal."""
    with pytest.raises(AppError) as error:
        await heartbeat(fleet, run, actor, state, **said)
    return str(error.value.code)


async def beat(fleet: Fleet, run: str, state: S = S.WORKING, *, name: str = "one", **said: Any) -> Any:
    return await heartbeat(fleet, run, agent_of(run, name), state, **said)


async def looked_after(fleet: Fleet, *entries: Any, **said: Any) -> str:
    """A run with an agent that has been heard once."""
    run = await fleet.a_run(*(entries or ("a", "b < a")))
    await beat(fleet, run, **said)
    return run


async def ask(fleet: Fleet, run: str, question: str = "Which colour?", *, name: str = "one") -> str:
    done = await fleet.do(commands.attention.ask, by=agent_of(run, name), run_id=run, question=question)
    return str(done.refs["item"])


async def spawn(fleet: Fleet, run: str, *, name: str = "one", **more: Any) -> Receipt:
    return await fleet.do(commands.workers.spawn, by=agent_of(run, name), run_id=run, **SPAWN, **more)


async def configure(fleet: Fleet, run: str) -> None:
    await fleet.do(commands.runs.configure, by=agent_of(run), run_id=run, max_workers=3)


# ---------------------------------------------------------------- what is saved of it


async def kept(fleet: Fleet, run: str) -> list[SavedState]:
    """What is saved of a run's agent, newest first."""
    row = await fleet.supervisor(run)
    found = await fleet.db.read(store.saved_states.newest, row.id)
    return [unseal(one, supervisor=row.id) for one in found]


async def spoil(fleet: Fleet, statement: str, **values: Any) -> None:
    """What a bad disk, or somebody with a database client, does."""

    def spoiling(tx: Tx) -> None:
        tx.session.connection().execute(text(statement), values)

    await fleet.db.write(spoiling)


# ---------------------------------------------------------------- how it is brought back


async def restart(fleet: Fleet, run: str) -> None:
    await fleet.do(commands.supervisors.restart, run_id=run)


async def told(fleet: Fleet, run: str) -> Restored:
    def look(tx: Tx) -> Restored:
        return store.restorations.context(tx, store.runs.get(tx, run), store.supervisors.of_run(tx, run))

    return await fleet.db.read(look)


async def steps(fleet: Fleet, run: str) -> dict[str, str | None]:
    """The steps of the last restoration with what they say."""
    return {one["step"]: one["detail"] for one in (await fleet.supervisor(run)).restoration}

"""A guarded phase asks whoever the caller is, and who may answer."""

from typing import Any, Final

import pytest

from app import commands
from app.commands.audit import Change
from app.domain.access import Role
from app.store.db import Tx
from tests.factories import an_actor
from tests.schema.api import Api
from tests.schema.world import World

STEERING: Final = (Role.ORCHESTRATOR, Role.OPERATOR, Role.ADMIN)


def caller(world: World, role: Role, run: str) -> Api:
    bound = run if role is Role.ORCHESTRATOR else None
    return world.api.by(an_actor(role, project_id=world.project, run_id=bound))


async def who_gets_past(world: World) -> set[Role]:
    """Roles for which a guarded phase is left without a confirmation."""
    past = set()
    for role in STEERING:
        run = await world.a_guarded_run()
        answer = await caller(world, role, run).attempt("advancePhase", {"runId": run})
        if [error["code"] for error in answer["userErrors"]] != ["PHASE_GUARD_REQUIRED"]:
            past.add(role)
    return past


async def test_a_guard_stops_everybody(world: World) -> None:
    assert await who_gets_past(world) == set()


@pytest.mark.parametrize("trusted", STEERING)
async def test_a_guard_that_trusts_a_role_is_caught(
    world: World, trusted: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = commands.phases.advance

    def trusting(tx: Tx, *, confirmed: bool, **arguments: Any) -> Change:
        return sound(tx, confirmed=confirmed or tx.actor == trusted.lower(), **arguments)

    monkeypatch.setattr(commands.phases, "advance", trusting)
    assert await who_gets_past(world) == {trusted}


@pytest.mark.parametrize("role", STEERING)
async def test_who_confirms_is_kept(world: World, role: Role) -> None:
    run = await world.a_guarded_run()
    done = await caller(world, role, run).do(
        "advancePhase", "run { phases { status confirmedBy } }", runId=run, confirmed=True
    )
    assert done["run"]["phases"][0] == {"status": "COMPLETED", "confirmedBy": role.lower()}


async def the_question(world: World, run: str) -> str:
    refused = await world.api.refused("advancePhase", runId=run)
    return str(refused["item"]["id"])


@pytest.mark.parametrize("role", STEERING)
async def test_to_answer_the_item_is_to_confirm(world: World, role: Role) -> None:
    run = await world.a_guarded_run()
    done = await caller(world, role, run).do(
        "answerAttention",
        "item { status run { phases { status confirmedBy } } }",
        itemId=await the_question(world, run),
        answer="confirm",
    )
    assert done["item"]["status"] == "ANSWERED"
    assert done["item"]["run"]["phases"][0] == {"status": "COMPLETED", "confirmedBy": role.lower()}


async def test_an_orchestrator_answers_no_other_question_and_none_of_another_run(world: World) -> None:
    run = await world.a_guarded_run()
    item = await the_question(world, run)
    before = await world.dump("command", "event")
    own = await world.orchestrator_of(world.run)
    assert (await own.refused("answerAttention", itemId=world.item, answer="red"))["code"] == "FORBIDDEN"
    assert (await own.refused("answerAttention", itemId=item, answer="confirm"))["code"] == "NOT_FOUND"
    agent = await world.agent_of(world.worker)
    assert (await agent.refused("answerAttention", itemId=item, answer="confirm"))["code"] == "FORBIDDEN"
    orchestrator = await world.orchestrator_of(run)
    assert (await orchestrator.refused("dismissAttention", itemId=item))["code"] == "FORBIDDEN"
    assert await world.dump("command", "event") == before

"""Budgets over the API: who may set them, what null means, how they are shown."""

from typing import Any

import pytest

from app.domain.events import EventKind
from app.domain.reports import Used
from app.domain.usage import UNITS, Amounts
from tests.factories import a_plan, a_task
from tests.schema.world import World

BUDGET = "budgetUsd budget { limitUsd spentUsd reservedUsd freeUsd state }"


def stands(limit: str, spent: str, reserved: str, free: str, state: str) -> dict[str, Any]:
    amounts = {"limitUsd": limit, "spentUsd": spent, "reservedUsd": reserved, "freeUsd": free}
    return {"budgetUsd": limit, "budget": {**amounts, "state": state}}


async def spender(world: World, dollars: int) -> tuple[str, str]:
    """A run of 10 dollars, whose task may spend 5, and its worker, which has spent so much."""
    plan = a_plan(a_task("a", budget=5 * UNITS), "b")
    run = await world.a_run(plan=plan, budget=10 * UNITS)
    worker = await world.fleet.working(run, "a")
    await world.fleet.report(worker, Used("m-1", Amounts(cost=dollars * UNITS)))
    return run, worker


async def the_item(world: World) -> str:
    opened = await world.fleet.events(EventKind.ATTENTION_OPENED)
    return str(opened[-1].data["item"])


async def test_how_budgets_stand(world: World) -> None:
    run, worker = await spender(world, 4)
    query = f"query($id: ID!) {{ worker(id: $id) {{ {BUDGET} task {{ {BUDGET} }} run {{ {BUDGET} }} }} }}"
    found = (await world.api.query(query, id=worker))["worker"]
    assert found == {
        "budgetUsd": None,
        "budget": None,
        "task": stands("5", "4", "1", "0", "WARNING"),
        "run": stands("10", "4", "1", "5", "WITHIN"),
    }
    warned = """{ events(filter: {types: ["BudgetWarned"]}) { edges { node {
      ... on BudgetWarned { scope budgetUsd spentUsd task { key } worker { id } run { id } }
    } } } }"""
    (edge,) = (await world.api.query(warned))["events"]["edges"]
    assert edge["node"] == {
        "scope": "TASK",
        "budgetUsd": "5",
        "spentUsd": "4",
        "task": {"key": "a"},
        "worker": {"id": worker},
        "run": {"id": run},
    }


async def test_null_takes_a_limit_away_and_what_is_left_out_stays(world: World) -> None:
    run, _ = await spender(world, 1)
    for given, left in (
        ({"maxWorkers": 2}, "10"),
        ({"budgetUsd": "7.50"}, "7.5"),
        ({"budgetUsd": None}, None),
    ):
        done = await world.api.do("configureRun", "run { budgetUsd }", runId=run, **given)
        assert done["run"]["budgetUsd"] == left
    task = "query($id: ID!) { run(id: $id) { tasks { edges { node { budgetUsd } } } } }"
    for change, now in (({"priority": 1}, "5"), ({"budgetUsd": "0.5"}, "0.5"), ({"budgetUsd": None}, None)):
        edit = {"updateTask": {"task": "a", **change}}
        await world.api.do("mutateDag", runId=run, operations=[edit])
        tasks = (await world.api.query(task, id=run))["run"]["tasks"]["edges"]
        assert tasks[0]["node"]["budgetUsd"] == now


@pytest.mark.parametrize("amount", ["-1", "100000001", "0.00000000001"])
async def test_what_is_no_budget_is_refused_with_its_place(world: World, amount: str) -> None:
    refused = await world.api.refused("configureRun", runId=world.run, budgetUsd=amount)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["input", "budgetUsd"])


async def test_only_people_raise_what_a_run_may_spend(world: World) -> None:
    run, worker = await spender(world, 4)
    await world.api.do("configureRun", runId=run, budgetUsd="4")
    item = await the_item(world)
    orchestrator, agent = await world.orchestrator_of(run), await world.agent_of(worker)
    for caller in (orchestrator, agent):
        for verb, input in (
            ("answerAttention", {"itemId": item, "answer": "no limit"}),
            ("dismissAttention", {"itemId": item}),
            ("configureRun", {"runId": run, "budgetUsd": None}),
        ):
            assert (await caller.refused(verb, **input))["code"] == "FORBIDDEN", verb
    refused = await orchestrator.refused("resumeRun", runId=run)
    assert (refused["code"], refused["message"]) == (
        "BUDGET_EXCEEDED",
        "The run has spent $4 of its budget of $4.",
    )
    await world.api.do("answerAttention", itemId=item, answer=9.5)
    assert (await world.fleet.run(run)).budget == 95 * UNITS // 10

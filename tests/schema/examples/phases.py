"""Gates and what a phase owes."""

from typing import Final

from app.domain.plans import Plan, PlanDeliverable, PlanFormat, PlanPhase, PlanTask
from tests.schema.examples.inputs import Example, Input, versioned
from tests.schema.world import World


async def advance_phase(world: World) -> Input:
    run = await world.a_guarded_run()
    return {**await versioned(world, run), "toPhase": "phase-2", "confirmed": True, "force": False}


async def a_deliverable(world: World) -> Input:
    phase = PlanPhase("phase-1", "First", [PlanTask("task", "Do it")])
    phase.deliverables = [PlanDeliverable("paper", "The paper")]
    run = await world.a_run(plan=Plan(PlanFormat.TRACKSIDE, "Owing", [phase]))
    return {**await versioned(world, run), "phase": "phase-1", "deliverable": "paper"}


async def complete_deliverable(world: World) -> Input:
    input = {**await a_deliverable(world), "evidence": "docs/paper.md"}
    del input["reason"]
    return input


EXAMPLES: Final[dict[str, list[Example]]] = {
    "advancePhase": [advance_phase],
    "completeDeliverable": [complete_deliverable],
    "waiveDeliverable": [a_deliverable],
}

"""For each mutation inputs that are carried out, together using every field that its input has.

An example takes a world, makes what it needs, and returns the input.
"""

from typing import Final

from tests.schema.api import Api
from tests.schema.examples import access, attention, dag, fleet, phases, runs, tasks, workers
from tests.schema.examples.inputs import AT, PLAN, Example, Input
from tests.schema.world import World

__all__ = [
    "AT",
    "EXAMPLES",
    "OF_RUNNERS",
    "OF_SUPERVISORS",
    "OTHER",
    "PLAN",
    "SENT",
    "UNRECORDED",
    "Example",
    "Input",
    "sender",
]

EXAMPLES: Final[dict[str, list[Example]]] = {
    **runs.EXAMPLES,
    **phases.EXAMPLES,
    **dag.EXAMPLES,
    **tasks.EXAMPLES,
    **workers.EXAMPLES,
    **attention.EXAMPLES,
    **access.EXAMPLES,
    **fleet.EXAMPLES,
}

OTHER: Final[dict[str, Input]] = {
    "createProject": {"name": "a third"},
    "batchRuns": {"olderThanHours": 1},
    "createRun": {"name": "Another"},
    "createSubtask": {"title": "Look up"},
    "updateSubtask": {"completed": False},
    "deleteSubtask": {"subtaskId": "sub_another"},
    "addFinding": {"title": "What I missed"},
    "createToken": {"name": "another"},
    "reportProgress": {"progress": 41},
    "completeDeliverable": {"evidence": "docs/other.md"},
    "askQuestion": {"detail": "It does not."},
    "answerAttention": {"answer": "blue"},
}
"""What makes another request of an example; another reason does where nothing is said."""

OF_RUNNERS: Final = frozenset({"reportWorker", "beatWorker"})

OF_SUPERVISORS: Final = frozenset({"heartbeat"})

UNRECORDED: Final = OF_RUNNERS | OF_SUPERVISORS
"""Mutations that leave no command: they come too often."""


async def sender(world: World, mutation: str, otherwise: Api | None = None) -> Api:
    """Who may send the examples of a mutation."""
    if mutation in OF_RUNNERS:
        return await world.runner_of(world.worker)
    if mutation in OF_SUPERVISORS:
        return await world.orchestrator_of(world.run)
    return otherwise or world.api


SENT: Final = [mutation for mutation in EXAMPLES if mutation not in OF_RUNNERS]
"""Mutations that people and agents send."""

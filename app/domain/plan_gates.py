"""Gates of phases that an edited plan brings, and what it says otherwise of those that are there."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from app.domain.phases import Gate, TaskRequirement
from app.domain.plans import PlanPhase


def in_run(gate: Gate, keys: Mapping[str, str]) -> Gate:
    """With the keys that its tasks have in the run."""
    return replace(gate, tasks=tuple(keys.get(key, key) for key in gate.tasks))


def over(gate: Gate, coming: Collection[str], *, left_out: int) -> Gate:
    """What of a gate can be asked of the tasks that come into its phase; those left out are done, or stay elsewhere."""
    match gate.requirement:
        case TaskRequirement.NAMED:
            named = tuple(key for key in gate.tasks if key in coming)
            return replace(gate, tasks=named) if named else Gate(TaskRequirement.NONE)
        case TaskRequirement.MIN:
            least = (gate.minimum or 0) - left_out
            return replace(gate, minimum=least) if least > 0 else Gate(TaskRequirement.NONE)
        case _:
            return gate


def otherwise(
    before: PlanPhase, after: PlanPhase, keys_before: Mapping[str, str], keys_after: Mapping[str, str]
) -> list[str]:
    """What a document says differently of how a phase is left."""
    pairs = {
        "its gate": (in_run(before.gate, keys_before), in_run(after.gate, keys_after)),
        "its guard": (before.guard, after.guard),
        "its deliverables": (before.deliverables, after.deliverables),
    }
    return [name for name, (was, now) in pairs.items() if was != now]

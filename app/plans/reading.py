"""A Markdown plan half read: its tasks with their place in the document, before anybody says what waits for what."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.domain.plans import Plan, PlanTask
from app.plans.entries import Entry
from app.plans.outline import Outline


@dataclass(frozen=True, slots=True)
class Item:
    """A task with where it was found. `id` is what the document calls it, `phase` the place of its phase."""

    entry: Entry
    task: PlanTask
    id: str | None
    phase: int


@dataclass(frozen=True, slots=True)
class Reading:
    """`items` are in the order of the document, which that of the phases need not be."""

    outline: Outline
    plan: Plan
    items: Sequence[Item]


Order = Callable[[Reading], None]
"""Says what waits for what: fills `depends_on` of every task, and may put the phases in another order."""

"""What the log tells is what is."""

import json
from collections.abc import Callable, Iterator

from tests.invariants.rows import Look
from tests.story import Story


def of_statuses(seen: Look, story: Story) -> Iterator[str]:
    for noun in ("run", "worker", "task"):
        for row in seen.rows[noun].values():
            told = story.status.get(row.id)
            if told is not None and told != row.status:
                yield f"{row.id} is {row.status}, but the last event says {told}"
            if told is None and noun != "task":
                yield f"no event tells of {row.id}"
    for row in seen.command.values():
        if story.commands.get(row.id) != row.status:
            yield f"command {row.verb} is {row.status}, but the last event says {story.commands.get(row.id)}"
    for run in seen.run.values():
        phase = seen.phase.get(run.phase_id)
        if (phase.key if phase else None) != story.phase.get(run.id):
            yield f"{run.id} is in phase {phase and phase.key}, but the log says {story.phase.get(run.id)}"


def of_deliverables(seen: Look, story: Story) -> Iterator[str]:
    for row in seen.deliverable.values():
        if story.deliverables.get(row.id, "PENDING") != row.status:
            yield f"deliverable {row.key} is {row.status}, but the events say {story.deliverables.get(row.id)}"
        if (row.changed_by is None) != (row.status == "PENDING"):
            yield f"deliverable {row.key} is {row.status}, changed by {row.changed_by}"


def of_supervisors(seen: Look, story: Story) -> Iterator[str]:
    for row in seen.supervisor.values():
        if story.status.get(row.id) != row.state:
            yield f"supervisor {row.id} is {row.state}, but the last event says {story.status.get(row.id)}"
        steps = json.loads(row.restoration) if isinstance(row.restoration, str) else row.restoration
        last, told = steps[-1]["step"] if steps else None, story.restorations.get(row.id)
        if last != told:
            yield f"supervisor {row.id} was brought back as far as {last}, but the events say {told}"


RULES: list[Callable[[Look, Story], Iterator[str]]] = [of_statuses, of_deliverables, of_supervisors]

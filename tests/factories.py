"""Plans and their parts, with defaults for everything that is not under test."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from app.domain.access import Actor, Role
from app.domain.phases import Gate
from app.domain.plans import Plan, PlanDeliverable, PlanFormat, PlanPhase, PlanStatus, PlanTask

COMMAND: dict[str, Any] = {"kind": "command", "argv": ["true"]}
OPERATOR = Actor(id="tok_operator", name="olga", role=Role.OPERATOR)

Entry = str | PlanTask


def an_actor(role: Role = Role.OPERATOR, *, id: str | None = None, **scope: Any) -> Actor:
    """`an_actor(Role.WORKER, worker_id=…)`; who has the same id shares idempotency keys."""
    return Actor(id=id or f"tok_{role.lower()}", name=role.lower(), role=role, **scope)


def a_task(key: str, *, needs: Sequence[str] = (), done: bool = False, **values: Any) -> PlanTask:
    return PlanTask(
        key=key,
        title=values.pop("title", f"Do {key}"),
        depends_on=list(needs),
        status=PlanStatus.DONE if done else PlanStatus.PENDING,
        **values,
    )


def a_plan(*entries: Entry | Sequence[Entry], title: str | None = "A plan") -> Plan:
    """Of tasks, or of phases that are lists of tasks: `a_plan("design", "build < design")`.

    What stands after `<` is waited for; an `*` after the key means that the document marks the task as done.
    """
    phases = [list(entry) for entry in entries if not isinstance(entry, str | PlanTask)]
    if not phases:
        phases = [[entry for entry in entries if isinstance(entry, str | PlanTask)]]
    return Plan(
        PlanFormat.TRACKSIDE,
        title,
        [
            PlanPhase(f"phase-{number}", f"Phase {number}", [_task(entry) for entry in phase])
            for number, phase in enumerate(phases, 1)
        ],
    )


def _task(entry: Entry) -> PlanTask:
    if isinstance(entry, PlanTask):
        return entry
    name, _, needs = entry.partition("<")
    return a_task(name.strip(" *"), needs=needs.split(), done=name.strip().endswith("*"))


def gated(
    plan: Plan, gate: Gate | None = None, *, guard: bool | None = None, owes: tuple[str, ...] = ()
) -> Plan:
    """The same plan with this gate before the second phase."""
    first = plan.phases[0]
    first.gate, first.guard = gate or Gate(), guard
    first.deliverables = [PlanDeliverable(key, key.title()) for key in owes]
    return plan


SKILL: Final[dict[str, str]] = {"version": "1.2", "role": "worker", "description": "How to write."}


def a_skill(place: Path, folder: str = "writing", text: str | None = "Write well.\n", **fields: Any) -> Path:
    """A skill in the folder `skills` of a place; a field that is None is left out of its manifest."""
    values = {"name": folder, **SKILL, **fields}
    path = place / "skills" / folder
    path.mkdir(parents=True)
    said = {field: value for field, value in values.items() if value is not None}
    (path / "manifest.json").write_text(json.dumps(said))
    if text is not None:
        (path / "skill.md").write_text(text)
    return path

"""Draws the state machines for the manual, from the tables that the program obeys."""

from enum import StrEnum
from typing import Any, Final

from app.domain.attention import ATTENTION
from app.domain.commands import COMMAND
from app.domain.deliverables import DELIVERABLE
from app.domain.machines import Machine
from app.domain.phases import PHASE
from app.domain.restorations import RESTORATION
from app.domain.runs import RUN
from app.domain.supervisors import SUPERVISOR
from app.domain.tasks import TASK
from app.domain.workers import WORKER

PAGES: Final[dict[str, Machine[Any, Any]]] = {
    "runs": RUN,
    "phases": PHASE,
    "deliverables": DELIVERABLE,
    "tasks": TASK,
    "workers": WORKER,
    "supervisors": SUPERVISOR,
    "restorations": RESTORATION,
    "attention": ATTENTION,
    "commands": COMMAND,
}
"""Which machine each page of `docs/states` shows."""


def page(name: str) -> str:
    """A Markdown page: the machine as a Mermaid diagram, and as a table to search in."""
    machine = PAGES[name]
    noun = machine.noun.capitalize()
    return "\n".join(
        [
            f"# The states of {'an' if noun[0] in 'AEIOU' else 'a'} {machine.noun}",
            "",
            f"Generated from `app/domain/{name}.py`. What is not listed is refused with `INVALID_TRANSITION`.",
            "",
            "```mermaid",
            *_diagram(machine),
            "```",
            "",
            "| from | move | to |",
            "|---|---|---|",
            *(f"| `{origin}` | {_words(move)} | `{target}` |" for (origin, move), target in _rows(machine)),
            "",
        ]
    )


def _diagram(machine: Machine[Any, Any]) -> list[str]:
    lines = ["stateDiagram-v2", f"    [*] --> {machine.start}"]
    lines += [f"    {origin} --> {target}: {_words(move)}" for (origin, move), target in _rows(machine)]
    states = dict.fromkeys([machine.start, *machine.moves.values()])
    lines += [f"    {state} --> [*]" for state in states if machine.is_final(state)]
    return lines


def _rows(machine: Machine[Any, Any]) -> list[tuple[tuple[Any, Any], Any]]:
    """The moves, sorted by where they begin, in the order of the states' definition."""
    kind: type[StrEnum] = type(machine.start)
    states = list(kind)
    return sorted(machine.moves.items(), key=lambda row: states.index(row[0][0]))


def _words(move: Any) -> str:
    return str(move).lower().replace("_", " ")

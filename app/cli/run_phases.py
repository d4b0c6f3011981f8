"""What the command line says of the phases of a new run: `--phase`, `--deliverable`, `--gate`, `--guard`."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from app.client.errors import TracksideError
from app.domain.phases import TaskRequirement

Phases = Annotated[
    list[str] | None,
    typer.Option(
        "--phase",
        metavar="KEY[:TITLE]",
        help="A phase of the plan, and what to call it; `plan show` tells their keys. May be repeated, as all of these.",
    ),
]
Deliverables = Annotated[
    list[str] | None,
    typer.Option(
        "--deliverable",
        metavar="PHASE:KEY[:TITLE]",
        help="Something that the phase owes before it is left.",
    ),
]
Gates = Annotated[
    list[str] | None,
    typer.Option(
        "--gate",
        metavar="PHASE:WHAT",
        help="Which of its tasks have to be done before a phase is left: ALL, NONE, MIN=2, or NAMED=key,key.",
    ),
]
Guards = Annotated[
    list[str] | None,
    typer.Option("--guard", metavar="PHASE", help="Leave this phase only when somebody confirms."),
]


def phase_inputs(
    phases: list[str] | None,
    deliverables: list[str] | None,
    gates: list[str] | None,
    guards: list[str] | None,
) -> list[dict[str, Any]] | None:
    """As createRun takes them, in the order in which they are first named."""
    found: dict[str, dict[str, Any]] = {}
    for words in phases or []:
        key, _, title = words.partition(":")
        _phase(found, key, f"--phase {words}").update({"title": title} if title else {})
    for words in deliverables or []:
        phase, key, title = (*words.split(":", 2), "", "")[:3]
        owed = _phase(found, phase, f"--deliverable {words}").setdefault("deliverables", [])
        owed.append({"key": key, **({"title": title} if title else {})})
        if not key:
            raise _unclear(f"--deliverable {words}", "Say --deliverable PHASE:KEY, such as build:report.")
    for words in gates or []:
        phase, _, what = words.partition(":")
        _phase(found, phase, f"--gate {words}")["gate"] = _gate(what, f"--gate {words}")
    for key in guards or []:
        _phase(found, key, f"--guard {key}")["guard"] = True
    return list(found.values()) or None


def _phase(found: dict[str, dict[str, Any]], key: str, said: str) -> dict[str, Any]:
    if not key:
        raise _unclear(said, "Name a phase by its key: `trackside plan show PLAN` tells them.")
    return found.setdefault(key, {"key": key})


def _gate(what: str, said: str) -> dict[str, Any]:
    word, _, value = what.partition("=")
    asked = word.upper()
    if asked in (TaskRequirement.ALL, TaskRequirement.NONE) and not value:
        return {"taskRequirement": asked}
    if asked == TaskRequirement.MIN and value.isascii() and value.isdigit():
        return {"taskRequirement": asked, "minimum": int(value)}
    if asked == TaskRequirement.NAMED and (keys := _keys(value.split(","))):
        return {"taskRequirement": asked, "tasks": keys}
    raise _unclear(said, "Say PHASE:ALL, PHASE:NONE, PHASE:MIN=2 or PHASE:NAMED=key,key.")


def _keys(words: Iterable[str]) -> list[str]:
    return [word.strip() for word in words if word.strip()]


def _unclear(said: str, suggestion: str) -> TracksideError:
    return TracksideError("INVALID_INPUT", f"{said!r} says nothing of a phase.", suggestion=suggestion)

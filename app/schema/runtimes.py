"""What a worker runs, as input."""

from typing import Any

import strawberry

from app.domain import limits
from app.schema import files
from app.schema.inputs import given, optional


@strawberry.input(one_of=True, description="What a task's worker runs: exactly one of these.")
class RuntimeInput:
    command: list[str] | None = optional(
        "An executable and its arguments; no shell. Found on the server's PATH, or by its path from the project's root."
    )


def runtime_of(runtime: Any, project_root: str, *path: str) -> dict[str, Any] | None:
    """A runtime as it is stored, or None where none was given. Looks the executable up."""
    runtime = given(runtime)
    if runtime is None:
        return None
    argv = limits.argv(runtime.command, *path, "command")
    files.check_executable(argv, project_root, [*path, "command"])
    return {"kind": "command", "argv": argv}

"""Plan files: read here, and sent to the server."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from app.client.errors import TracksideError
from app.domain import limits
from app.domain.plans import Plan, PlanFormat


def read_plan(file: Path, format: PlanFormat | None = None) -> tuple[Plan, bytes]:
    """The plan, and the bytes it was read from."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise TracksideError(
            "INVALID_INPUT",
            f"{file} cannot be read: {(error.strerror or str(error)).lower()}.",
            suggestion="Name a plan: a Markdown, YAML or JSON file.",
        ) from error
    read: Plan = _plans().read(content, name=str(file), format=format)
    return read, content


def as_sent(plan: Plan, content: bytes, file: Path, root: Path) -> dict[str, Any]:
    """The plan as the server takes it: by its path where it lies in the project, so that changes of the file are noticed.

    As text where it lies elsewhere, or where the server would not find the format that it was read in.
    """
    inside = os.path.relpath(file.resolve(), root)
    is_inside = inside.split(os.sep)[0] != os.pardir
    if is_inside and _plans().detect(content, inside) is plan.format:
        return {"path": inside}
    document = content.decode("utf-8")
    if len(document) <= limits.PLAN_TEXT:
        return {"text": {"format": plan.format, "content": document}}
    raise TracksideError(
        "LIMIT_EXCEEDED",
        f"{file} is over {limits.PLAN_TEXT:,} characters and cannot be read by the server itself.",
        suggestion=f"Put it below {root}, or run from a directory above it.",
    )


def _plans() -> Any:
    """The readers of all formats take longer to load than everything else here: not for a list, nor for a tab."""
    return import_module("app.plans")

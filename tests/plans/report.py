"""A table of the real plans at the end of a test run. Only pytest's first process can write it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.errors import AppError
from app.plans import read


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The real plans as they are read now, after tests of plans."""
    ran = (report.nodeid for report in terminalreporter.getreports("passed"))
    if not any(nodeid.startswith("tests/plans/") for nodeid in ran):
        return
    folder = Path(os.environ.get("TRACKSIDE_TEST_PLANS") or Path(__file__).parents[3] / "shared" / "plans")
    files = sorted(file for end in ("md", "json") for file in folder.glob(f"*/*.{end}"))
    if not files:
        return
    terminalreporter.section("plans as they are read")
    terminalreporter.line(
        f"{'file':<40} {'format':<12} {'tasks':>6} {'phases':>7} {'edges':>6} {'warnings':>9}"
    )
    for file in files:
        name = file.relative_to(folder).as_posix()
        for line in _row(name, file.read_bytes()):
            terminalreporter.line(line)


def _row(name: str, content: bytes) -> Iterator[str]:
    try:
        plan = read(content, name=name)
    except AppError as refused:
        yield f"{name:<40} refused: {refused.message.removeprefix(name)[:100]}"
        return
    tasks = list(plan.tasks())
    edges = sum(len(task.depends_on) for task in tasks)
    yield f"{name:<40} {plan.format:<12} {len(tasks):>6} {len(plan.phases):>7} {edges:>6} {len(plan.warnings):>9}"
